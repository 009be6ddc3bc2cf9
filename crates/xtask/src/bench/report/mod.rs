//! Tables and figures of what was measured.

mod figures;
mod peaks;
mod web;

use std::fmt::Write;

use serde_json::Value;

use self::figures::{each, median, ms, number};
use self::peaks::Peaks;
use super::svg::{Line, figure};

/// All tables, as Markdown.
#[must_use]
pub(super) fn markdown(found: &Value) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(found, &mut out);
    out
}

/// The document of the project: the tables between what is said once and what was tried.
#[must_use]
pub(super) fn document(tables: &str, notes: &str) -> String {
    format!(
        "# Performance\n\n\
         What the dial p does to the clock, beside the dense twin and beside other programs with the same weights. \
         `cargo xtask bench` measures all of it on this machine and writes this page; `mesm bench` measures one setting. \
         The work is an utterance of 8 face frames and 10 mel chunks at the paper's widths, without text encoder and face \
         detector, unless a table says otherwise. Medians; what is compared ran in turns, so that a machine that is busy \
         with other things slows both. Arithmetic is counted in multiply-accumulates (macs) of pairs of active points, \
         with attention and the two linear layers.\n\n{tables}\n{notes}"
    )
}

/// The figures: file names and SVG.
#[must_use]
pub(super) fn pictures(found: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut arithmetic = Vec::new();
    for setting in each(&found["native"]["utterance"]) {
        let threads = &setting["threads"];
        let name = format!("time, {threads} thread(s)");
        let point = (
            number(&setting["top_p"]),
            number(&setting["fe2e_over_mesm"]),
        );
        match lines.iter_mut().find(|line: &&mut Line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name,
                points: vec![point],
            }),
        }
        if number(threads) < 1.5 {
            arithmetic.push((point.0, number(&setting["macs_fe2e_over_mesm"])));
        }
    }
    lines.push(Line {
        name: "arithmetic".to_owned(),
        points: arithmetic,
    });
    let title = "FE2E over MESM: how many times as long the dense twin takes";
    vec![(
        "ratio.svg".to_owned(),
        figure(title, "p", "FE2E / MESM", &lines),
    )]
}

fn write(found: &Value, out: &mut String) -> std::fmt::Result {
    let machine = &found["machine"];
    writeln!(
        out,
        "Measured on {}: {}, {} core(s), {} {}.\n",
        machine["day"].as_str().unwrap_or("an unknown day"),
        machine["processor"]
            .as_str()
            .unwrap_or("an unknown processor"),
        machine["cores"],
        machine["system"].as_str().unwrap_or_default(),
        machine["architecture"].as_str().unwrap_or_default(),
    )?;
    let native = &found["native"];
    writeln!(
        out,
        "## The processor, natively\n\n![FE2E over MESM at each p](performance/ratio.svg)\n"
    )?;
    let peaks = Peaks::of_all(native);
    ratios(&native["utterance"], &peaks, out)?;
    stages(&native["utterance"], &peaks, out)?;
    for (key, title) in [
        ("live", "One frame and one chunk: what a live window adds"),
        (
            "page",
            "The page's widths, 6 frames and 7 chunks: a window of 3 s",
        ),
        ("training", "Many utterances at once"),
    ] {
        if native[key].is_array() {
            writeln!(out, "### {title}\n")?;
            ratios(&native[key], &peaks, out)?;
        }
    }
    growth(&native["growth"], out)?;
    training(&native["training"], out)?;
    peers(&found["peers"], out)?;
    web::browser(&found["browser"], out)?;
    web::dawn(&found["dawn"], out)
}

fn ratios(settings: &Value, peaks: &Peaks, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| utterances | threads | p | FE2E ms | MESM ms (quartiles) | FE2E / MESM | arithmetic | MESM, of the peak | kept |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for setting in each(settings) {
        let mesm = &setting["mesm"];
        let kept: Vec<String> = each(&mesm["kept"])
            .map(|share| format!("{:.0}", 100.0 * number(share)))
            .collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} ({} to {}) | **{:.2}** | {:.2} | {:.0} % | {} % |",
            setting["utterances"],
            setting["threads"],
            (number(&setting["top_p"]) * 100.0).round() / 100.0,
            ms(&setting["fe2e"]["time"]["median_s"]),
            ms(&mesm["time"]["median_s"]),
            ms(&mesm["time"]["lower_quartile_s"]),
            ms(&mesm["time"]["upper_quartile_s"]),
            number(&setting["fe2e_over_mesm"]),
            number(&setting["macs_fe2e_over_mesm"]),
            100.0 * number(&mesm["gmacs"]) / peaks.of(setting)[0],
            kept.join(", "),
        )?;
    }
    writeln!(out)
}

fn stages(settings: &Value, peaks: &Peaks, out: &mut String) -> std::fmt::Result {
    let chosen: Vec<&Value> = each(settings)
        .filter(|setting| {
            [0.1, 0.5, 0.9]
                .iter()
                .any(|p| (number(&setting["top_p"]) - p).abs() < 1e-6)
        })
        .collect();
    let Some(first) = chosen.first() else {
        return Ok(());
    };
    let [product, copy] = peaks.of(first);
    writeln!(
        out,
        "Where the time goes, in ms, and in brackets how much of it the machine would need at its peak: that of a matrix \
         product, on one thread {product:.1} 10^9 macs/s, where a stage multiplies, and where it only moves rows that of a pass \
         over memory, {copy:.1} GB/s. What a stage does beside, as the tables of neighbours that belong to the gather, is not \
         counted; neighbours beyond a map's border are, in dense layers, though nothing multiplies them, hence more than 100 %.\n",
    )?;
    let heads: Vec<String> = chosen
        .iter()
        .map(|s| {
            format!(
                "MESM, p = {:.1}, {} thread(s)",
                number(&s["top_p"]),
                s["threads"]
            )
        })
        .collect();
    writeln!(
        out,
        "| stage | FE2E, {} thread(s) | {} |",
        first["threads"],
        heads.join(" | ")
    )?;
    writeln!(out, "| --- | --- |{}", " --- |".repeat(heads.len()))?;
    for stage in each(&first["mesm"]["stages"]) {
        let of = |setting: &Value, model: &str| {
            let mut stages = each(&setting[model]["stages"]);
            let found = stages.find(|found| found["stage"] == stage["stage"]);
            found.map_or_else(|| "-".to_owned(), |found| peaks.cell(setting, found))
        };
        let cells: Vec<String> = chosen.iter().map(|s| of(s, "mesm")).collect();
        let name = stage["stage"].as_str().unwrap_or_default();
        writeln!(
            out,
            "| {name} | {} | {} |",
            of(first, "fe2e"),
            cells.join(" | ")
        )?;
    }
    writeln!(out)
}

fn growth(settings: &Value, out: &mut String) -> std::fmt::Result {
    let Some(first) = each(settings).next() else {
        return Ok(());
    };
    writeln!(
        out,
        "### More frames, one thread\n\n| frames | MESM ms | ms a frame | of the first |\n| --- | --- | --- | --- |"
    )?;
    let a_frame = |s: &Value| number(&s["mesm"]["time"]["median_s"]) / number(&s["frames"]);
    for setting in each(settings) {
        writeln!(
            out,
            "| {} | {} | {:.2} | {:.2} |",
            setting["frames"],
            ms(&setting["mesm"]["time"]["median_s"]),
            1e3 * a_frame(setting),
            a_frame(setting) / a_frame(first),
        )?;
    }
    writeln!(out)
}

fn training(settings: &Value, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "### Training steps: forward, backward, Adam\n\n| utterances | threads | FE2E ms | MESM ms, p = 0.5 | MESM / FE2E |\n\
         | --- | --- | --- | --- | --- |"
    )?;
    for setting in each(settings) {
        let training = &setting["training"];
        writeln!(
            out,
            "| {} | {} | {} | {} | **{:.2}** |",
            setting["utterances"],
            setting["threads"],
            ms(&training["fe2e"]["median_s"]),
            ms(&training["mesm"]["median_s"]),
            number(&training["mesm_over_fe2e"]),
        )?;
    }
    writeln!(out)
}

fn peers(settings: &Value, out: &mut String) -> std::fmt::Result {
    if each(settings).next().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "## Beside PyTorch and onnxruntime\n\nFE2E with the same weights in all programs; the logits differ by at most \
         what the last column says.\n\n\
         | frames + chunks | threads | program | FE2E ms | over our FE2E | over our MESM, p = 0.5 | difference |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for setting in each(settings) {
        let of = |path: &dyn Fn(&Value) -> f64| median(each(&setting["turns"]).map(path).collect());
        let fe2e = of(&|turn| number(&turn["mesm"]["fe2e"]["time"]["median_s"]));
        let mesm = of(&|turn| number(&turn["mesm"]["mesm"]["time"]["median_s"]));
        let work = format!(
            "{} + {} | {}",
            setting["frames"].as_str().unwrap_or_default(),
            setting["chunks"].as_str().unwrap_or_default(),
            setting["threads"].as_str().unwrap_or_default()
        );
        writeln!(
            out,
            "| {work} | mesm | {:.1} | 1 | {:.2} | |",
            1e3 * fe2e,
            fe2e / mesm
        )?;
        for name in ["torch", "onnxruntime"] {
            let time = of(&|turn| number(&turn["peers"][name]["median_s"]));
            let error = of(&|turn| number(&turn["peers"][name]["error"]));
            let version = setting["turns"][0]["peers"][name]["version"]
                .as_str()
                .unwrap_or_default();
            writeln!(
                out,
                "| {work} | {name} {version} | {:.1} | **{:.2}** | **{:.2}** | {error:.0e} |",
                1e3 * time,
                time / fe2e,
                time / mesm,
            )?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_measured_leaves_no_table() {
        let text = markdown(&json!({ "native": { "utterance": [] } }));
        assert!(
            !text.contains("PyTorch") && !text.contains("Chromium"),
            "{text}"
        );
    }

    #[test]
    fn a_stage_stands_against_the_highest_peak() {
        let setting = |gmacs: f64| {
            json!({
                "threads": 2, "roofline": { "product_gmacs": gmacs, "copy_gb": 10.0 }, "top_p": 0.5,
                "mesm": { "stages": [
                    { "stage": "product", "median_s": 0.5, "macs": 25_000_000_000_u64, "bytes": 0 },
                    { "stage": "pool", "median_s": 0.1, "macs": 0, "bytes": 500_000_000 },
                    { "stage": "selection", "median_s": 0.001, "macs": 0, "bytes": 0 },
                ] },
            })
        };
        let text = markdown(&json!({ "native": { "utterance": [setting(60.0), setting(100.0)] } }));
        for row in [
            "| product | - | 500.00 (50 %) |",
            "| pool | - | 100.00 (50 %) |",
            "| selection | - | 1.00 |",
        ] {
            assert!(text.contains(row), "{row}: {text}");
        }
    }

    #[test]
    fn ratios_are_of_medians() {
        let turn = |own: f64, theirs: f64| {
            let own = json!({ "fe2e": { "time": { "median_s": own } }, "mesm": { "time": { "median_s": own / 2.0 } } });
            json!({ "mesm": own, "peers": {
                "torch": { "median_s": theirs, "error": 1e-6, "version": "1" },
                "onnxruntime": { "median_s": theirs, "error": 1e-6, "version": "1" },
            } })
        };
        let turns = [turn(1.0, 3.0), turn(2.0, 4.0), turn(9.0, 5.0)];
        let found =
            json!({ "peers": [{ "frames": "8", "chunks": "10", "threads": "1", "turns": turns }] });
        let text = markdown(&found);
        assert!(
            text.contains("| 8 + 10 | 1 | torch 1 | 4000.0 | **2.00** | **4.00** | 1e-6 |"),
            "{text}"
        );
    }
}
