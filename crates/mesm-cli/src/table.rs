//! The answer for people: a table with bars.

use std::fmt::Write;

use mesm::Modality;

use crate::report::Report;

const BAR: usize = 24;
/// Eighths of a cell.
const PARTIAL: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The whole table, ending with a line break.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let Report {
        clip,
        duration_s,
        model,
        weights,
        top_p,
        device,
        ..
    } = report;
    let top_p = if *model == "mesm" {
        format!(", p = {top_p}")
    } else {
        String::new()
    };
    writeln!(
        out,
        "{clip}: {duration_s:.2} s, {model} ({weights}{top_p}), {device}\n"
    )?;
    classes(report, out)?;
    evidence(report, out)?;
    let steps: Vec<String> = report
        .timings_ms
        .iter()
        .map(|(step, ms)| format!("{step} {ms:.0}"))
        .collect();
    writeln!(out, "time in ms      {}", steps.join(", "))?;
    for note in &report.notes {
        writeln!(out, "note            {note}")?;
    }
    Ok(())
}

fn classes(report: &Report, out: &mut String) -> std::fmt::Result {
    let longest = report
        .classes
        .iter()
        .map(|c| c.chars().count())
        .max()
        .unwrap_or(0)
        .max(14);
    write!(
        out,
        "{:longest$}  {:BAR$}  probability   logit",
        "class", ""
    )?;
    for modality in report.shares.keys() {
        write!(out, "  {:>7}", name(*modality))?;
    }
    writeln!(out)?;
    for (index, (class, probability)) in report.probabilities.iter().enumerate() {
        let logit = report.logits.at(index).unwrap_or(f32::NAN);
        write!(
            out,
            "{class:longest$}  {}  {probability:>11.3}  {logit:>+6.3}",
            bar(probability)
        )?;
        for share in report.shares.values() {
            write!(out, "  {:>+7.3}", share.at(index).unwrap_or(f32::NAN))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn evidence(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "looked at       {} face crops ({} with a face found), {} mel chunks, {} window{}",
        report.frames,
        report.faces_found,
        report.chunks,
        report.windows,
        if report.windows == 1 { "" } else { "s" }
    )?;
    for (modality, points) in &report.active_points {
        let points: Vec<String> = points.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "active points   {:<7} {} (layer 1, 2, 3)",
            name(*modality),
            points.join(", ")
        )?;
    }
    let total = report.macs.total;
    if total.dense > 0 {
        writeln!(
            out,
            "cost            {} multiply-accumulates by pairs, {} by sites; the dense twin: {}",
            giga(total.pairs),
            giga(total.sites),
            giga(total.dense)
        )?;
    }
    Ok(())
}

/// How people call a modality.
fn name(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "words",
        Modality::Visual => "faces",
        Modality::Acoustic => "voice",
    }
}

fn giga(macs: u64) -> String {
    format!("{:.2} G", macs as f64 / 1e9)
}

fn bar(probability: f32) -> String {
    let eighths = (f64::from(probability.clamp(0.0, 1.0)) * (BAR * 8) as f64).round() as usize;
    let (full, rest) = (eighths / 8, eighths % 8);
    let drawn = full + usize::from(rest > 0);
    format!(
        "{}{}{}",
        "█".repeat(full),
        PARTIAL[rest],
        "·".repeat(BAR - drawn)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_this_form() {
        let expected = "\
talk.mp4: 3.30 s, mesm (web.safetensors, p = 0.5), cpu

class                                     probability   logit    words    faces    voice
joy             █████████████████▌······        0.731  +1.000   +0.250   +0.500   +0.250
anger           ██▉·····················        0.119  -2.000   -1.000   -1.500   +0.500

looked at       7 face crops (6 with a face found), 9 mel chunks, 1 window
active points   faces   1200, 300, 70 (layer 1, 2, 3)
active points   voice   4000, 900, 200 (layer 1, 2, 3)
cost            0.30 G multiply-accumulates by pairs, 0.36 G by sites; the dense twin: 0.96 G
time in ms      faces 120, model 800, total 1000
note            no words were given: the empty sentence chose the points
note            no face found in some frames: the authors' fallback crop stands in for them
";
        assert_eq!(render(&crate::report::tests::example()), expected);
    }

    #[test]
    fn bars_are_of_one_width() {
        for probability in [0.0, 0.001, 0.5, 0.999, 1.0, f32::NAN] {
            assert_eq!(bar(probability).chars().count(), BAR, "{probability}");
        }
    }
}
