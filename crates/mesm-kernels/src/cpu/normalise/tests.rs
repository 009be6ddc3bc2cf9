use super::*;

fn values(seed: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 193 + seed * 71 + i / 7) % 127) as f32 / 32.0 - 2.0)
        .collect()
}

fn by(rows: &[f32], channels: usize) -> Normalised {
    let (mean, variance) = statistics(rows, channels);
    Normalised {
        mean,
        inverse_deviation: variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect(),
        weight: values(5, channels),
        bias: values(6, channels),
    }
}

#[test]
fn statistics_are_those_of_all_rows() {
    let rows = values(1, 700 * 3);
    let (mean, variance) = statistics(&rows, 3);
    for c in 0..3 {
        let column: Vec<f64> = rows[c..].iter().step_by(3).map(|v| f64::from(*v)).collect();
        let m = column.iter().sum::<f64>() / 700.0;
        let v = column.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / 700.0;
        assert!((f64::from(mean[c]) - m).abs() < 1e-6);
        assert!((f64::from(variance[c]) - v).abs() < 1e-5);
    }
}

/// Every number of columns and rows that a vector, a tile or a part may end in, against sums written out.
#[test]
fn every_remainder_is_that_of_its_columns() {
    for (channels, count) in [(1, 1), (3, 700), (24, 300), (40, 7), (64, 513)] {
        let rows = values(1, count * channels);
        let pull = values(2, count * channels);
        let by = by(&rows, channels);
        let out = normalise(&rows, &by);
        let (dx, dw, db) = normalise_back(&rows, &pull, &by);
        for c in 0..channels {
            let column = |all: &[f32]| -> Vec<f64> {
                let column = all[c..].iter().step_by(channels);
                column.map(|value| f64::from(*value)).collect()
            };
            let [weight, bias, mean, inverse] =
                [&by.weight, &by.bias, &by.mean, &by.inverse_deviation].map(|v| f64::from(v[c]));
            let standard: Vec<f64> = column(&rows).iter().map(|x| (x - mean) * inverse).collect();
            let passed: Vec<f64> = standard
                .iter()
                .zip(column(&pull))
                .map(|(s, pull)| if s * weight + bias > 0.0 { pull } else { 0.0 })
                .collect();
            let to_bias: f64 = passed.iter().sum();
            let to_weight: f64 = passed.iter().zip(&standard).map(|(g, s)| g * s).sum();
            assert!(
                (to_bias - f64::from(db[c])).abs() < 1e-2,
                "{to_bias} {}",
                db[c]
            );
            assert!(
                (to_weight - f64::from(dw[c])).abs() < 1e-2,
                "{to_weight} {}",
                dw[c]
            );
            let both = column(&out).into_iter().zip(column(&dx));
            for ((found, back), (s, g)) in both.zip(standard.iter().zip(&passed)) {
                assert!((found - (s * weight + bias).max(0.0)).abs() < 1e-4);
                let expected = weight * inverse * (g - (to_bias + s * to_weight) / count as f64);
                let scale = 1.0 + (weight * inverse).abs();
                assert!((back - expected).abs() < 1e-3 * scale, "{back} {expected}");
            }
        }
    }
}

/// Against finite differences of the sum of all normalised values, each times a weight of its own.
#[test]
fn gradients_are_slopes() {
    let (channels, count) = (3, 40);
    let rows = values(1, count * channels);
    let pull = values(2, count * channels);
    let loss = |rows: &[f32], change: &dyn Fn(&mut Normalised)| -> f64 {
        let mut by = by(rows, channels);
        change(&mut by);
        let out = normalise(rows, &by);
        out.iter().zip(&pull).map(|(a, b)| f64::from(a * b)).sum()
    };
    let (dx, dw, db) = normalise_back(&rows, &pull, &by(&rows, channels));
    let step = 1e-2;
    let keep: &dyn Fn(&mut Normalised) = &|_| {};
    for i in [0, 7, 55, 118] {
        let moved = |by: f32| {
            let mut rows = rows.clone();
            rows[i] += by;
            loss(&rows, keep)
        };
        let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        assert!((slope - f64::from(dx[i])).abs() < 2e-2, "{slope} {}", dx[i]);
    }
    for c in 0..channels {
        let weight = |by: f32| loss(&rows, &move |n: &mut Normalised| n.weight[c] += by);
        let bias = |by: f32| loss(&rows, &move |n: &mut Normalised| n.bias[c] += by);
        let slope = |f: &dyn Fn(f32) -> f64| (f(1e-3) - f(-1e-3)) / 2e-3;
        assert!(
            (slope(&weight) - f64::from(dw[c])).abs() < 0.3,
            "{} {}",
            slope(&weight),
            dw[c]
        );
        assert!(
            (slope(&bias) - f64::from(db[c])).abs() < 0.3,
            "{} {}",
            slope(&bias),
            db[c]
        );
    }
}
