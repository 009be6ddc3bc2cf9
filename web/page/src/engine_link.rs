//! The engine's worker: starting it, talking to it, noticing when it hangs.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::ArrayBuffer;
use mesm_protocol::{Configure, DevicePreference, Event, Packet, Request, VERSION, port};
use wasm_bindgen::JsCast;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::browser::{document, now_ms, on};
use crate::english;
use crate::error::PageError;

/// Beside the page, under whatever path it is served.
const WORKER: &str = "engine-worker.js";
/// A working engine that says nothing for so long hangs.
const SILENCE_LIMIT_MS: f64 = 120_000.0;
/// One that has not said a word for so long was not started: the browser lost its script on the way, which happens while
/// one service worker replaces another.
const FIRST_WORD_LIMIT_MS: f64 = 20_000.0;
/// One that does not go on loading its program has lost a file of it in the same way; it tells of every 80 kB that arrive.
const LOAD_LIMIT_MS: f64 = 60_000.0;
/// Software adapters are slow; whoever forces one has patience.
const FORCED_SILENCE_LIMIT_MS: f64 = 1_200_000.0;

/// A running engine.
pub(crate) struct EngineLink {
    worker: Worker,
    device: DevicePreference,
    restart_reason: Option<String>,
    last_heard_ms: Rc<Cell<f64>>,
    arrived: Rc<Cell<Arrived>>,
}

/// How much of an engine has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrived {
    /// Not a word.
    Nothing,
    /// Its script, which loads the program.
    Script,
    /// The program, which runs.
    Program,
}

impl EngineLink {
    /// Starts a worker. `hear` gets every message, and a failure for every message that is none.
    pub(crate) fn start(
        device: DevicePreference,
        restart_reason: Option<String>,
        hear: impl Fn(Packet<Event, ArrayBuffer>) + 'static,
    ) -> Result<Self, PageError> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let url = format!("{}{WORKER}", base_url()?);
        let worker = Worker::new_with_options(&url, &options)
            .map_err(PageError::browser(english::failed::STARTING_ENGINE))?;
        let last_heard_ms = Rc::new(Cell::new(now_ms()));
        let heard = Rc::clone(&last_heard_ms);
        let arrived = Rc::new(Cell::new(Arrived::Nothing));
        let arrives = Rc::clone(&arrived);
        let hear = Rc::new(hear);
        let hear_error = Rc::clone(&hear);
        on(&worker, "message", move |event| {
            heard.set(now_ms());
            let data = event.unchecked_into::<MessageEvent>().data();
            let packet = port::decode::<Event>(&data)
                .unwrap_or_else(|error| Packet::plain(failure(error.to_string())));
            if matches!(packet.message, Event::Loaded { .. }) {
                arrives.set(Arrived::Program);
            } else if arrives.get() == Arrived::Nothing {
                arrives.set(Arrived::Script);
            }
            hear(packet);
        })?;
        on(&worker, "error", move |event| {
            let cause = event.dyn_ref::<ErrorEvent>().map_or_else(
                || english::failed::NO_REASON.to_owned(),
                ErrorEvent::message,
            );
            let message = english::failed::engine_stopped(&cause);
            hear_error(Packet::plain(failure(message)));
        })?;
        Ok(Self {
            worker,
            device,
            restart_reason,
            last_heard_ms,
            arrived,
        })
    }

    /// Sends the configuration, once the engine has said that it runs.
    pub(crate) fn configure(&self) -> Result<(), PageError> {
        self.send(&Packet::plain(Request::Configure(Configure {
            version: VERSION,
            base_url: base_url()?,
            device: self.device,
            restart_reason: self.restart_reason.clone(),
        })))
    }

    /// Sends a message; its buffers move to the engine and are empty here afterwards.
    pub(crate) fn send(&self, packet: &Packet<Request, ArrayBuffer>) -> Result<(), PageError> {
        let posted = port::encode(packet)?;
        self.last_heard_ms.set(now_ms());
        self.worker
            .post_message_with_transfer(&posted.value, &posted.transfer)
            .map_err(PageError::browser(english::failed::SENDING_WINDOW))
    }

    /// Whether an engine that should be working has been silent for too long.
    pub(crate) fn hangs(&self) -> bool {
        let limit = match self.device {
            DevicePreference::Webgpu => FORCED_SILENCE_LIMIT_MS,
            DevicePreference::Auto | DevicePreference::Cpu => SILENCE_LIMIT_MS,
        };
        now_ms() - self.last_heard_ms.get() > limit
    }

    /// Whether its program does not arrive.
    pub(crate) fn is_lost(&self) -> bool {
        let limit = match self.arrived.get() {
            Arrived::Nothing => FIRST_WORD_LIMIT_MS,
            Arrived::Script => LOAD_LIMIT_MS,
            Arrived::Program => return false,
        };
        now_ms() - self.last_heard_ms.get() > limit
    }

    /// The device it was asked to use.
    pub(crate) fn device(&self) -> DevicePreference {
        self.device
    }

    /// Stops the worker at once, whatever it does.
    pub(crate) fn terminate(&self) {
        self.worker.terminate();
    }
}

fn failure(message: String) -> Event {
    Event::Failure {
        id: None,
        message,
        fatal: true,
    }
}

fn base_url() -> Result<String, PageError> {
    let base = document()?
        .base_uri()
        .map_err(PageError::browser(english::failed::ADDRESS))?
        .ok_or(PageError::Missing(english::missing::ADDRESS))?;
    let end = base.find(['?', '#']).unwrap_or(base.len());
    let folder = base[..end].rfind('/').map_or(end, |slash| slash + 1);
    Ok(base[..folder].to_owned())
}
