//! The page's state: one engine, at most one running session, the result that is shown.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::ArrayBuffer;
use mesm_protocol::{
    DevicePreference, DeviceReport, Event, ModelReport, Outcome, Packet, ProtocolError, Stage,
    VERSION,
};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::DragEvent;

use crate::browser::{document, on, sleep, window};
use crate::capture::{Assets, WindowInput};
use crate::engine_link::EngineLink;
use crate::error::PageError;
use crate::query::Query;
use crate::session::{self, Session};
use crate::ui::{PageState, SourceKind, Ui};
use crate::view::Views;
use crate::{export, view};

const WATCH_STEP_MS: f64 = 2000.0;

/// A window that the engine works on.
struct InFlight {
    id: u64,
    input: WindowInput,
    /// False once its session was stopped: what is on the screen then stays as it is.
    wanted: bool,
    done: Option<oneshot::Sender<()>>,
}

/// The page.
pub(crate) struct App {
    pub(crate) ui: Ui,
    pub(crate) query: Query,
    pub(crate) assets: RefCell<Option<Rc<Assets>>>,
    views: RefCell<Views>,
    engine: RefCell<Option<EngineLink>>,
    engine_ready: Cell<bool>,
    session: RefCell<Option<Session>>,
    in_flight: RefCell<Option<InFlight>>,
    shown: RefCell<Option<WindowInput>>,
    next_id: Cell<u64>,
}

impl App {
    /// Builds the page and starts the engine.
    pub(crate) fn start() -> Result<(), PageError> {
        let ui = Ui::find()?;
        let search = window()?
            .location()
            .search()
            .map_err(PageError::browser("the page has no address"))?;
        let query = Query::read(&search);
        ui.apply(&query);
        ui.set_state(PageState::Loading);
        let device = query.device;
        let app = Rc::new(Self {
            ui,
            query,
            assets: RefCell::new(None),
            views: RefCell::new(Views::find()?),
            engine: RefCell::new(None),
            engine_ready: Cell::new(false),
            session: RefCell::new(None),
            in_flight: RefCell::new(None),
            shown: RefCell::new(None),
            next_id: Cell::new(1),
        });
        app.listen()?;
        view::theme::start(&app.ui.theme)?;
        let exporting = Rc::clone(&app);
        export::offer(move || exporting.shown.borrow().clone())?;
        app.start_engine(device, None)?;
        app.load_assets();
        app.watch();
        Ok(())
    }

    fn listen(self: &Rc<Self>) -> Result<(), PageError> {
        let app = Rc::clone(self);
        on(&self.ui.start, "click", move |_| app.begin())?;
        let app = Rc::clone(self);
        on(&self.ui.stop, "click", move |_| app.end("Stopped."))?;
        let app = Rc::clone(self);
        on(&self.ui.top_p, "input", move |_| app.ui.show_top_p())?;
        let app = Rc::clone(self);
        on(&self.ui.device, "change", move |_| {
            let device = DevicePreference::from_name(&app.ui.device.value()).unwrap_or_default();
            app.restart_engine(device, None);
        })?;
        for input in self.ui.source_inputs() {
            let app = Rc::clone(self);
            on(input, "change", move |_| app.ui.show_source())?;
        }
        self.take_drops()?;
        for select in self.ui.pickers.selects() {
            let app = Rc::clone(self);
            on(select, "change", move |_| app.begin_again())?;
        }
        let app = Rc::clone(self);
        on(self.ui.pickers.mirror(), "change", move |_| {
            let running = app.session.borrow().is_some();
            let live = app.ui.source() == SourceKind::Camera;
            app.ui.pickers.show_mirror(running && live);
        })?;
        Ok(())
    }

    /// Files may be dropped anywhere: a browser that is left alone would open them in the place of the page.
    fn take_drops(self: &Rc<Self>) -> Result<(), PageError> {
        let page = document()?;
        let app = Rc::clone(self);
        on(&page, "dragover", move |event| {
            event.prevent_default();
            app.ui.aim(true);
        })?;
        let app = Rc::clone(self);
        on(&page, "dragleave", move |_| app.ui.aim(false))?;
        let app = Rc::clone(self);
        on(&page, "drop", move |event| {
            event.prevent_default();
            app.ui.aim(false);
            let files = event
                .dyn_ref::<DragEvent>()
                .and_then(DragEvent::data_transfer)
                .and_then(|dropped| dropped.files())
                .filter(|files| files.length() > 0);
            if let Some(files) = files.filter(|_| app.session.borrow().is_none()) {
                app.ui.choose_file(&files);
                app.begin();
            }
        })
    }

    fn load_assets(self: &Rc<Self>) {
        let app = Rc::clone(self);
        spawn_local(async move {
            match Assets::load().await {
                Ok(assets) => {
                    app.assets.replace(Some(Rc::new(assets)));
                    app.show_readiness();
                }
                Err(error) => app.fail(&error.to_string()),
            }
        });
    }

    fn show_readiness(&self) {
        if self.engine_ready.get() && self.assets.borrow().is_some() {
            self.ui.show_progress(None);
            if self.session.borrow().is_none() {
                self.ui.set_state(PageState::Ready);
            }
        }
    }

    fn start_engine(
        self: &Rc<Self>,
        device: DevicePreference,
        reason: Option<String>,
    ) -> Result<(), PageError> {
        let app = Rc::downgrade(self);
        let engine = EngineLink::start(device, reason, move |packet| {
            if let Some(app) = app.upgrade() {
                app.hear(packet);
            }
        })?;
        self.engine_ready.set(false);
        self.engine.replace(Some(engine));
        Ok(())
    }

    /// Stops the engine, whatever it does, and starts another one.
    fn restart_engine(self: &Rc<Self>, device: DevicePreference, reason: Option<String>) {
        self.end(reason.as_deref().unwrap_or("Changing the device."));
        if let Some(engine) = self.engine.take() {
            engine.terminate();
        }
        self.in_flight.take();
        self.ui.set_state(PageState::Loading);
        if let Err(error) = self.start_engine(device, reason) {
            self.fail(&error.to_string());
        }
    }

    /// A failure after which nothing goes on.
    fn fail(&self, text: &str) {
        self.end(text);
        self.ui.set_state(PageState::Failed);
        self.ui.show_progress(None);
        self.ui.say(text);
    }

    /// Starts the chosen source.
    fn begin(self: &Rc<Self>) {
        if self.session.borrow().is_some() || !self.engine_ready.get() {
            return;
        }
        self.ui.set_state(PageState::Running);
        self.session.replace(Some(session::begin(Rc::clone(self))));
    }

    /// Starts the running session anew, with the devices that are chosen now.
    fn begin_again(self: &Rc<Self>) {
        if self.session.borrow().is_some() && self.ui.source() == SourceKind::Camera {
            self.end("Changing the device.");
            self.begin();
        }
    }

    /// Ends the running session, if there is one.
    pub(crate) fn end(&self, text: &str) {
        if let Some(session) = self.session.take() {
            session.stop();
            if let Some(flight) = self.in_flight.borrow_mut().as_mut() {
                flight.wanted = false;
            }
            self.ui.say(text);
        }
        self.show_readiness();
    }

    /// Whether a window may be sent now.
    pub(crate) fn engine_is_free(&self) -> bool {
        self.engine_ready.get() && self.in_flight.borrow().is_none()
    }

    /// Sends a window. The receiver learns when it is done, whatever came of it.
    pub(crate) fn send(&self, input: WindowInput) -> Result<oneshot::Receiver<()>, PageError> {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let packet = input.to_packet(id, self.ui.settings());
        let engine = self.engine.borrow();
        let engine = engine.as_ref().ok_or(PageError::Missing("engine"))?;
        engine.send(&packet)?;
        let (done, receiver) = oneshot::channel();
        self.in_flight.replace(Some(InFlight {
            id,
            input,
            wanted: true,
            done: Some(done),
        }));
        Ok(receiver)
    }

    fn hear(self: &Rc<Self>, packet: Packet<Event, ArrayBuffer>) {
        let Packet { message, buffers } = packet;
        if let Err(error) = self.obey(message, &buffers) {
            self.fail(&error.to_string());
        }
    }

    fn obey(self: &Rc<Self>, event: Event, buffers: &[ArrayBuffer]) -> Result<(), PageError> {
        match event {
            Event::Loaded { version } if version == VERSION => {
                if let Some(engine) = self.engine.borrow().as_ref() {
                    engine.configure()?;
                }
            }
            Event::Loaded { version } => {
                return Err(ProtocolError::Version {
                    page: VERSION,
                    engine: version,
                }
                .into());
            }
            Event::Progress { what, done } => {
                self.ui.show_progress(Some(f64::from(done)));
                self.ui.say(&format!("{what} …"));
            }
            Event::Ready { device, model } => self.engine_is_ready(&device, &model)?,
            Event::Working { stage, .. } => self.ui.say(match stage {
                Stage::Faces => "Looking for the face …",
                Stage::Sound => "Listening …",
                Stage::Words => "Reading the words …",
                Stage::Model => "Asking the model …",
            }),
            Event::Dropped { id } => drop(self.finish(id)),
            Event::Outcome(outcome) => self.show(&outcome, buffers)?,
            Event::Failure { id, message, fatal } => self.hear_failure(id, &message, fatal),
        }
        Ok(())
    }

    fn engine_is_ready(&self, device: &DeviceReport, model: &ModelReport) -> Result<(), PageError> {
        self.engine_ready.set(true);
        self.ui.set_top_p(model.top_p);
        self.ui.show_device(
            &view::device_name(device),
            device.fallback_reason.as_deref(),
        );
        self.ui.say(&view::ready_line(device, model));
        self.views.borrow_mut().prepare(device, model)?;
        self.show_readiness();
        Ok(())
    }

    fn show(&self, outcome: &Outcome, buffers: &[ArrayBuffer]) -> Result<(), PageError> {
        outcome.check(&mesm_protocol::port::sizes(buffers))?;
        let Some(mut done) = self.finish(outcome.id) else {
            return Ok(());
        };
        if !done.wanted {
            return Ok(());
        }
        self.views.borrow_mut().show(outcome, buffers)?;
        view::place_face_box(&self.ui, outcome, &done.input);
        self.shown.replace(Some(done.input));
        export::publish(outcome)?;
        self.ui.say(&view::done_line(outcome));
        if let Some(done) = done.done.take() {
            // Nobody waits where the session was ended meanwhile.
            let _ = done.send(());
        }
        Ok(())
    }

    /// Forgets the window in flight and gives it back, if it is this one.
    fn finish(&self, id: u64) -> Option<InFlight> {
        let mut in_flight = self.in_flight.borrow_mut();
        if in_flight.as_ref().is_some_and(|flight| flight.id == id) {
            return in_flight.take();
        }
        None
    }

    fn hear_failure(self: &Rc<Self>, id: Option<u64>, message: &str, fatal: bool) {
        if !fatal {
            if let Some(id) = id {
                self.finish(id);
            }
            self.end(message);
            self.ui.say(message);
            return;
        }
        let device = self.engine.borrow().as_ref().map(EngineLink::device);
        if device == Some(DevicePreference::Auto) && self.engine_ready.get() {
            self.restart_engine(
                DevicePreference::Cpu,
                Some(format!("{message}. Continuing on the processor")),
            );
        } else {
            self.fail(message);
        }
    }

    /// Restarts an engine that works and says nothing.
    fn watch(self: &Rc<Self>) {
        let app = Rc::clone(self);
        spawn_local(async move {
            while sleep(WATCH_STEP_MS).await.is_ok() {
                let working = app.in_flight.borrow().is_some() || !app.engine_ready.get();
                let hangs = working && app.engine.borrow().as_ref().is_some_and(EngineLink::hangs);
                if hangs && app.engine_ready.get() {
                    app.restart_engine(
                        DevicePreference::Cpu,
                        Some("The engine did not answer; continuing on the processor".to_owned()),
                    );
                } else if hangs {
                    app.engine.take().iter().for_each(EngineLink::terminate);
                    app.fail("The engine did not start. Reload the page, or add ?device=cpu to its address.");
                    break;
                }
            }
        });
    }
}
