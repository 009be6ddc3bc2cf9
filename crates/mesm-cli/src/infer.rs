//! `mesm infer`.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};
use mesm::Modality;
use mesm_data::clip::WindowOptions;

use crate::arguments::InferArguments;
use crate::error::CliError;
use crate::input::Input;
use crate::judgement::Summary;
use crate::notes::RunNote;
use crate::prepare::{Prepared, kind_name, prepare};
use crate::report::{Report, RunFacts};
use crate::session::{Session, Tracks};
use crate::stopwatch::Stopwatch;
use crate::timeline::Timeline;
use crate::{device, overlay, table};

/// Longest window in ms. The memory of the model grows with it: a minute has 150 mel chunks.
const MAX_WINDOW_MS: u32 = 60_000;

/// Carries the command out; results go to `stdout`, progress to the error stream.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &InferArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    let mut watch = Stopwatch::default();
    let options = window_options(arguments)?;
    // The input first: most mistakes are there, and they should not wait for a model to load.
    let mut input = Input::open(&arguments.clip, arguments.modalities, &options)?;
    let device = device::open(arguments.device)?;
    let text = arguments.text.as_deref().or(input.text.as_deref());
    let text = text.filter(|text| !text.trim().is_empty());
    let prepared = prepare(arguments, text, &device, &mut watch)?;
    let facts = facts(arguments, &prepared);
    let mut notes = prepared.notes;
    notes.append(&mut input.notes);
    let tracks = Tracks {
        video: input.has_video && prepared.modalities.contains(Modality::Visual),
        audio: input.has_audio && prepared.modalities.contains(Modality::Acoustic),
    };
    let keep_evidence = arguments.overlay.is_some();
    let mut session = watch.time("load", || {
        Session::new(
            prepared.model,
            &prepared.mel,
            prepared.sentence,
            tracks,
            keep_evidence,
            &device,
        )
    })?;

    let mut timeline = arguments
        .window
        .map(|_| Timeline::new(&mut *stdout, arguments.format, session.classes().to_vec()));
    let progress = progress_bar(&input, &options);
    let mut summary = Summary::default();
    while let Some(window) = watch.time("decode", || input.next_window())? {
        let judgement = session.judge(&window, &mut watch)?;
        if let Some(timeline) = &mut timeline {
            timeline.add(&judgement).map_err(CliError::stdout)?;
        }
        if let Some(folder) = &arguments.overlay {
            watch.time("overlay", || {
                overlay::write(folder, window.index, &judgement)
            })?;
        }
        summary.add(&judgement);
        progress.set_position((window.end_s * 1000.0) as u64);
    }
    progress.finish_and_clear();
    drop(timeline);

    notes.extend(input.complaints());
    if summary.windows > 1 {
        notes.push(RunNote::Windows {
            count: summary.windows,
            window_ms: options.window_ms,
        });
    }
    let run_notes = notes.iter().map(ToString::to_string);
    let report = Report::new(facts, &summary, watch.timings_ms(), run_notes)
        .ok_or_else(|| nothing(arguments, &notes, &summary))?;
    if arguments.json {
        serde_json::to_writer(&mut *stdout, &report).map_err(|e| CliError::stdout(e.into()))?;
        writeln!(stdout).map_err(CliError::stdout)?;
    } else if arguments.window.is_none() {
        stdout
            .write_all(table::render(&report).as_bytes())
            .map_err(CliError::stdout)?;
    }
    stdout.flush().map_err(CliError::stdout)
}

fn window_options(arguments: &InferArguments) -> Result<WindowOptions, CliError> {
    let mut options = WindowOptions {
        max_side: arguments.max_side,
        ..WindowOptions::default()
    };
    if let Some(window) = arguments.window {
        if window.ms > MAX_WINDOW_MS {
            return Err(CliError::Arguments(format!(
                "--window: at most {} s fit into memory, found {} s",
                MAX_WINDOW_MS / 1000,
                f64::from(window.ms) / 1000.0
            )));
        }
        options.window_ms = window.ms;
        options.hop_ms = arguments.hop.unwrap_or(window).ms;
    }
    Ok(options)
}

fn facts(arguments: &InferArguments, prepared: &Prepared) -> RunFacts {
    let config = prepared.model.config();
    RunFacts {
        clip: arguments.clip.display().to_string(),
        model: kind_name(config.computed_as()),
        weights: prepared.weights.clone(),
        classes: config.classes.clone(),
        activation: config.activation,
        top_p: config.top_p,
        device: device::name(arguments.device),
    }
}

/// A bar on the error stream where there is more than one window; hidden where that is no terminal.
fn progress_bar(input: &Input, options: &WindowOptions) -> ProgressBar {
    let length_ms = input.duration_s.map(|s| (s * 1000.0) as u64);
    if length_ms.is_some_and(|ms| ms <= u64::from(options.window_ms)) {
        return ProgressBar::hidden();
    }
    let bar = length_ms.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let style = ProgressStyle::with_template(
        "{bar:30} {percent}% of the clip, {elapsed} passed, {eta} to go",
    );
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

fn nothing(arguments: &InferArguments, notes: &[RunNote], summary: &Summary) -> CliError {
    let reasons: Vec<String> = notes
        .iter()
        .filter(|n| n.is_absence())
        .map(ToString::to_string)
        .chain(summary.notes.keys().map(ToString::to_string))
        .collect();
    CliError::NothingToLookAt {
        path: arguments.clip.clone(),
        reason: reasons.join("; "),
    }
}
