//! `mesm train`: opens store, text encoder and device, and hands them to the training loop.

pub mod arguments;
pub(crate) mod progress;
pub mod recipe;
pub(crate) mod setup;

use std::io::Write;
use std::path::Path;

use mesm_data::store::{Store, write_atomically};
use mesm_train::figures::learning_curves;
use mesm_train::report::{epochs, phases};
use mesm_train::run::{Event, LOG};

use crate::device;
use crate::error::CliError;

use arguments::TrainArguments;
use progress::Show;
use setup::{Beginning, Setup};

/// Carries `mesm train` out.
///
/// # Errors
/// When something is missing or wrong, or the training fails; the run can be gone on with.
pub fn run(arguments: &TrainArguments, out: &mut impl Write) -> Result<(), CliError> {
    let config = arguments.settings()?;
    if arguments.print_config {
        let text =
            toml::to_string_pretty(&config).map_err(|e| CliError::Arguments(e.to_string()))?;
        return write!(out, "{text}").map_err(CliError::stdout);
    }
    let missing = |flag: &str| CliError::Arguments(format!("{flag} is needed"));
    let data = arguments.data.as_deref().ok_or_else(|| missing("--data"))?;
    let folder = arguments.out.as_deref().ok_or_else(|| missing("--out"))?;
    let store = Store::open(data)?;
    let text_encoder = arguments.text_encoder.as_deref();
    let setup = Setup::new(
        config,
        &store,
        text_encoder,
        device::open(arguments.device)?,
    )?;
    let mut show = Show::new();
    setup.train(folder, &beginning(arguments)?, &mut |event| {
        show.event(event);
        if matches!(event, Event::Epoch { .. })
            && let Err(error) = draw_curves(folder)
        {
            tracing::warn!("learning curves: {error}");
        }
        true
    })
}

/// The weights that were named to begin with.
fn beginning(arguments: &TrainArguments) -> Result<Beginning, CliError> {
    let mut beginning = Beginning {
        all: arguments.ckpt.as_deref().map(read).transpose()?,
        parts: Vec::new(),
    };
    if let Some(wanted) = arguments.ckpt_mod
        && let Some(bytes) = beginning.all.take()
    {
        let parts = wanted.iter().map(|modality| (modality, bytes.clone()));
        beginning.parts.extend(parts);
    }
    for (modality, path) in &arguments.part {
        beginning.parts.push((*modality, read(path)?));
    }
    Ok(beginning)
}

/// Draws the learning curves of every phase in the log, `PHASE.svg` in the run's folder.
fn draw_curves(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let log = std::fs::read_to_string(folder.join(LOG))?;
    for epochs in phases(&epochs(&log)?) {
        let Some(first) = epochs.first() else {
            continue;
        };
        let svg = learning_curves(&format!("Phase {}", first.phase), "score", epochs)?;
        write_atomically(&folder.join(format!("{}.svg", first.phase)), svg.as_bytes())?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
