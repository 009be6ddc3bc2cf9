//! Quality and cost at each p of the nucleus selection: the paper's Figure 5.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::metrics::Interval;

/// The table could not be written.
#[derive(Debug, Error)]
#[error("the table of the sweep: {0}")]
pub struct SweepError(String);

/// What a p gives and costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Share of attention that is kept, in 0..1.
    pub top_p: f64,
    /// The figure that is compared.
    pub quality: f64,
    /// How far it may be off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The cost in the sweep's unit.
    pub cost: f64,
}

/// A model at every p.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SweepSeries {
    /// What the model is called.
    pub name: String,
    /// Its points, p rising.
    pub points: Vec<SweepPoint>,
}

/// The dense model, for which there is no p.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DensePoint {
    /// The figure that is compared.
    pub quality: f64,
    /// The cost in the sweep's unit.
    pub cost: f64,
}

/// Models over p.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sweep {
    /// What quality is, as an axis says it: `macro-F1`.
    pub quality: String,
    /// What cost is, with its unit, as an axis says it: `10⁹ multiply-accumulates`.
    pub cost: String,
    /// The models.
    pub series: Vec<SweepSeries>,
    /// The dense model beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<DensePoint>,
}

#[derive(Serialize)]
struct Row<'a> {
    model: &'a str,
    top_p: Option<f64>,
    quality: f64,
    low: Option<f64>,
    high: Option<f64>,
    cost: f64,
}

impl Sweep {
    /// The sweep as csv: `model,top_p,quality,low,high,cost`, a row a point; the dense model has no p.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn csv(&self) -> Result<String, SweepError> {
        let points = self.series.iter().flat_map(|series| {
            series.points.iter().map(|point| Row {
                model: &series.name,
                top_p: Some(point.top_p),
                quality: point.quality,
                low: point.interval.map(|interval| interval.low),
                high: point.interval.map(|interval| interval.high),
                cost: point.cost,
            })
        });
        let dense = self.dense.iter().map(|dense| Row {
            model: "dense",
            top_p: None,
            quality: dense.quality,
            low: None,
            high: None,
            cost: dense.cost,
        });
        let mut table = csv::Writer::from_writer(Vec::new());
        for row in points.chain(dense) {
            table
                .serialize(row)
                .map_err(|e| SweepError(e.to_string()))?;
        }
        let bytes = table.into_inner().map_err(|e| SweepError(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| SweepError(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_a_point() {
        let sweep = Sweep {
            quality: "UAR".to_owned(),
            cost: "GMAC".to_owned(),
            series: vec![SweepSeries {
                name: "mesm, frozen".to_owned(),
                points: vec![SweepPoint {
                    top_p: 0.5,
                    quality: 0.61,
                    interval: Some(Interval {
                        low: 0.6,
                        high: 0.62,
                    }),
                    cost: 4.25,
                }],
            }],
            dense: Some(DensePoint {
                quality: 0.63,
                cost: 8.5,
            }),
        };
        assert_eq!(
            sweep.csv().unwrap(),
            "model,top_p,quality,low,high,cost\n\"mesm, frozen\",0.5,0.61,0.6,0.62,4.25\ndense,,0.63,,,8.5\n"
        );
    }
}
