//! What was measured, for people.

use std::fmt::Write;

use mesm::Stage;
use mesm_bench::Measurement;

use super::{Measured, Model};

/// Times, ratios and stages in columns.
pub(super) fn table(measured: &Measured) -> String {
    let Measured {
        device,
        threads,
        work,
        top_p,
        roofline,
        ..
    } = measured;
    let mut out = String::new();
    let dash = || "-".to_owned();
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "{} utterance(s) of {} frames and {} chunks, {:?} widths, p = {top_p}, {device}, {threads} thread(s)\n",
        work.utterances, work.frames, work.chunks, measured.size
    );
    let _ = writeln!(
        out,
        "        median ms   quartiles ms      10^9 macs   10^9 macs/s   of the peak"
    );
    for (name, model) in [("fe2e", &measured.fe2e), ("mesm", &measured.mesm)] {
        let Measurement { time, macs, .. } = &model.measurement;
        let _ = writeln!(
            out,
            "{name:<6}{:>11.2}{:>9.2}{:>8.2}{:>13.3}{:>14.1}{:>14}",
            1e3 * time.median_s,
            1e3 * time.lower_quartile_s,
            1e3 * time.upper_quartile_s,
            *macs as f64 * 1e-9,
            model.gmacs,
            roofline
                .as_ref()
                .map_or_else(dash, |peak| percent(model.gmacs / peak.product_gmacs)),
        );
    }
    let kept: Vec<String> = measured
        .mesm
        .measurement
        .kept
        .iter()
        .map(|share| format!("{:.0} %", 100.0 * share))
        .collect();
    let _ = writeln!(
        out,
        "\nfe2e / mesm {:.2} in time, {:.2} in arithmetic; points kept: {}",
        measured.fe2e_over_mesm,
        measured.macs_fe2e_over_mesm,
        kept.join(", ")
    );
    if let Some(peak) = roofline {
        let _ = writeln!(
            out,
            "peak        {:.1} * 10^9 macs/s in a matrix product, {:.1} GB/s in a pass over memory",
            peak.product_gmacs, peak.copy_gb
        );
    }
    remarks(measured, &mut out);
    let _ = writeln!(
        out,
        "stage             fe2e ms   of the peak   mesm ms   of the peak"
    );
    for stage in Stage::ALL {
        let of = |model: &Model| {
            let mut stages = model.stages.iter();
            let found = stages.find(|time| time.stage == stage.to_string());
            let ms = found.map(|time| format!("{:.2}", 1e3 * time.median_s));
            let share = found.and_then(|time| time.of_peak(roofline.as_ref()?));
            let share = share.map(percent);
            (ms.unwrap_or_else(dash), share.unwrap_or_else(dash))
        };
        let (fe2e, mesm) = (of(&measured.fe2e), of(&measured.mesm));
        let _ = writeln!(
            out,
            "{:<15}{:>10}{:>14}{:>10}{:>14}",
            stage.to_string(),
            fe2e.0,
            fe2e.1,
            mesm.0,
            mesm.1
        );
    }
    out
}

/// What the host does of it, how far the numbers are from the processor's, and training.
fn remarks(measured: &Measured, out: &mut String) {
    if measured.device != "cpu" {
        let host = |model: &Model| 1e3 * model.measurement.handed_over.median_s;
        let _ = writeln!(
            out,
            "host        {:.2} ms (fe2e) and {:.2} ms (mesm) of it to hand a call over; the rest is the device's",
            host(&measured.fe2e),
            host(&measured.mesm)
        );
    }
    out.push('\n');
    if let (Some(fe2e), Some(mesm)) = (&measured.fe2e.agreement, &measured.mesm.agreement) {
        let _ = writeln!(
            out,
            "numbers     logits within {:.1e} (fe2e) and {:.1e} (mesm) of the processor's; of {} points {} chosen otherwise\n",
            fe2e.logits, mesm.logits, mesm.points, mesm.chosen_otherwise
        );
    }
    if let Some(training) = &measured.training {
        let _ = writeln!(
            out,
            "training    fe2e {:.0} ms, mesm {:.0} ms a step; mesm / fe2e {:.2}\n",
            1e3 * training.fe2e.median_s,
            1e3 * training.mesm.median_s,
            training.mesm_over_fe2e
        );
    }
}
