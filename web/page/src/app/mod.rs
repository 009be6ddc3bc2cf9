//! The page's state: one engine, at most one running session, the result that is shown.

mod link;
mod moments;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mesm_protocol::DevicePreference;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::DragEvent;

use crate::browser::{document, on, window};
use crate::capture::{Assets, WindowInput};
use crate::engine_link::EngineLink;
use crate::english;
use crate::error::PageError;
use crate::history::History;
use crate::offline::{self, Kept};
use crate::query::Query;
use crate::session::{self, Session};
use crate::ui::{PageState, SourceKind, Ui};
use crate::view::Views;
use crate::{export, view};

use link::InFlight;

/// The page.
pub(crate) struct App {
    pub(crate) ui: Ui,
    pub(crate) query: Query,
    pub(crate) assets: RefCell<Option<Rc<Assets>>>,
    views: RefCell<Views>,
    engine: RefCell<Option<EngineLink>>,
    engine_ready: Cell<bool>,
    /// Whether the dial was set to the model's own share: later it is the person's.
    model_known: Cell<bool>,
    /// Whether a graphics card that failed was given its second chance.
    renewed: Cell<bool>,
    session: RefCell<Option<Session>>,
    in_flight: RefCell<Option<InFlight>>,
    shown: RefCell<Option<WindowInput>>,
    history: RefCell<History>,
    /// Whether a window waits to be asked again.
    asking: Cell<bool>,
    next_id: Cell<u64>,
}

impl App {
    /// Builds the page and starts the engine.
    pub(crate) fn start() -> Result<(), PageError> {
        let ui = Ui::find()?;
        let search = window()?
            .location()
            .search()
            .map_err(PageError::browser(english::failed::ADDRESS))?;
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
            model_known: Cell::new(false),
            renewed: Cell::new(false),
            session: RefCell::new(None),
            in_flight: RefCell::new(None),
            shown: RefCell::new(None),
            history: RefCell::default(),
            asking: Cell::new(false),
            next_id: Cell::new(1),
        });
        app.listen()?;
        view::theme::start(&app.ui.theme)?;
        let exporting = Rc::clone(&app);
        export::offer(move || exporting.shown.borrow().clone())?;
        spawn_local(async move {
            if let Err(error) = app.load(device).await {
                app.fail(&error.to_string());
            }
        });
        Ok(())
    }

    fn listen(self: &Rc<Self>) -> Result<(), PageError> {
        let app = Rc::clone(self);
        on(&self.ui.start, "click", move |_| app.begin())?;
        let app = Rc::clone(self);
        on(&self.ui.stop, "click", move |_| {
            app.end(english::status::STOPPED);
        })?;
        let app = Rc::clone(self);
        on(&self.ui.top_p, "input", move |_| app.ui.show_top_p())?;
        for input in self.ui.model_inputs() {
            let app = Rc::clone(self);
            on(input, "change", move |_| app.ui.show_top_p())?;
        }
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
        self.listen_to_moments()?;
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

    /// Loads what the page needs: by way of the browser's keeper of files, so that a second visit loads nothing.
    async fn load(self: &Rc<Self>, device: DevicePreference) -> Result<(), PageError> {
        // A page that is not kept works all the same.
        let kept = offline::keep().await.unwrap_or(Kept::No);
        if kept == Kept::Replaced {
            self.ui.say(english::status::NEW_VERSION);
            let location = window()?.location();
            return location
                .reload()
                .map_err(PageError::browser(english::failed::RELOADING));
        }
        self.start_engine(device, None)?;
        self.load_assets();
        self.watch();
        if kept == Kept::Yes {
            offline::hold_on().await;
        }
        Ok(())
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

    /// A failure after which nothing goes on.
    fn fail(&self, text: &str) {
        self.end(text);
        self.ui.set_state(PageState::Failed);
        self.ui.show_progress(None);
        self.ui.announce(text);
    }

    /// Starts the chosen source.
    fn begin(self: &Rc<Self>) {
        if self.session.borrow().is_some() || !self.engine_ready.get() {
            return;
        }
        self.ui.set_state(PageState::Running);
        self.drop_in_flight();
        self.begin_history();
        self.session.replace(Some(session::begin(Rc::clone(self))));
    }

    /// Starts the running session anew, with the devices that are chosen now.
    fn begin_again(self: &Rc<Self>) {
        if self.session.borrow().is_some() && self.ui.source() == SourceKind::Camera {
            self.end(english::status::CHANGING_DEVICE);
            self.begin();
        }
    }

    /// What the engine works on is of no interest any more.
    fn drop_in_flight(&self) {
        if let Some(flight) = self.in_flight.borrow_mut().as_mut() {
            flight.wanted = false;
        }
    }

    /// Ends the running session, if there is one.
    pub(crate) fn end(&self, text: &str) {
        if let Some(session) = self.session.take() {
            session.stop();
            self.drop_in_flight();
            self.ui.announce(text);
        }
        self.show_readiness();
    }
}
