//! A calibration diagram.

use plotters::prelude::*;

use super::canvas::{
    Axes, BLUE, Drawn, FAINT, FigureError, INK, Mark, Paper, Pen, VERMILION, axes, figure, legend,
    line, title,
};
use crate::metrics::{Calibration, ReliabilityBin};

/// Height of a figure.
const HEIGHT: u32 = 640;
/// Height of the part that shows how many answers there are.
const COUNTS: u32 = 170;

/// How often answers are right, against how sure they are, with the answers of each bin below. Where the line is below
/// the diagonal the learner is surer than it may be.
///
/// # Errors
/// When there is no answer.
pub fn calibration(name: &str, calibration: &Calibration) -> Result<String, FigureError> {
    if calibration.bins.is_empty() {
        return Err(FigureError::Empty {
            title: name.to_owned(),
            expected: "at least one answer",
        });
    }
    figure(HEIGHT, |paper| {
        title(paper, name)?;
        draw(paper, calibration)
    })
}

fn draw(paper: &Paper<'_>, calibration: &Calibration) -> Drawn {
    let found = Pen {
        colour: BLUE,
        dash: None,
        mark: Mark::Disc,
    };
    let ideal = Pen {
        colour: FAINT,
        dash: Some((3, 4)),
        mark: Mark::None,
    };
    let gap = Pen {
        colour: VERMILION,
        dash: None,
        mark: Mark::None,
    };
    let measured = format!("gap, {:.3} on average", calibration.expected_error);
    let entries = [
        ("answers of a bin", found),
        ("ideal", ideal),
        (measured.as_str(), gap),
    ];
    let top = legend(paper, &entries, 42)? + 8;
    let (_, below) = paper.split_vertically(top);
    let (diagram, counts) = below.split_vertically(below.dim_in_pixel().1 - COUNTS);
    let share = |value: &f64| format!("{value:.1}");

    let chart = axes(
        &diagram,
        (0.0..1.0, ""),
        (0.0..1.0, "share that is right"),
        &share,
        11,
    )?;
    line(&chart, &[(0.0, 0.0), (1.0, 1.0)], ideal)?;
    for bin in &calibration.bins {
        let ends = [
            (bin.confidence, bin.accuracy),
            (bin.confidence, bin.confidence),
        ];
        line(&chart, &ends, gap)?;
    }
    let points: Vec<(f64, f64)> = calibration
        .bins
        .iter()
        .map(|bin| (bin.confidence, bin.accuracy))
        .collect();
    line(&chart, &points, found)?;

    let most = calibration.bins.iter().map(|bin| bin.n).max().unwrap_or(1);
    let name = format!("answers, {} in all", calibration.n);
    let tallest = most as f64 * 1.05;
    let chart = axes(
        &counts,
        (0.0..1.0, "confidence"),
        (0.0..tallest, &name),
        &share,
        11,
    )?;
    for bin in &calibration.bins {
        bar(&chart, bin)?;
    }
    Ok(())
}

fn bar(chart: &Axes<'_, '_>, bin: &ReliabilityBin) -> Drawn {
    let corners = [(bin.from, 0.0), (bin.to, bin.n as f64)];
    let area = chart.plotting_area();
    area.draw(&Rectangle::new(corners, BLUE.mix(0.35).filled()))?;
    area.draw(&Rectangle::new(corners, INK.stroke_width(1)))
}

#[cfg(test)]
mod tests {
    use super::super::canvas::tests::{assert_sound, texts};
    use super::*;

    #[test]
    fn the_error_and_the_count_are_told() {
        let answers = (0..1000_u16).map(|i| (f32::from(i) / 1000.0, i % 3 == 0));
        let found = Calibration::new(10, answers);
        let svg = super::calibration("Faces: calibration", &found).unwrap();
        assert_sound(&svg);
        let texts = texts(&svg);
        let gap = format!("gap, {:.3} on average", found.expected_error);
        assert!(texts.contains(&gap), "{texts:?}");
        assert!(
            texts.contains(&"answers, 1000 in all".to_owned()),
            "{texts:?}"
        );
    }

    #[test]
    fn a_single_answer_is_a_figure_and_none_is_not() {
        assert_sound(&super::calibration("", &Calibration::new(10, [(1.0, true)])).unwrap());
        assert!(super::calibration("", &Calibration::default()).is_err());
    }
}
