//! A part of a clip: from one moment to another, and of a picture of two people one half.

use super::ClipError;

/// One side of a picture of two people, and the channel of a stereo sound that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// The left half, the first channel.
    Left,
    /// The right half, the second channel.
    Right,
}

/// From when to when, and which side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Start on the clip's clock in seconds, at least 0.
    pub start_s: f64,
    /// End in seconds, after the start.
    pub end_s: f64,
    /// The side that is kept of the picture; of the sound, where it has two channels, the one of that side.
    pub half: Option<Half>,
}

impl Stretch {
    /// Length in seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    /// Refuses what no clip has.
    pub(super) fn check(&self) -> Result<(), ClipError> {
        if self.start_s >= 0.0 && self.end_s > self.start_s && self.end_s.is_finite() {
            return Ok(());
        }
        Err(ClipError::Option {
            name: "a stretch in seconds",
            expected: "from 0 or later to a later moment",
            found: format!("{} to {}", self.start_s, self.end_s),
        })
    }

    /// What ffmpeg is told before the name of its input. Its clock starts at the stretch's start then.
    pub(super) fn input(&self) -> [String; 4] {
        // Microseconds are ffmpeg's own grain.
        let seconds = |s: f64| format!("{s:.6}");
        [
            "-ss".to_owned(),
            seconds(self.start_s),
            "-t".to_owned(),
            seconds(self.length_s()),
        ]
    }

    /// The filter that keeps one half of a picture, with a comma behind it; nothing where both are wanted.
    pub(super) fn picture_filter(half: Option<Half>) -> &'static str {
        match half {
            None => "",
            Some(Half::Left) => "crop=iw/2:ih:0:0,",
            Some(Half::Right) => "crop=iw/2:ih:iw/2:0,",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stretches_of_time_are_taken() {
        let stretch = |start_s, end_s| Stretch {
            start_s,
            end_s,
            half: None,
        };
        assert!(stretch(0.0, 0.1).check().is_ok());
        for (start_s, end_s) in [(-0.1, 1.0), (1.0, 1.0), (2.0, 1.0), (0.0, f64::INFINITY)] {
            assert!(stretch(start_s, end_s).check().is_err());
        }
        assert!(stretch(f64::NAN, 1.0).check().is_err());
        assert_eq!(
            stretch(6.290_1, 8.235_7).input(),
            ["-ss", "6.290100", "-t", "1.945600"]
        );
    }
}
