//! A running source: frames every half second, and the newest three seconds to the engine whenever it is free.

mod clip;
mod live;

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;

use crate::app::App;
use crate::english;
use crate::error::PageError;
use crate::ui::SourceKind;

const POLL_MS: f64 = 50.0;

/// A handle on the running source.
pub(crate) struct Session {
    stopped: Rc<Cell<bool>>,
}

impl Session {
    /// Ends it at its next step.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }
}

/// Starts the source that the controls name.
pub(crate) fn begin(app: Rc<App>) -> Session {
    let stopped = Rc::new(Cell::new(false));
    let seen = Rc::clone(&stopped);
    spawn_local(async move {
        app.ui.pickers.show_facts("");
        app.ui.pickers.show_mirror(false);
        let outcome = run(&app, &seen).await;
        app.ui.words.hold(false);
        if seen.get() {
            return;
        }
        match outcome {
            Ok(text) => app.end(&text),
            Err(error) => app.end(&error.to_string()),
        }
    });
    Session { stopped }
}

async fn run(app: &Rc<App>, stopped: &Cell<bool>) -> Result<String, PageError> {
    let assets = app
        .assets
        .borrow()
        .clone()
        .ok_or(PageError::Missing(english::missing::SAMPLE))?;
    match app.ui.source() {
        SourceKind::Sample => clip::run(app, &assets.sample, stopped).await,
        SourceKind::File => {
            let file = app.ui.file.files().and_then(|files| files.get(0));
            let file = file.ok_or_else(|| PageError::Input(english::failed::NO_FILE.to_owned()))?;
            clip::run(app, &file, stopped).await
        }
        SourceKind::Camera => live::run(app, &assets.worklet_url, stopped).await,
    }
}
