//! Quality and cost over p.

use super::canvas::{
    Axes, BLUE, Drawn, FAINT, FigureError, GREEN, Mark, PURPLE, Paper, Pen, VERMILION, axes,
    figure, legend, line, range, title,
};
use crate::report::{Sweep, SweepSeries};

/// Height of a figure.
const HEIGHT: u32 = 640;

/// The models' pens; more models than this begin again.
const PENS: [Pen; 4] = [
    Pen {
        colour: BLUE,
        dash: None,
        mark: Mark::Disc,
    },
    Pen {
        colour: VERMILION,
        dash: Some((8, 4)),
        mark: Mark::Square,
    },
    Pen {
        colour: GREEN,
        dash: Some((3, 3)),
        mark: Mark::Triangle,
    },
    Pen {
        colour: PURPLE,
        dash: Some((12, 4)),
        mark: Mark::Ring,
    },
];
/// How far the models stand beside each other, in units of p: their whiskers would cover each other.
const ASIDE: f64 = 0.012;
const DENSE: Pen = Pen {
    colour: FAINT,
    dash: Some((2, 4)),
    mark: Mark::None,
};

/// The paper's Figure 5: quality above and cost below against p, a line a model, with intervals as whiskers where they
/// are known and the dense model as a level.
///
/// # Errors
/// When there is no point.
pub fn sweep(name: &str, sweep: &Sweep) -> Result<String, FigureError> {
    if sweep.series.iter().all(|series| series.points.is_empty()) {
        return Err(FigureError::Empty {
            title: name.to_owned(),
            expected: "at least one point",
        });
    }
    figure(HEIGHT, |paper| {
        title(paper, name)?;
        draw(paper, sweep)
    })
}

fn draw(paper: &Paper<'_>, sweep: &Sweep) -> Drawn {
    let pens = || PENS.into_iter().cycle();
    let mut entries: Vec<(&str, Pen)> = sweep
        .series
        .iter()
        .zip(pens())
        .map(|(series, pen)| (series.name.as_str(), pen))
        .collect();
    if sweep.dense.is_some() {
        entries.push(("dense", DENSE));
    }
    let top = legend(paper, &entries, 42)? + 8;
    let (_, below) = paper.split_vertically(top);
    let (upper, lower) = below.split_vertically((below.dim_in_pixel().1 - 22) / 2);
    let label = |p: &f64| format!("{p:.1}");

    let points = || sweep.series.iter().flat_map(|series| &series.points);
    let qualities = points().flat_map(|point| {
        let ends = point.interval.map(|interval| [interval.low, interval.high]);
        std::iter::once(point.quality).chain(ends.into_iter().flatten())
    });
    let qualities = range(qualities.chain(sweep.dense.map(|dense| dense.quality)));
    let chart = axes(
        &upper,
        (0.0..1.05, ""),
        (qualities, &sweep.quality),
        &label,
        11,
    )?;
    level(&chart, sweep.dense.map(|dense| dense.quality))?;
    let models = sweep.series.len();
    for (index, (series, pen)) in sweep.series.iter().zip(pens()).enumerate() {
        let aside = ASIDE * (index as f64 - (models - 1) as f64 / 2.0);
        whiskers(&chart, series, aside, pen)?;
        let mut points = curve(series, |point| point.quality);
        for point in &mut points {
            point.0 += aside;
        }
        line(&chart, &points, pen)?;
    }

    let costs = points()
        .map(|point| point.cost)
        .chain(sweep.dense.map(|dense| dense.cost));
    let costs = 0.0..range(costs).end.max(f64::MIN_POSITIVE);
    let name = "p, share of attention that is kept";
    let chart = axes(&lower, (0.0..1.05, name), (costs, &sweep.cost), &label, 11)?;
    level(&chart, sweep.dense.map(|dense| dense.cost))?;
    for (series, pen) in sweep.series.iter().zip(pens()) {
        line(&chart, &curve(series, |point| point.cost), pen)?;
    }
    Ok(())
}

fn curve(series: &SweepSeries, value: fn(&crate::report::SweepPoint) -> f64) -> Vec<(f64, f64)> {
    series
        .points
        .iter()
        .map(|point| (point.top_p, value(point)))
        .collect()
}

fn level(chart: &Axes<'_, '_>, dense: Option<f64>) -> Drawn {
    match dense {
        Some(value) => line(chart, &[(0.0, value), (1.05, value)], DENSE),
        None => Ok(()),
    }
}

fn whiskers(chart: &Axes<'_, '_>, series: &SweepSeries, aside: f64, pen: Pen) -> Drawn {
    const HALF: f64 = 0.008;
    let plain = Pen {
        dash: None,
        mark: Mark::None,
        ..pen
    };
    for point in &series.points {
        let Some(interval) = point.interval else {
            continue;
        };
        let p = point.top_p + aside;
        line(chart, &[(p, interval.low), (p, interval.high)], plain)?;
        for end in [interval.low, interval.high] {
            line(chart, &[(p - HALF, end), (p + HALF, end)], plain)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::canvas::tests::{assert_sound, texts};
    use super::*;
    use crate::metrics::Interval;
    use crate::report::{DensePoint, SweepPoint};

    fn series(name: &str, lift: f64) -> SweepSeries {
        let point = |step: i32| {
            let top_p = f64::from(step) / 10.0;
            let quality = 0.5 + lift + 0.1 * top_p;
            SweepPoint {
                top_p,
                quality,
                interval: Some(Interval {
                    low: quality - 0.02,
                    high: quality + 0.02,
                }),
                cost: 2.0 + 5.0 * top_p,
            }
        };
        SweepSeries {
            name: name.to_owned(),
            points: (1..=10).map(point).collect(),
        }
    }

    #[test]
    fn models_and_axes_are_named() {
        let found = Sweep {
            quality: "macro-F1".to_owned(),
            cost: "10⁹ multiply-accumulates an utterance".to_owned(),
            series: vec![series("frozen", 0.0), series("straight-through", 0.02)],
            dense: Some(DensePoint {
                quality: 0.61,
                cost: 8.7,
            }),
        };
        let svg = super::sweep("MESM over p", &found).unwrap();
        assert_sound(&svg);
        let texts = texts(&svg);
        for expected in ["frozen", "straight-through", "dense", "macro-F1", "0.5"] {
            assert!(
                texts.iter().any(|text| text == expected),
                "{expected}: {texts:?}"
            );
        }
    }

    #[test]
    fn one_point_is_a_figure_and_none_is_not() {
        let mut one = Sweep {
            series: vec![series("mesm", 0.0)],
            ..Sweep::default()
        };
        one.series[0].points.truncate(1);
        assert_sound(&super::sweep("", &one).unwrap());
        one.series[0].points.clear();
        assert!(super::sweep("", &one).is_err());
    }
}
