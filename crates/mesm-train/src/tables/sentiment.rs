//! Tables about sentiment: Tables 1 and 2 and Figure 2 of Paraskevopoulos et al.

use super::layout::{Best, Cell, Row, Table};
use super::outcome::Outcome;
use super::pages::{Page, Pages};
use super::published::MULT_SENTIMENT;
use super::trial::{PaperTable, System, Trial};

impl Pages<'_> {
    /// A row of five figures about sentiment.
    fn about_sentiment(name: &str, outcomes: &[(Trial, &Outcome)]) -> Row {
        let figure = |digits: usize, scale: f64, of: fn(&Outcome) -> Option<f64>| {
            let each = outcomes
                .iter()
                .filter_map(|(_, outcome)| Some(scale * of(outcome)?));
            Cell::Values(each.collect(), digits)
        };
        Row {
            cells: vec![
                Cell::Text(name.to_owned()),
                figure(1, 100.0, |o| Some(o.sentiment?.all.accuracy_7.value)),
                figure(1, 100.0, |o| Some(o.sentiment?.all.accuracy_5.value)),
                figure(1, 100.0, |o| Some(o.sentiment?.all.accuracy_2.value)),
                figure(1, 100.0, |o| Some(o.sentiment?.all.f1.value)),
                figure(1, 100.0, |o| {
                    Some(o.sentiment?.without_zeros.accuracy_2.value)
                }),
                figure(1, 100.0, |o| Some(o.sentiment?.without_zeros.f1.value)),
                figure(3, 1.0, |o| Some(o.sentiment?.all.mean_absolute_error.value)),
                figure(3, 1.0, |o| Some(o.sentiment?.all.correlation.value)),
                Self::runs(outcomes),
            ],
            published: false,
        }
    }

    fn sentiment_table(title: &str, rows: Vec<Row>) -> Table {
        let head = [
            "Model",
            "Acc@7",
            "Acc@5",
            "Acc@2",
            "F1@2",
            "Acc@2 non-zero",
            "F1@2 non-zero",
            "MAE",
            "Corr",
            "seeds",
        ];
        let mut best = vec![Some(Best::Most); head.len()];
        best[0] = None;
        best[7] = Some(Best::Least);
        best[9] = None;
        Table {
            title: title.to_owned(),
            notes: vec![
                "Acc@7 and Acc@5: share that is right after rounding to -3..3 and -2..2; Acc@2: above 0 or not, with and \
                 without the utterances that are neither; accuracies and F1 in percent. MAE: mean absolute error, less is \
                 better."
                    .to_owned(),
            ],
            head: head.map(str::to_owned).to_vec(),
            rows,
            best,
        }
    }

    /// `MMLatch`'s Table 1, with its mean and best run.
    pub(super) fn sentiment(&self) -> Table {
        let of = |system| self.of(PaperTable::Sentiment, system, "tva");
        let one = |value: f64, digits| Cell::Values(vec![value], digits);
        let [seven, two, f1, error, correlation] = MULT_SENTIMENT;
        let theirs = Row {
            cells: vec![
                Cell::Text("MulT, published (Tsai et al., 2019)".to_owned()),
                one(seven, 1),
                Cell::Nothing,
                Cell::Nothing,
                Cell::Nothing,
                one(two, 1),
                one(f1, 1),
                one(error, 3),
                one(correlation, 3),
                Cell::Nothing,
            ],
            published: true,
        };
        let latch = of(System::MmLatch);
        let mut rows = vec![
            theirs,
            Self::about_sentiment("MulT", &of(System::Mult)),
            Self::about_sentiment("Baseline", &of(System::Baseline)),
            Self::about_sentiment("Baseline + MMLatch", &latch),
        ];
        let error = |outcome: &Outcome| {
            let scores = outcome.sentiment;
            scores.map_or(f64::INFINITY, |scores| scores.all.mean_absolute_error.value)
        };
        let best = latch
            .iter()
            .min_by(|a, b| error(a.1).total_cmp(&error(b.1)));
        if let Some(best) = best.filter(|_| latch.len() > 1) {
            rows.push(Self::about_sentiment("Baseline + MMLatch, best", &[*best]));
        }
        Self::sentiment_table("Sentiment", rows)
    }

    /// `MMLatch`'s Table 2.
    pub(super) fn feedback(&self) -> Table {
        let rows = PaperTable::Feedback
            .rows()
            .into_iter()
            .map(|(system, reads)| {
                let outcomes = self.of(PaperTable::Feedback, system, reads);
                Self::about_sentiment(system.title(), &outcomes)
            });
        Self::sentiment_table("Kinds of feedback", rows.collect())
    }

    /// `MMLatch`'s Figure 2, of the first seed.
    pub(super) fn masks(&self) -> Option<Page> {
        let outcomes = self.of(PaperTable::Masks, System::MmLatch, "tva");
        let (trial, outcome) = outcomes.first()?;
        let title = format!("What the feedback lets through (seed {})", trial.seed);
        Some(Page::Masks(title, outcome.masks.clone()))
    }
}
