//! What was measured in browsers, and with their WebGPU.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::figures::{each, median, ms, number};

/// Chromium's WebGPU on a graphics card.
pub(super) fn dawn(settings: &Value, out: &mut String) -> std::fmt::Result {
    let Some(first) = each(settings).next() else {
        return Ok(());
    };
    let adapter = &first["answer"]["adapter"];
    writeln!(
        out,
        "## WebGPU on a graphics card\n\nChromium's WebGPU (Dawn) under Node on {}, 8 frames and 10 chunks, the paper's widths. \
         `host` is what of it the host needs to hand a call over.\n\n\
         | utterances | FE2E ms (first; host) | MESM ms, p = 0.5 (first; host) | FE2E / MESM, p = 0.5 | p = 0.9 |\n\
         | --- | --- | --- | --- | --- |",
        adapter["description"]
            .as_str()
            .unwrap_or("an unknown adapter"),
    )?;
    for setting in each(settings) {
        let model = |i: usize| &setting["answer"]["models"][i];
        let time = |i: usize| number(&model(i)["time"]["median_s"]);
        writeln!(
            out,
            "| {} | {} ({}; {}) | {} ({}; {}) | **{:.2}** | **{:.2}** |",
            setting["utterances"],
            ms(&model(0)["time"]["median_s"]),
            ms(&model(0)["first_s"]),
            ms(&model(0)["handed_over"]["median_s"]),
            ms(&model(1)["time"]["median_s"]),
            ms(&model(1)["first_s"]),
            ms(&model(1)["handed_over"]["median_s"]),
            time(0) / time(1),
            time(0) / time(2),
        )?;
    }
    writeln!(out)
}

/// Both models in Chromium, beside onnxruntime-web.
pub(super) fn browser(jobs: &Value, out: &mut String) -> std::fmt::Result {
    if each(jobs).next().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "## In Chromium\n\nThe processor is one thread of WebAssembly with 128-bit vectors; WebGPU is the software adapter \
         SwiftShader where the machine has no other. `first` is the first call, kernels compiled and tried; `host` is what of \
         a call on WebGPU the page needs to hand it over. The last two columns are onnxruntime-web's FE2E over ours in the same page.\n\n\
         | work | device | FE2E ms (first; host) | MESM ms, p = 0.5 (first; host) | FE2E / MESM, p = 0.5 | p = 0.9 | \
         onnxruntime-web / FE2E | / MESM, p = 0.5 |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for (name, webgpu, title) in [
        ("utterance", false, "8 + 10, paper"),
        ("page", false, "6 + 7, page"),
        ("live", true, "1 + 1, paper"),
        ("page", true, "6 + 7, page"),
    ] {
        let of = |program: &str| -> Vec<&Value> {
            each(jobs)
                .filter(|one| {
                    let job = &one["job"];
                    job["name"] == name
                        && job["program"] == program
                        && job["request"]["webgpu"] == webgpu
                })
                .collect()
        };
        let own = of("mesm");
        let of_calls = |model: usize, what: &str| {
            median(
                own.iter()
                    .map(|one| number(&one["answer"]["models"][model][what]["median_s"]))
                    .collect(),
            )
        };
        let time = |model: usize| of_calls(model, "time");
        let first = |model: usize| {
            own.first().map_or(f64::NAN, |one| {
                number(&one["answer"]["models"][model]["first_s"])
            })
        };
        let times = |model: usize| {
            let (time, first) = (1e3 * time(model), 1e3 * first(model));
            if webgpu {
                let host = 1e3 * of_calls(model, "handed_over");
                format!("{time:.0} ({first:.0}; {host:.0})")
            } else {
                format!("{time:.0} ({first:.0})")
            }
        };
        let peer = median(
            of("onnxruntime")
                .iter()
                .map(|one| number(&one["answer"]["median_s"]))
                .collect(),
        );
        let cell = |value: f64| {
            if value.is_finite() {
                format!("**{value:.2}**")
            } else {
                "-".to_owned()
            }
        };
        let failed: Vec<&str> = own.iter().filter_map(|one| one["error"].as_str()).collect();
        if let Some(error) = failed.first() {
            writeln!(out, "| {title} | failed: {error} | | | | | | |")?;
            continue;
        }
        writeln!(
            out,
            "| {title} | {} | {} | {} | {} | {} | {} | {} |",
            if webgpu { "WebGPU" } else { "processor" },
            times(0),
            times(1),
            cell(time(0) / time(1)),
            cell(time(0) / time(2)),
            cell(peer / time(0)),
            cell(peer / time(1)),
        )?;
    }
    writeln!(out)?;
    let counted = each(jobs).find(|one| one["job"]["program"] == "count");
    counted.map_or(Ok(()), |one| dispatches(&one["answer"], out))
}

/// What an inference sends to the graphics device.
fn dispatches(counted: &Value, out: &mut String) -> std::fmt::Result {
    let mut later: BTreeMap<&str, u64> = BTreeMap::new();
    let found = counted["later"]["dispatches"].as_object();
    for (name, count) in found.into_iter().flatten() {
        // Variants of a kernel differ in a sum of their settings.
        let kernel = name
            .rsplit_once('_')
            .map_or(name.as_str(), |(kernel, _)| kernel);
        *later.entry(kernel).or_default() += count.as_u64().unwrap_or_default();
    }
    if later.is_empty() {
        return Ok(());
    }
    let sum: u64 = later.values().sum();
    writeln!(
        out,
        "An inference of MESM at the page's widths, 6 frames and 7 chunks, p = 0.5, dispatches {sum} kernels on WebGPU. The \
         first one compiles {} shaders and takes {:.1} s, the next takes {:.1} s and compiles {}.\n\n\
         | kernel | dispatches |\n| --- | --- |",
        counted["first"]["shaders"],
        number(&counted["first"]["seconds"]),
        number(&counted["later"]["seconds"]),
        counted["later"]["shaders"],
    )?;
    for (name, count) in later {
        writeln!(out, "| `{name}` | {count} |")?;
    }
    writeln!(out)
}
