//! The engine: starting it, asking it, hearing it, and starting it anew when it hangs or breaks.

use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::ArrayBuffer;
use mesm_protocol::{
    DevicePreference, DeviceReport, Event, ModelReport, Outcome, Packet, ProtocolError, Settings,
    Stage, VERSION,
};
use wasm_bindgen_futures::spawn_local;

use super::App;
use crate::browser::sleep;
use crate::capture::WindowInput;
use crate::engine_link::EngineLink;
use crate::english;
use crate::error::PageError;
use crate::ui::PageState;

const WATCH_STEP_MS: f64 = 2000.0;
/// How often an engine whose program does not arrive is started anew.
const MOST_LOST: u32 = 3;

/// What becomes of a result.
pub(super) enum Purpose {
    /// It is the newest moment.
    Show,
    /// It takes the place of the newest moment: the same window, asked otherwise.
    Again,
    /// It goes to whoever waits.
    Tell(oneshot::Sender<Outcome>),
}

/// A window that the engine works on.
pub(super) struct InFlight {
    id: u64,
    pub input: WindowInput,
    pub settings: Settings,
    pub purpose: Purpose,
    /// False once its session was stopped: what is on the screen then stays as it is.
    pub wanted: bool,
    pub done: Option<oneshot::Sender<()>>,
}

impl App {
    pub(super) fn start_engine(
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
    pub(super) fn restart_engine(
        self: &Rc<Self>,
        device: DevicePreference,
        reason: Option<String>,
    ) {
        self.end(
            reason
                .as_deref()
                .unwrap_or(english::status::CHANGING_DEVICE),
        );
        self.in_flight.take();
        self.replace_engine(device, reason);
    }

    /// Starts an engine in the place of one that broke or hangs. What it was working on is given to the new one; a source
    /// that runs goes on running.
    fn recover(self: &Rc<Self>, device: DevicePreference, reason: String) {
        self.in_flight.borrow_mut().take_if(|flight| !flight.wanted);
        self.ui.announce(&reason);
        self.replace_engine(device, Some(reason));
    }

    fn replace_engine(self: &Rc<Self>, device: DevicePreference, reason: Option<String>) {
        if let Some(engine) = self.engine.take() {
            engine.terminate();
        }
        if self.session.borrow().is_none() {
            self.ui.set_state(PageState::Loading);
        }
        if let Err(error) = self.start_engine(device, reason) {
            self.fail(&error.to_string());
        }
    }

    /// Whether a window may be sent now.
    pub(crate) fn engine_is_free(&self) -> bool {
        self.engine_ready.get() && self.in_flight.borrow().is_none()
    }

    /// Sends a window. The receiver learns when it is done, whatever came of it.
    pub(crate) fn send(&self, input: WindowInput) -> Result<oneshot::Receiver<()>, PageError> {
        self.ask(input, self.ui.settings(), Purpose::Show)
    }

    pub(super) fn ask(
        &self,
        input: WindowInput,
        settings: Settings,
        purpose: Purpose,
    ) -> Result<oneshot::Receiver<()>, PageError> {
        let (done, receiver) = oneshot::channel();
        let flight = InFlight {
            id: self.next_id.replace(self.next_id.get() + 1),
            input,
            settings,
            purpose,
            wanted: true,
            done: Some(done),
        };
        self.deliver(&flight)?;
        self.in_flight.replace(Some(flight));
        Ok(receiver)
    }

    fn deliver(&self, flight: &InFlight) -> Result<(), PageError> {
        let packet = flight.input.to_packet(flight.id, flight.settings.clone());
        let engine = self.engine.borrow();
        let engine = engine
            .as_ref()
            .ok_or(PageError::Missing(english::missing::ENGINE))?;
        engine.send(&packet)
    }

    fn hear(self: &Rc<Self>, packet: Packet<Event, ArrayBuffer>) {
        let Packet { message, buffers } = packet;
        if let Err(error) = self.obey(message, buffers) {
            self.fail(&error.to_string());
        }
    }

    fn obey(self: &Rc<Self>, event: Event, buffers: Vec<ArrayBuffer>) -> Result<(), PageError> {
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
                self.ui.say(&english::status::doing(&what));
            }
            Event::Ready { device, model } => self.engine_is_ready(&device, &model)?,
            Event::Working { stage, .. } => self.ui.say(match stage {
                Stage::Faces => english::status::LOOKING_FOR_FACE,
                Stage::Sound => english::status::LISTENING,
                Stage::Words => english::status::READING_WORDS,
                Stage::Model => english::status::ASKING_MODEL,
            }),
            Event::Dropped { id } => drop(self.finish(id)),
            Event::Outcome(outcome) => self.show(*outcome, buffers)?,
            Event::Failure { id, message, fatal } => self.hear_failure(id, &message, fatal),
        }
        Ok(())
    }

    fn engine_is_ready(&self, device: &DeviceReport, model: &ModelReport) -> Result<(), PageError> {
        self.engine_ready.set(true);
        if !self.model_known.replace(true) {
            self.ui.set_top_p(model.top_p);
        }
        self.ui.show_device(
            &english::device::name(device),
            device.fallback_reason.as_deref(),
        );
        self.ui.announce(&english::status::ready(device, model));
        self.views.borrow_mut().prepare(device, model)?;
        self.show_readiness();
        if let Some(flight) = self.in_flight.borrow().as_ref() {
            self.deliver(flight)?;
        }
        Ok(())
    }

    /// Forgets the window in flight and gives it back, if it is this one.
    pub(super) fn finish(&self, id: u64) -> Option<InFlight> {
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
            self.ui.announce(message);
            return;
        }
        let device = self.engine.borrow().as_ref().map(EngineLink::device);
        let renewed = self.renewed.get();
        match device.filter(|device| *device != DevicePreference::Cpu) {
            // A graphics card comes back after its driver was started anew; one that goes away again does not stay.
            Some(device) if self.engine_ready.get() && !renewed => {
                self.renewed.set(true);
                self.recover(device, english::status::started_again(message));
            }
            Some(_) if self.engine_ready.get() || renewed => self.recover(
                DevicePreference::Cpu,
                english::status::on_processor(message),
            ),
            _ => self.fail(message),
        }
    }

    /// Restarts an engine that works and says nothing.
    pub(super) fn watch(self: &Rc<Self>) {
        let app = Rc::clone(self);
        spawn_local(async move {
            let mut lost = 0;
            while sleep(WATCH_STEP_MS).await.is_ok() {
                let without_program = app
                    .engine
                    .borrow()
                    .as_ref()
                    .filter(|e| e.is_lost())
                    .map(EngineLink::device);
                if let Some(device) = without_program.filter(|_| lost < MOST_LOST) {
                    lost += 1;
                    app.restart_engine(device, None);
                    continue;
                }
                let working = app.in_flight.borrow().is_some() || !app.engine_ready.get();
                let hangs = working && app.engine.borrow().as_ref().is_some_and(EngineLink::hangs);
                if hangs && app.engine_ready.get() {
                    app.recover(DevicePreference::Cpu, english::status::NO_ANSWER.to_owned());
                } else if hangs {
                    app.engine.take().iter().for_each(EngineLink::terminate);
                    app.fail(english::status::NO_START);
                    break;
                }
            }
        });
    }
}
