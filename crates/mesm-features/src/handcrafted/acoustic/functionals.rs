//! A contour as six numbers, whatever its length.

pub(super) const FUNCTIONALS: usize = 6;

/// A deviation below this share of the values is rounding: the contour is level.
const LEVEL: f64 = 1e-9;

/// Mean, standard deviation, minimum, maximum, skewness and kurtosis of a contour.
///
/// Moments are those of the values themselves (divided by their count, not one less); the kurtosis
/// of a normal distribution is 0. A level contour has neither skewness nor kurtosis (0), and of a
/// contour without a value (the pitch of a whisper) all six are 0.
pub(super) fn functionals(contour: &[f64]) -> [f64; FUNCTIONALS] {
    if contour.is_empty() {
        return [0.0; FUNCTIONALS];
    }
    let count = contour.len() as f64;
    let mean = contour.iter().sum::<f64>() / count;
    let moment = |order: i32| {
        let powers = contour.iter().map(|value| (value - mean).powi(order));
        powers.sum::<f64>() / count
    };
    let low = contour.iter().copied().fold(f64::INFINITY, f64::min);
    let high = contour.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let variance = moment(2);
    let std = variance.sqrt();
    if std <= LEVEL * (1.0 + mean.abs()) {
        return [mean, 0.0, low, high, 0.0, 0.0];
    }
    let skewness = moment(3) / (variance * std);
    let kurtosis = moment(4) / (variance * variance) - 3.0;
    [mean, std, low, high, skewness, kurtosis]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_contour() {
        // One of four is 4: variance 3, third moment 6, fourth 21.
        let got = functionals(&[0.0, 0.0, 4.0, 0.0]);
        let expected = [
            1.0,
            3f64.sqrt(),
            0.0,
            4.0,
            6.0 / 27f64.sqrt(),
            21.0 / 9.0 - 3.0,
        ];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }

    #[test]
    fn level_and_absent_contours_are_finite() {
        let level = functionals(&[0.1 + 0.2, 0.3, 0.3]);
        assert!((level[0] - 0.3).abs() < 1e-12);
        assert!(level[1] + level[4].abs() + level[5].abs() < 1e-300);
        assert!(functionals(&[]).iter().all(|value| value.abs() < 1e-300));
        assert!(functionals(&[7.5]).iter().all(|value| value.is_finite()));
    }
}
