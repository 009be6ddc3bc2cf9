//! How often each class comes in an epoch.

/// Shares `total` out among classes by `frequencies^(1 - balance)`: with a balance of 0 as they come, with 1 all alike,
/// with 0.5 by the root of their frequency.
///
/// Each gets the whole part of its share, and those with the largest rests one more, the earlier first. A class without
/// frequency gets nothing; a balance outside of 0..=1 counts as the nearer end, one
/// that is no number as 0.
pub(super) fn quotas(frequencies: &[f64], balance: f64, total: usize) -> Vec<usize> {
    let balance = if balance.is_nan() {
        0.0
    } else {
        balance.clamp(0.0, 1.0)
    };
    let exponent = 1.0 - balance;
    let weights: Vec<f64> = frequencies
        .iter()
        .map(|f| if *f > 0.0 { f.powf(exponent) } else { 0.0 })
        .collect();
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return vec![0; frequencies.len()];
    }
    let shares: Vec<f64> = weights.iter().map(|w| w / sum * total as f64).collect();
    let mut quotas: Vec<usize> = shares.iter().map(|s| *s as usize).collect();
    let mut by_rest: Vec<usize> = (0..shares.len()).filter(|c| weights[*c] > 0.0).collect();
    by_rest.sort_by(|a, b| shares[*b].fract().total_cmp(&shares[*a].fract()));
    let left = total.saturating_sub(quotas.iter().sum());
    for class in by_rest.into_iter().take(left) {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_goes_from_natural_to_even() {
        let counts = [900.0, 90.0, 10.0];
        assert_eq!(quotas(&counts, 0.0, 1000), [900, 90, 10]);
        assert_eq!(quotas(&counts, 1.0, 999), [333, 333, 333]);
        // Roots 30, 9.49 and 3.16: shares 703.4, 222.4 and 74.1.
        assert_eq!(quotas(&counts, 0.5, 1000), [703, 223, 74]);
    }

    #[test]
    fn every_place_is_given_and_none_to_absent_classes() {
        for total in 0..200 {
            for balance in [0.0, 0.3, 1.0, -1.0, 7.0, f64::NAN] {
                let quotas = quotas(&[3.0, 0.0, 5.0, 7.0], balance, total);
                assert_eq!(quotas.iter().sum::<usize>(), total);
                assert_eq!(quotas[1], 0);
            }
        }
        assert_eq!(quotas(&[0.0, 0.0], 0.5, 10), [0, 0]);
        assert!(quotas(&[], 0.5, 10).is_empty());
    }

    /// Natural counts come back exactly, whatever their fractions do.
    #[test]
    fn natural_is_exact() {
        for a in 1..60 {
            for b in 1..60 {
                let counts = [a as f64, b as f64, 7.0];
                assert_eq!(quotas(&counts, 0.0, a + b + 7), [a, b, 7]);
            }
        }
    }
}
