//! Learning curves.

use super::canvas::{
    BLUE, Drawn, FigureError, GREEN, Mark, Paper, Pen, VERMILION, axes, figure, legend, line,
    range, title,
};
use crate::report::EpochScores;

/// Height of a figure.
const HEIGHT: u32 = 620;
/// Points further apart than this have marks.
const MARKED: usize = 40;

/// The epochs of one phase: losses on the training and on the validation split above, the score on the validation split
/// below, with a ring around the epoch whose weights were kept. `score` is what the score is called. Epochs are counted
/// from 1, as a run tells them.
///
/// # Errors
/// When there is no epoch.
pub fn learning_curves(
    name: &str,
    score: &str,
    epochs: &[EpochScores],
) -> Result<String, FigureError> {
    if epochs.is_empty() {
        return Err(FigureError::Empty {
            title: name.to_owned(),
            expected: "at least one epoch",
        });
    }
    let curves = Curves {
        train: points(epochs, |epoch| epoch.train_loss),
        valid: points(epochs, |epoch| epoch.valid_loss),
        score: points(epochs, |epoch| epoch.score),
        kept: epochs.iter().rfind(|epoch| epoch.best),
        last: epochs
            .iter()
            .map(|epoch| epoch.epoch + 1)
            .max()
            .unwrap_or(1),
    };
    figure(HEIGHT, |paper| {
        title(paper, name)?;
        curves.draw(paper, score)
    })
}

struct Curves<'a> {
    train: Vec<(f64, f64)>,
    valid: Vec<(f64, f64)>,
    score: Vec<(f64, f64)>,
    kept: Option<&'a EpochScores>,
    last: usize,
}

impl Curves<'_> {
    fn draw(&self, paper: &Paper<'_>, score: &str) -> Drawn {
        let few = self.last <= MARKED;
        let marked = |mark| if few { mark } else { Mark::None };
        let train = Pen {
            colour: BLUE,
            dash: None,
            mark: marked(Mark::Disc),
        };
        let valid = Pen {
            colour: VERMILION,
            dash: Some((7, 4)),
            mark: marked(Mark::Square),
        };
        let scored = Pen {
            colour: GREEN,
            dash: None,
            mark: marked(Mark::Triangle),
        };
        let ring = Pen {
            colour: GREEN,
            dash: None,
            mark: Mark::Ring,
        };

        let mut entries = vec![("training", train), ("validation", valid)];
        let kept = self
            .kept
            .and_then(|epoch| Some((epoch.epoch + 1, epoch.score?)));
        let kept_name = kept.map(|(epoch, score)| format!("kept: epoch {epoch}, {score:.3}"));
        if let Some(name) = &kept_name {
            entries.push((name, ring));
        }
        let top = legend(paper, &entries, 42)? + 8;

        let (_, below) = paper.split_vertically(top);
        let (losses, scores) = below.split_vertically((below.dim_in_pixel().1 - 22) / 2);
        let epochs = 0.5..(self.last as f64 + 0.5);
        let label = |epoch: &f64| whole(*epoch);
        let ticks = self.last.clamp(2, 12);
        let both = self.train.iter().chain(&self.valid).map(|point| point.1);
        let upper = axes(
            &losses,
            (epochs.clone(), ""),
            (range(both), "loss"),
            &label,
            ticks,
        )?;
        line(&upper, &self.train, train)?;
        line(&upper, &self.valid, valid)?;

        let values = self.score.iter().map(|point| point.1);
        let name = format!("{score} on the validation split");
        let lower = axes(
            &scores,
            (epochs, "epoch"),
            (range(values), &name),
            &label,
            ticks,
        )?;
        line(&lower, &self.score, scored)?;
        if let Some((epoch, score)) = kept {
            line(&lower, &[(epoch as f64, score)], ring)?;
        }
        Ok(())
    }
}

/// Epochs are whole: other places of the axis have no label.
fn whole(epoch: f64) -> String {
    if (epoch - epoch.round()).abs() < 1e-6 && epoch > 0.5 {
        format!("{epoch:.0}")
    } else {
        String::new()
    }
}

fn points(epochs: &[EpochScores], value: fn(&EpochScores) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = epochs
        .iter()
        .filter_map(|epoch| Some(((epoch.epoch + 1) as f64, value(epoch)?)));
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::super::canvas::tests::{assert_sound, texts};
    use super::*;

    fn epochs(count: usize) -> Vec<EpochScores> {
        let epoch = |epoch: usize| EpochScores {
            phase: "faces".to_owned(),
            epoch,
            train_loss: Some(2.0 / (epoch + 1) as f64),
            valid_loss: (epoch != 1).then_some(1.0),
            score: Some(0.5 + epoch as f64 / 100.0),
            best: epoch < 3,
        };
        (0..count).map(epoch).collect()
    }

    #[test]
    fn the_kept_epoch_is_told() {
        for count in [1, 2, 5, 60] {
            let svg = learning_curves("faces", "macro-F1", &epochs(count)).unwrap();
            assert_sound(&svg);
            let kept = format!("kept: epoch {}, ", count.min(3));
            let texts = texts(&svg);
            assert!(
                texts.iter().any(|text| text.starts_with(&kept)),
                "{texts:?}"
            );
            let last = count.to_string();
            assert!(texts.contains(&last), "{last}: {texts:?}");
            assert!(
                !texts.iter().any(|text| text == "0"),
                "epochs from 1: {texts:?}"
            );
        }
    }

    #[test]
    fn losses_that_are_no_numbers_leave_a_figure() {
        let mut none = epochs(2);
        for epoch in &mut none {
            (epoch.train_loss, epoch.valid_loss, epoch.score) = (None, Some(f64::NAN), None);
        }
        assert_sound(&learning_curves("faces", "UAR", &none).unwrap());
        assert!(learning_curves("faces", "UAR", &[]).is_err());
    }
}
