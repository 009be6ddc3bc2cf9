//! Models in turns.

use mesm::{Batch, Model};
use serde::{Deserialize, Serialize};

use crate::{BenchError, Clock};

/// Seconds of several calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the calls took longer.
    pub median_s: f64,
    /// The shortest.
    pub least_s: f64,
    /// A quarter of the calls took less.
    pub lower_quartile_s: f64,
    /// A quarter of the calls took longer.
    pub upper_quartile_s: f64,
    /// How many.
    pub calls: usize,
}

impl Spread {
    /// Of so many seconds each.
    #[must_use]
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * seconds.len().saturating_sub(1) as f64;
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            match (seconds.get(low), seconds.get(high)) {
                (Some(a), Some(b)) => a + (b - a) * place.fract(),
                _ => f64::NAN,
            }
        };
        Self {
            median_s: at(0.5),
            least_s: at(0.0),
            lower_quartile_s: at(0.25),
            upper_quartile_s: at(0.75),
            calls: seconds.len(),
        }
    }
}

/// One model's times, and what it did in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Of a call, from its inputs on the device to its logits on the host.
    pub time: Spread,
    /// What of it the host needs to hand a call over; from then on it waits. On the processor that is all of it.
    pub handed_over: Spread,
    /// Multiply-accumulates of convolutions, attention and the two linear layers; pairs of active points counted.
    pub macs: u64,
    /// Share of the points kept by each attention layer, all branches together; empty for FE2E.
    pub kept: Vec<f64>,
    /// The first call, which may have compiled and tried kernels.
    pub first_s: f64,
}

/// Calls each of the `models` once for warming up and then `rounds` times, in turns.
///
/// # Errors
/// When a model fails.
pub async fn compare(
    models: &[&Model],
    batch: &Batch,
    rounds: usize,
    clock: Clock,
) -> Result<Vec<Measurement>, BenchError> {
    let mut measured = Vec::with_capacity(models.len());
    for model in models {
        let first_s = call(model, batch, clock).await?.1;
        let prediction = model.forward_async(batch).await?.into_host().await?;
        let macs = prediction
            .cost
            .values()
            .map(|cost| cost.cnn_macs_pairs() + cost.flatten_macs)
            .sum();
        let mut kept: Vec<(usize, usize)> = Vec::new();
        for maps in prediction
            .attention
            .values()
            .flat_map(|layers| layers.iter().enumerate())
        {
            let (layer, maps) = maps;
            if kept.len() <= layer {
                kept.push((0, 0));
            }
            kept[layer].0 += maps.active_points();
            kept[layer].1 += maps.masks.iter().map(Vec::len).sum::<usize>();
        }
        measured.push(Measurement {
            time: Spread::of(Vec::new()),
            handed_over: Spread::of(Vec::new()),
            macs,
            kept: kept
                .into_iter()
                .map(|(kept, all)| kept as f64 / all.max(1) as f64)
                .collect(),
            first_s,
        });
    }
    let mut seconds = vec![(Vec::with_capacity(rounds), Vec::with_capacity(rounds)); models.len()];
    for _ in 0..rounds {
        for (model, (handed_over, whole)) in models.iter().zip(&mut seconds) {
            let found = call(model, batch, clock).await?;
            handed_over.push(found.0);
            whole.push(found.1);
        }
    }
    for (measurement, (handed_over, whole)) in measured.iter_mut().zip(seconds) {
        measurement.handed_over = Spread::of(handed_over);
        measurement.time = Spread::of(whole);
    }
    Ok(measured)
}

/// Seconds of one call until it was handed over, and until its logits were on the host.
async fn call(model: &Model, batch: &Batch, clock: Clock) -> Result<(f64, f64), BenchError> {
    let start = clock();
    let output = model.forward_async(batch).await?;
    let handed_over = clock() - start;
    output
        .logits
        .into_data_async()
        .await
        .map_err(|error| BenchError::Device(format!("{error:?}")))?;
    Ok((handed_over, clock() - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_calls() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((spread.least_s, spread.median_s), (1.0, 2.5));
        assert_eq!(
            (spread.lower_quartile_s, spread.upper_quartile_s),
            (1.75, 3.25)
        );
        assert!(Spread::of(Vec::new()).median_s.is_nan());
    }
}
