//! `explain.md`: the pictures, the score and what it means.

use std::fmt::Write as _;

use mesm_train::metrics::{Interval, Verdict};

use super::facs::FacsRow;
use super::report::Report;

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut page = format!(
        "# What the attention keeps\n\n`{}`{}, weights `{}`, p = {}. The points were chosen by {}.\n",
        text(&report.input),
        report
            .split
            .as_ref()
            .map_or_else(String::new, |split| format!(", split `{}`", text(split))),
        text(&report.weights),
        report.top_p,
        text(&report.query),
    );
    for note in &report.notes {
        let _ = write!(page, "\n- {}", text(note));
    }
    page += "\n";
    let has = |file: &str| report.files.contains(&file);
    if has("faces.png") {
        let _ = writeln!(
            page,
            "\n## Faces\n\n![Faces and the points that stay active](faces.png)\n\nAs in Figure 3 of the paper: the face, then in \
             red the points that stay active after each of the three attention layers (24x24, 12x12 and 6x6 of them) and go \
             on to the next sparse convolution. {}",
            report.chosen
        );
    }
    if has("voices.png") {
        let values = report.highest.map_or_else(
            || "black is 80 dB below the loudest point of the utterance".to_owned(),
            |share| {
                format!(
                    "only the highest {} % of each chunk's values are shown",
                    (share * 1000.0).round() / 10.0
                )
            },
        );
        let _ = writeln!(
            page,
            "\n## Voices\n\n![Mel spectrograms and the points that stay active](voices.png)\n\nAs in Figures 4 and 6 of the paper: \
             a chunk of the mel spectrogram, low tones below, then in red the active points of the three layers (64x16, 32x8 \
             and 16x4); {values}. {}",
            report.chosen
        );
    }
    if has("regions.png") {
        page += "\n## Regions\n\n![Regions of each class over its mean face](regions.png)\n\nWhere the paper (section 6.2) says \
                 that a face moves with an emotion, after the facial action coding system: outlines around the five points of the \
                 face detector (white), in distances of the eyes. Lids and brows have no point of their own; their outlines lie \
                 where they are in most faces.\n";
    }
    if !report.facs.is_empty() {
        page += "\n## FACS score\n\n";
        page += &score(report);
    }
    page
}

/// The table, what it says and how it was made.
pub(super) fn score(report: &Report) -> String {
    let mut page = table(&report.facs);
    let _ = writeln!(page, "\n{}\n", summary(&report.facs));
    for rows in by_class(&report.facs) {
        let _ = writeln!(page, "- {}", sentence(rows));
    }
    let _ = writeln!(
        page,
        "\n`inside`: share of the active points in the regions, mean over n faces. `chance`: the same of random selections of the \
         same size among the layer's candidates, with the range of 95 % of 1000 of them. `ratio`: inside over chance, \
         with its 95 % bootstrap interval over {}. `weights`: the same ratio of the soft attention before the selection. \
         `own / other`: the ratio on faces of this class over that of the same regions on faces of all others. A point belongs \
         to a region if the middle of its cell does. The five points were found in {} of {} faces; the others have them at \
         their usual places.",
        if report.split.is_some() {
            "faces (over subjects where they are known)"
        } else {
            "clips, of which this is one"
        },
        report.points_found,
        report.faces
    );
    page
}

fn table(rows: &[FacsRow]) -> String {
    let mut table = "| class | regions | layer | n | inside | chance | ratio | weights | own / other | active points |\n\
                     | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
        .to_owned();
    for row in rows {
        let score = &row.score;
        let other = if score.others > 0 {
            figure(score.specificity, score.specificity_interval)
        } else {
            "-".to_owned()
        };
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {:.3} | {:.3} [{:.3}, {:.3}] | {} | {} | {other} | {} |",
            text(&row.class),
            row.regions.join(", "),
            row.layer,
            score.n,
            score.share,
            score.random,
            score.random_range.low,
            score.random_range.high,
            figure(score.ratio, score.ratio_interval),
            figure(score.weighted_ratio, score.weighted_interval),
            words(row.verdict),
        );
    }
    table
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Above => "above chance",
        Verdict::Below => "below chance",
        Verdict::Indistinguishable => "not distinguishable from chance",
        Verdict::Unknown => "without an interval",
    }
}

/// What all rows say together.
pub(super) fn summary(rows: &[FacsRow]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (above, below) = (count(Verdict::Above), count(Verdict::Below));
    if count(Verdict::Unknown) == rows.len() {
        return "One face, or one clip, says nothing about others: there are no intervals, and whether the ratios differ from \
                1 by more than chance stays open."
            .to_owned();
    }
    let rest = rows.len() - above - below;
    let more = rows.iter().filter(|r| r.specific == Verdict::Above).count();
    let less = rows.iter().filter(|r| r.specific == Verdict::Below).count();
    format!(
        "Of {} comparisons (class by layer) the active points lie in the named regions more often than a random selection in \
         {above}, less often in {below}; {rest} cannot be told from chance. That is attention to parts of faces. Attention to the \
         emotion would favour these regions more on faces of its own class than on others: that is so in {more} comparisons, the \
         contrary in {less}. At 95 % about one comparison in twenty errs.",
        rows.len()
    )
}

/// The rows of each class.
fn by_class(rows: &[FacsRow]) -> impl Iterator<Item = &[FacsRow]> {
    rows.chunk_by(|a, b| a.class == b.class)
}

/// What the layers of one class say.
fn sentence(rows: &[FacsRow]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let layers: Vec<String> = rows
        .iter()
        .map(|row| {
            let less_sure = match row.specific {
                Verdict::Above => ", more than on other faces",
                Verdict::Below => ", less than on other faces",
                Verdict::Indistinguishable => ", as on other faces",
                Verdict::Unknown => "",
            };
            format!(
                "layer {} {} ({:.2} times{less_sure})",
                row.layer,
                words(row.verdict),
                row.score.ratio
            )
        })
        .collect();
    format!(
        "**{}** ({}): {}.",
        text(&first.class),
        first.regions.join(", "),
        layers.join("; ")
    )
}

fn figure(value: f64, within: Option<Interval>) -> String {
    match within {
        Some(within) => format!("{value:.2} [{:.2}, {:.2}]", within.low, within.high),
        None => format!("{value:.2}"),
    }
}

/// A name as part of a line or of a cell, whatever is in it.
fn text(name: &str) -> String {
    name.replace('|', "\\|")
        .replace(['\n', '\r'], " ")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_page_shows_what_was_written() {
        let page = page(&report());
        assert!(page.contains("![Faces and the points that stay active](faces.png)"));
        assert!(!page.contains("voices.png") && !page.contains("regions.png"));
        assert!(page.contains("\n- a note\n"), "{page}");
        assert!(page.contains("found in 38 of 40 faces"), "{page}");
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 4, "{page}");
        assert!(
            lines.iter().all(|l| columns(l) == columns(lines[0])),
            "{page}"
        );
        assert!(!page.contains("NaN"), "{page}");
    }

    #[test]
    fn sentences_follow_the_figures() {
        let mut report = report();
        let page = score(&report);
        assert!(page.contains("**sad\\|der** (eyelids, lips): layer 1 above chance (1.59 times"));
        assert!(
            page.contains("layer 1 not distinguishable from chance (1.00 times"),
            "{page}"
        );
        assert!(page.contains("Of 2 comparisons (class by layer)"), "{page}");
        assert!(
            page.contains("in 1, less often in 0; 1 cannot be told from chance"),
            "{page}"
        );
        for row in &mut report.facs {
            row.verdict = Verdict::Unknown;
        }
        assert!(summary(&report.facs).starts_with("One face, or one clip"));
    }
}
