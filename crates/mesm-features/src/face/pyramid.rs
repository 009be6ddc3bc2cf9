//! The sizes P-net looks at.

use super::config::MtcnnConfig;

/// Side of the square P-net sees at a time, pixels.
pub(super) const CELL: f64 = 12.0;

/// One size of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Size relative to the frame: a face of `12 / scale` pixels fills P-net's view.
    pub scale: f64,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The pyramid of a frame: from the size at which the smallest face fills P-net's view, down to
/// the last one that still holds a view. A frame smaller than the smallest face has no level.
#[must_use]
pub fn levels(height: usize, width: usize, config: &MtcnnConfig) -> Vec<Level> {
    let mut scale = CELL / config.min_face_px;
    let mut shorter = height.min(width) as f64 * scale;
    let mut levels = Vec::new();
    while shorter >= CELL {
        levels.push(Level {
            scale,
            height: (height as f64 * scale + 1.0) as usize,
            width: (width as f64 * scale + 1.0) as usize,
        });
        scale *= config.pyramid_factor;
        shorter *= config.pyramid_factor;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_at_one_view() {
        let all = levels(240, 320, &MtcnnConfig::default());
        let sizes: Vec<_> = all
            .iter()
            .map(|level| (level.height, level.width))
            .collect();
        assert_eq!(sizes[..3], [(145, 193), (103, 137), (73, 97)]);
        // The last one holds one view, the next would not.
        assert_eq!(
            sizes[3..],
            [(52, 69), (37, 49), (26, 35), (19, 25), (13, 18)]
        );
        assert!(levels(19, 400, &MtcnnConfig::default()).is_empty());
        assert_eq!(levels(20, 20, &MtcnnConfig::default()).len(), 1);
    }
}
