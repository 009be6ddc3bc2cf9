//! Neighbourhoods laid out as rows, for kernels over few channels.

use crate::parallel::for_each_chunk;

/// The `size` x `size` neighbourhoods of every point of maps `[frames, height, width, channels]`, zeros around, as rows
/// `[frames * height * width, size * size * channels]`.
///
/// # Panics
/// When the number of values is not what the sizes say.
#[must_use]
pub fn unfold(
    maps: &[f32],
    [frames, height, width, channels]: [usize; 4],
    size: usize,
) -> Vec<f32> {
    assert_eq!(maps.len(), frames * height * width * channels, "maps");
    let row = size * size * channels;
    let mut out = vec![0.0; frames * height * width * row];
    for_each_chunk(&mut out, width * row, |line, out| {
        let (frame, y) = (line / height, line % height);
        for dy in 0..size {
            let Some(ny) = (y + dy).checked_sub(size / 2).filter(|&ny| ny < height) else {
                continue;
            };
            let source = &maps[(frame * height + ny) * width * channels..][..width * channels];
            for (x, out) in out.chunks_exact_mut(row).enumerate() {
                // The part of the line that lies under the kernel.
                let left = x.saturating_sub(size / 2);
                let right = (x + size - size / 2).min(width);
                let skipped = left + size / 2 - x;
                let out = &mut out[(dy * size + skipped) * channels..][..(right - left) * channels];
                out.copy_from_slice(&source[left * channels..right * channels]);
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_point_itself() {
        let maps: Vec<f32> = (1..=12).map(|i| i as f32).collect();
        let rows = unfold(&maps, [1, 2, 3, 2], 3);
        assert_eq!(rows.len(), 6 * 18);
        // The point (1, 1): all of the line above, its own line, nothing below.
        let row = &rows[4 * 18..5 * 18];
        assert_eq!(row[..6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(row[6..12], [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
        assert_eq!(row[12..], [0.0; 6]);
        // The corner: nothing above and to the left.
        assert_eq!(rows[..8], [0.0; 8]);
        assert_eq!(rows[8..12], [1.0, 2.0, 3.0, 4.0]);
    }
}
