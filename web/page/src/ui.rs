//! The controls of the page by name, and the line that says what is going on.

use std::cell::Cell;

use mesm_protocol::{DevicePreference, Settings};
use wasm_bindgen::JsCast;
use web_sys::{
    Element, EventTarget, FileList, HtmlButtonElement, HtmlElement, HtmlInputElement,
    HtmlProgressElement, HtmlSelectElement, HtmlVideoElement,
};

use crate::browser::{by_id, document};
use crate::english;
use crate::error::PageError;
use crate::pickers::Pickers;
use crate::query::Query;
use crate::save::Format;
use crate::view::{Look, Paint};
use crate::words::Words;

/// Where pictures and sound come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Sample,
    Camera,
    File,
}

impl SourceKind {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Sample, "sample"),
        (Self::Camera, "camera"),
        (Self::File, "file"),
    ];
}

/// What the page is doing; also in the document's `data-state` for style and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageState {
    Loading,
    Ready,
    Running,
    Failed,
}

/// The controls.
pub(crate) struct Ui {
    pub preview: HtmlVideoElement,
    pub stage: HtmlElement,
    pub start: HtmlButtonElement,
    pub stop: HtmlButtonElement,
    pub file: HtmlInputElement,
    pub words: Words,
    pub device: HtmlSelectElement,
    pub top_p: HtmlInputElement,
    models: Vec<HtmlInputElement>,
    pub theme: HtmlButtonElement,
    pub pickers: Pickers,
    pub curve: HtmlButtonElement,
    layers: Vec<HtmlInputElement>,
    soft: HtmlInputElement,
    smoothing: HtmlSelectElement,
    saves: Vec<(HtmlButtonElement, Format)>,
    announcement: Element,
    devices: HtmlElement,
    sources: Vec<(SourceKind, HtmlInputElement)>,
    stage_hint: HtmlElement,
    file_field: HtmlElement,
    top_p_value: Element,
    use_visual: HtmlInputElement,
    use_acoustic: HtmlInputElement,
    own_pace: HtmlInputElement,
    stepping: Cell<bool>,
    progress: HtmlProgressElement,
    status: Element,
    device_chip: Element,
    device_notice: HtmlElement,
}

impl Ui {
    /// Finds every control in the document.
    pub(crate) fn find() -> Result<Self, PageError> {
        let inputs = radios("source")?;
        let mut sources = Vec::new();
        for (kind, name) in SourceKind::ALL {
            let input = inputs.iter().find(|input| input.value() == name);
            sources.push((kind, input.cloned().ok_or(PageError::Missing("source"))?));
        }
        Ok(Self {
            preview: by_id("preview")?,
            stage: by_id("stage")?,
            start: by_id("start")?,
            stop: by_id("stop")?,
            file: by_id("file")?,
            words: Words::find()?,
            device: by_id("device")?,
            top_p: by_id("top-p")?,
            models: radios("model")?,
            theme: by_id("theme")?,
            pickers: Pickers::find()?,
            curve: by_id("curve")?,
            layers: radios("layer")?,
            soft: by_id("soft")?,
            smoothing: by_id("smoothing")?,
            saves: vec![
                (by_id("save-csv")?, Format::Csv),
                (by_id("save-jsonl")?, Format::JsonLines),
                (by_id("save-png")?, Format::Png),
            ],
            announcement: by_id("announcement")?,
            devices: by_id("devices")?,
            sources,
            stage_hint: by_id("stage-hint")?,
            file_field: by_id("file-field")?,
            top_p_value: by_id("top-p-value")?,
            use_visual: by_id("use-visual")?,
            use_acoustic: by_id("use-acoustic")?,
            own_pace: by_id("own-pace")?,
            stepping: Cell::new(false),
            progress: by_id("progress")?,
            status: by_id("status")?,
            device_chip: by_id("device-chip")?,
            device_notice: by_id("device-notice")?,
        })
    }

    /// Sets the controls as the address asks.
    pub(crate) fn apply(&self, query: &Query) {
        for (_, input) in &self.sources {
            if query.source.as_ref() == Some(&input.value()) {
                input.set_checked(true);
            }
        }
        if let Some(words) = &query.words {
            self.words.set(words);
        }
        self.stepping.set(query.step);
        self.device.set_value(match query.device {
            DevicePreference::Auto => "auto",
            DevicePreference::Cpu => "cpu",
            DevicePreference::Webgpu => "webgpu",
        });
        self.show_source();
        self.show_top_p();
    }

    /// The inputs that switch the source.
    pub(crate) fn source_inputs(&self) -> impl Iterator<Item = &HtmlInputElement> {
        self.sources.iter().map(|(_, input)| input)
    }

    /// The chosen source.
    pub(crate) fn source(&self) -> SourceKind {
        self.sources
            .iter()
            .find(|(_, input)| input.checked())
            .map_or(SourceKind::Sample, |(kind, _)| *kind)
    }

    /// Whether a file is gone through window by window, as fast as the engine can, and not while it plays.
    pub(crate) fn steps(&self) -> bool {
        match self.source() {
            SourceKind::Sample => self.stepping.get(),
            SourceKind::File => !self.own_pace.checked(),
            SourceKind::Camera => false,
        }
    }

    /// Makes a file that was dropped the chosen source.
    pub(crate) fn choose_file(&self, files: &FileList) {
        self.file.set_files(Some(files));
        for (kind, input) in &self.sources {
            input.set_checked(*kind == SourceKind::File);
        }
        self.show_source();
    }

    /// Shows that a file may be let go here.
    pub(crate) fn aim(&self, aimed: bool) {
        // It is a hint; dropping works without.
        let _ = self.stage.class_list().toggle_with_force("aimed", aimed);
    }

    /// The settings of the next window.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            top_p: Some(self.top_p.value_as_number() as f32),
            every_point: self.every_point(),
            visual: self.use_visual.checked(),
            acoustic: self.use_acoustic.checked(),
        }
    }

    /// Shows what belongs to the chosen source.
    pub(crate) fn show_source(&self) {
        let source = self.source();
        self.file_field.set_hidden(source != SourceKind::File);
        self.devices.set_hidden(source != SourceKind::Camera);
        self.stage_hint.set_text_content(Some(match source {
            SourceKind::Sample => english::hint::SAMPLE,
            SourceKind::Camera => english::hint::CAMERA,
            SourceKind::File => english::hint::FILE,
        }));
    }

    /// Whether the dense twin is asked.
    fn every_point(&self) -> bool {
        let chosen = self.models.iter().find(|input| input.checked());
        chosen.is_some_and(|input| input.value() == "fe2e")
    }

    /// Shows the slider's number; the dense twin has no use for it.
    pub(crate) fn show_top_p(&self) {
        self.top_p.set_disabled(self.every_point());
        self.top_p_value
            .set_text_content(Some(&format!("{:.2}", self.top_p.value_as_number())));
    }

    /// Sets the slider to the model's own value.
    pub(crate) fn set_top_p(&self, top_p: f32) {
        self.top_p.set_value_as_number(f64::from(top_p));
        self.show_top_p();
    }

    /// How attention is shown.
    pub(crate) fn look(&self) -> Look {
        let chosen = self.layers.iter().find(|input| input.checked());
        Look {
            layer: chosen
                .and_then(|input| input.value().parse::<usize>().ok())
                .and_then(|number| number.checked_sub(1)),
            paint: if self.soft.checked() {
                Paint::Weights
            } else {
                Paint::Kept
            },
        }
    }

    /// The inputs that change how attention is shown.
    pub(crate) fn look_inputs(&self) -> impl Iterator<Item = &HtmlInputElement> {
        self.layers.iter().chain([&self.soft])
    }

    /// The controls that change what is asked.
    pub(crate) fn asking_inputs(&self) -> impl Iterator<Item = &EventTarget> {
        let others: [&EventTarget; 4] = [
            &self.top_p,
            &self.use_visual,
            &self.use_acoustic,
            self.words.field(),
        ];
        let models = self.models.iter().map(|input| -> &EventTarget { input });
        models.chain(others)
    }

    /// The choice between the model and its dense twin.
    pub(crate) fn model_inputs(&self) -> &[HtmlInputElement] {
        &self.models
    }

    /// The buttons that save what was judged.
    pub(crate) fn save_buttons(&self) -> &[(HtmlButtonElement, Format)] {
        &self.saves
    }

    /// How slowly the bars follow, in milliseconds; 0 for at once.
    pub(crate) fn smoothing_ms(&self) -> f64 {
        self.smoothing.value().parse().unwrap_or(0.0)
    }

    /// Says what is going on, and lets those hear it who listen to the page.
    pub(crate) fn announce(&self, text: &str) {
        self.say(text);
        self.whisper(text);
    }

    /// Lets those hear it who listen to the page.
    pub(crate) fn whisper(&self, text: &str) {
        self.announcement.set_text_content(Some(text));
    }

    /// Says what is going on.
    pub(crate) fn say(&self, text: &str) {
        self.status.set_text_content(Some(text));
    }

    /// Moves the progress bar; `None` hides it.
    pub(crate) fn show_progress(&self, done: Option<f64>) {
        self.progress.set_hidden(done.is_none());
        self.progress.set_value(done.unwrap_or(0.0));
    }

    /// Shows the device's short name.
    pub(crate) fn show_device(&self, chip: &str, notice: Option<&str>) {
        self.device_chip.set_text_content(Some(chip));
        self.device_notice.set_text_content(notice);
        self.device_notice.set_hidden(notice.is_none());
    }

    /// Switches what can be pressed.
    pub(crate) fn set_state(&self, state: PageState) {
        self.start.set_disabled(state != PageState::Ready);
        self.stop.set_disabled(state != PageState::Running);
        for input in self.source_inputs() {
            input.set_disabled(state == PageState::Running);
        }
        self.file.set_disabled(state == PageState::Running);
        self.stage_hint
            .set_hidden(state == PageState::Running || self.preview.ready_state() > 0);
        mark_state(match state {
            PageState::Loading => "loading",
            PageState::Ready => "ready",
            PageState::Running => "running",
            PageState::Failed => "failed",
        });
    }
}

/// The inputs of which one is chosen.
fn radios(name: &'static str) -> Result<Vec<HtmlInputElement>, PageError> {
    let found = document()?
        .query_selector_all(&format!("input[name={name}]"))
        .map_err(PageError::browser(english::failed::READING_DOCUMENT))?;
    let inputs: Vec<HtmlInputElement> = (0..found.length())
        .filter_map(|index| found.item(index)?.dyn_into().ok())
        .collect();
    if inputs.is_empty() {
        return Err(PageError::Missing(name));
    }
    Ok(inputs)
}

fn mark_state(state: &str) {
    let body = document().ok().and_then(|document| document.body());
    if let Some(body) = body {
        // Only style and tests read it.
        let _ = body.dataset().set("state", state);
    }
}

/// Says a failure where even the controls may be missing.
pub(crate) fn say_failure(text: &str) {
    if let Ok(status) = by_id::<Element>("status") {
        status.set_text_content(Some(text));
    }
    mark_state("failed");
}
