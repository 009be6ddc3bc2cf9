//! `cargo xtask bench`: what the models cost in time, natively and in a browser, beside other programs on the same
//! machine.

mod page;
mod peers;
mod report;
mod svg;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::native;
use crate::places::Places;
use crate::process::{capture, clean, program};
use crate::step::{note, step};

/// The shares of the attention mass that are measured.
const SHARES: [&str; 10] = [
    "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0",
];

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Calls of each model in a comparison.
    rounds: usize,
    /// How often this project and the peers take turns.
    turns: usize,
    /// Whether large batches are measured too.
    large: bool,
}

impl Effort {
    /// A few minutes.
    pub const QUICK: Self = Self {
        rounds: 3,
        turns: 1,
        large: false,
    };
    /// About twenty minutes on two cores.
    pub const WHOLE: Self = Self {
        rounds: 9,
        turns: 2,
        large: true,
    };
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every setting on the processor.
    Native,
    /// This project and the peers in turns.
    Peers,
    /// In Chromium.
    Browser,
    /// Chromium's WebGPU under Node, on a real graphics card.
    Dawn,
}

impl Part {
    /// Those that every machine can measure, in order.
    pub const ALL: [Self; 3] = [Self::Native, Self::Peers, Self::Browser];

    /// The part of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "native" => Some(Self::Native),
            "peers" => Some(Self::Peers),
            "browser" => Some(Self::Browser),
            "dawn" => Some(Self::Dawn),
            _ => None,
        }
    }
}

/// Measures into `bench` in the target folder, and writes `docs/performance.md`. Parts that are not measured stay as they
/// were measured last.
///
/// # Errors
/// When something cannot be built or measured.
pub fn bench(places: &Places, effort: Effort, parts: &[Part]) -> Result<()> {
    let out = places.root.join("target/bench");
    let page = out.join("page");
    fs::create_dir_all(&page).with_context(|| format!("{}", page.display()))?;
    let mesm = Mesm {
        program: native::build(places, &[])?.join("mesm"),
    };
    page::build(places, &page)?;
    let peers = peers::Native::require(places)?;
    let mut with_web_peer = peers::web(places, &page)?;
    let last = fs::read_to_string(out.join("bench.json")).ok();
    let mut found: Map<String, Value> = last
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    found.insert("machine".to_owned(), machine());
    for part in parts {
        let (name, measured) = match (part, &peers) {
            (Part::Native, _) => ("native", native(&mesm, effort)?),
            (Part::Peers, Some(peers)) => ("peers", beside_peers(&mesm, peers, &page, effort)?),
            (Part::Peers, None) => continue,
            (Part::Browser, _) => {
                // The peers' part exports the network.
                with_web_peer &= page.join("fe2e-1-1.onnx").is_file();
                ("browser", in_the_browser(&page, with_web_peer, effort)?)
            }
            (Part::Dawn, _) => ("dawn", under_node(places, &page, effort)?),
        };
        found.insert(name.to_owned(), measured);
    }
    let found = Value::Object(found);
    write(
        &out.join("bench.json"),
        &serde_json::to_string_pretty(&found)?,
    )?;
    let tables = report::markdown(&found);
    write(&out.join("bench.md"), &tables)?;
    for (name, picture) in report::pictures(&found) {
        write(&out.join(&name), &picture)?;
        write(&places.root.join("docs/performance").join(&name), &picture)?;
    }
    let notes = places.root.join("bench/notes.md");
    let notes = fs::read_to_string(&notes).with_context(|| format!("{}", notes.display()))?;
    let document = places.root.join("docs/performance.md");
    write(&document, &report::document(&tables, &notes))?;
    note(&format!("{} and {}", out.display(), document.display()));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The native program.
struct Mesm {
    program: PathBuf,
}

impl Mesm {
    /// `mesm bench` with these arguments.
    fn bench(&self, arguments: &[&str]) -> Result<Value> {
        let said = capture(
            clean(&self.program)
                .args(["bench", "--json"])
                .args(arguments),
        )?;
        let line = said.lines().last().unwrap_or_default();
        serde_json::from_str(line).with_context(|| format!("`mesm bench` said {line:?}"))
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One thread, and all of them where there are more.
fn threads() -> Vec<String> {
    let mut counts = vec![1, cores()];
    counts.dedup();
    counts.iter().map(usize::to_string).collect()
}

/// What is measured with.
fn machine() -> Value {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let day = capture(Command::new("date").args(["-u", "+%Y-%m-%d"])).ok();
    json!({
        "processor": processor,
        "cores": cores(),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "day": day,
    })
}

/// Every setting on the processor.
fn native(mesm: &Mesm, effort: Effort) -> Result<Value> {
    let rounds = effort.rounds.to_string();
    let fewer = effort.rounds.div_ceil(4).max(2).to_string();
    let mut found = Map::new();
    let mut measure = |name: &str, settings: Vec<Vec<&str>>, rounds: &str| -> Result<()> {
        let all = step(name, || {
            settings
                .iter()
                .map(|setting| {
                    let mut arguments = vec!["--rounds", rounds];
                    arguments.extend(setting);
                    mesm.bench(&arguments)
                })
                .collect::<Result<Vec<_>>>()
        })?;
        found.insert(name.to_owned(), all.into());
        Ok(())
    };
    let threads = threads();
    let mut shares = Vec::new();
    for count in &threads {
        shares.extend(SHARES.map(|p| vec!["--threads", count, "--top-p", p]));
    }
    measure("utterance", shares, &rounds)?;
    let each = |setting: &[&'static str]| {
        let of = |count| [&["--threads", count], setting].concat();
        threads
            .iter()
            .map(|count| of(count.as_str()))
            .collect::<Vec<Vec<&str>>>()
    };
    measure("live", each(&["--frames", "1", "--chunks", "1"]), &rounds)?;
    measure(
        "page",
        each(&["--frames", "6", "--chunks", "7", "--size", "web"]),
        &rounds,
    )?;
    let growth =
        ["8", "16", "32", "64"].map(|n| vec!["--threads", "1", "--frames", n, "--chunks", "0"]);
    measure("growth", growth.into(), &fewer)?;
    let batch = if effort.large { "16" } else { "8" };
    measure(
        "training",
        each(&["--training", "--utterances", batch]),
        "2",
    )?;
    Ok(found.into())
}

/// This project and the peers in turns, on the same case.
fn beside_peers(mesm: &Mesm, peers: &peers::Native, page: &Path, effort: Effort) -> Result<Value> {
    let rounds = effort.rounds.div_ceil(2).to_string();
    let mut found = Vec::new();
    for [frames, chunks] in [["8", "10"], ["1", "1"]] {
        let name = format!("{frames}-{chunks}");
        let case = page.join(format!("case-{name}.safetensors"));
        let work = ["--frames", frames, "--chunks", chunks];
        let write = [&work[..], &["--rounds", "1", "--case"], &[path(&case)?]].concat();
        mesm.bench(&write)?;
        let onnx = page.join(format!("fe2e-{name}.onnx"));
        for threads in threads() {
            let what = format!("{name}, {threads} thread(s), beside PyTorch and onnxruntime");
            let turns = step(&what, || {
                (0..effort.turns)
                    .map(|_| {
                        let count = ["--threads", &threads, "--rounds", &rounds];
                        let own = mesm.bench(&[&work[..], &count].concat())?;
                        let onnx = Some(onnx.as_path());
                        let theirs =
                            peers.measure(&case, threads.parse()?, rounds.parse()?, onnx)?;
                        Ok(json!({ "mesm": own, "peers": theirs }))
                    })
                    .collect::<Result<Vec<Value>>>()
            })?;
            found.push(json!({
                "frames": frames, "chunks": chunks, "threads": threads, "turns": turns,
            }));
        }
    }
    Ok(found.into())
}

/// Chromium's WebGPU without Chromium: what a browser would get of this machine's graphics card.
fn under_node(places: &Places, page: &Path, effort: Effort) -> Result<Value> {
    let node = program("node").context("Node is not on PATH")?;
    let script = places.root.join("bench/page/dawn.mjs");
    let mut found = Vec::new();
    for utterances in if effort.large { &[1, 64][..] } else { &[1] } {
        let request = json!({
            "webgpu": true, "size": "paper", "top_p": [0.5, 0.9], "rounds": effort.rounds, "side": 2048,
            "work": { "frames": 8, "chunks": 10, "utterances": utterances },
        });
        let said = step(&format!("{utterances} utterance(s) on Dawn"), || {
            capture(
                Command::new(&node)
                    .arg(&script)
                    .arg(page)
                    .arg(peers::node_modules(places))
                    .arg(request.to_string()),
            )
        })?;
        let answer: Value = serde_json::from_str(said.lines().last().unwrap_or_default())
            .with_context(|| format!("{}: {said}", script.display()))?;
        found.push(json!({ "utterances": utterances, "answer": answer }));
    }
    Ok(found.into())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is no Unicode", path.display()))
}

/// This project and onnxruntime-web in turns, in one page.
fn in_the_browser(page: &Path, with_peer: bool, effort: Effort) -> Result<Value> {
    let rounds = effort.rounds.div_ceil(2);
    let own =
        |name: &str, webgpu: bool, size: &str, work: [usize; 2], shares: Value, rounds: usize| {
            json!({
                "name": name, "program": "mesm",
                "request": {
                    "webgpu": webgpu, "size": size, "top_p": shares, "rounds": rounds,
                    "side": if webgpu { 256 } else { 768 },
                    "work": { "frames": work[0], "chunks": work[1], "utterances": 1 },
                },
            })
        };
    let peer = |name: &str, webgpu: bool, case: &str, rounds: usize| {
        json!({
            "name": name, "program": "onnxruntime",
            "request": { "webgpu": webgpu, "case": case, "rounds": rounds },
        })
    };
    let mut jobs = Vec::new();
    for _ in 0..effort.turns {
        let shares = json!([0.5, 0.9]);
        jobs.push(own("utterance", false, "paper", [8, 10], shares, rounds));
        if with_peer {
            jobs.push(peer("utterance", false, "8-10", rounds));
        }
    }
    jobs.push(own(
        "page",
        false,
        "web",
        [6, 7],
        json!([0.5]),
        effort.rounds,
    ));
    for _ in 0..effort.turns {
        jobs.push(own("live", true, "paper", [1, 1], json!([0.5, 0.9]), 3));
        if with_peer {
            jobs.push(peer("live", true, "1-1", 3));
        }
    }
    jobs.push(own("page", true, "web", [6, 7], json!([0.5]), 3));
    // In a page of its own: what is compiled for the first time is counted.
    let mut count = own("page", true, "web", [6, 7], json!([0.5]), 1);
    count["program"] = "count".into();
    let counted = page::measure(page, std::slice::from_ref(&count))?;
    let mut outcomes = page::measure(page, &jobs)?;
    jobs.push(count);
    outcomes.extend(counted);
    let mut found = Vec::new();
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        match page::answer(&outcome) {
            Ok(answer) => found.push(json!({ "job": job, "answer": answer })),
            Err(error) => {
                note(&format!("{} in the browser: {error:#}", job["name"]));
                found.push(json!({ "job": job, "error": format!("{error:#}") }));
            }
        }
    }
    Ok(found.into())
}
