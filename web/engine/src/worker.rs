//! Messages in, messages out. One window at a time; while it is judged, only the newest of those that arrive waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::PanicHookInfo;
use std::rc::Rc;

use js_sys::ArrayBuffer;
use mesm::Modality;
use mesm_features::track::CropResult;
use mesm_features::window::WindowInput;
use mesm_protocol::{Configure, DeviceKind, Event, Packet, Request, Stage, VERSION, Window, port};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use crate::brain::Brain;
use crate::deadline::{let_messages_in, within};
use crate::error::EngineError;
use crate::evidence::Evidence;
use crate::host::{self, MessageEvent};
use crate::inbox::Inbox;
use crate::outcome::{Findings, outcome};
use crate::start::{Started, start};

type WindowPacket = Packet<Window, ArrayBuffer>;

#[derive(Default)]
struct Worker {
    inbox: RefCell<Inbox<WindowPacket>>,
    /// Absent until it is ready, and while it works.
    engine: RefCell<Option<Box<Started>>>,
}

/// Starts listening to the page. Called once, by the worker's script.
#[wasm_bindgen]
pub fn run() {
    std::panic::set_hook(Box::new(report_panic));
    let worker = Rc::new(Worker::default());
    let listener = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        match port::decode::<Request>(&event.data()) {
            Ok(packet) => worker.obey(packet),
            Err(error) => fail(None, &error.into(), true),
        }
    });
    host::add_event_listener("message", listener.as_ref().unchecked_ref());
    listener.forget();
    tell(Event::Loaded { version: VERSION });
}

/// A panic ends the program where it stands; the promise it was in stays open. The page must hear of it.
fn report_panic(info: &PanicHookInfo<'_>) {
    host::console_error(&info.to_string());
    tell(Event::Failure {
        id: None,
        message: format!("the engine broke: {info}"),
        fatal: true,
    });
}

fn tell(event: Event) {
    send(&Packet::plain(event));
}

fn send(packet: &Packet<Event, ArrayBuffer>) {
    let posted = match port::encode(packet) {
        Ok(posted) => posted,
        Err(error) => return host::console_error(&error.to_string()),
    };
    if let Err(cause) = host::post_message(&posted.value, &posted.transfer) {
        host::console_error(&crate::error::reason(&cause));
    }
}

fn fail(id: Option<u64>, error: &EngineError, fatal: bool) {
    tell(Event::Failure {
        id,
        message: error.to_string(),
        fatal,
    });
}

impl Worker {
    fn obey(self: &Rc<Self>, packet: Packet<Request, ArrayBuffer>) {
        let Packet { message, buffers } = packet;
        let worker = Rc::clone(self);
        match message {
            Request::Configure(configure) => {
                spawn_local(async move { Box::pin(worker.configure(&configure)).await });
            }
            Request::Window(message) => {
                let replaced = self.inbox.borrow_mut().put(Packet { message, buffers });
                if let Some(old) = replaced {
                    tell(Event::Dropped { id: old.message.id });
                }
                spawn_local(async move { worker.work().await });
            }
        }
    }

    async fn configure(self: &Rc<Self>, configure: &Configure) {
        match Box::pin(start(configure, tell)).await {
            Ok(started) => {
                tell(Event::Ready {
                    device: started.device.clone(),
                    model: started.model.clone(),
                });
                self.engine.replace(Some(Box::new(started)));
                self.work().await;
            }
            Err(error) => fail(None, &error, true),
        }
    }

    /// Judges what waits, until nothing does. Returns at once while another call is at it.
    async fn work(&self) {
        loop {
            let_messages_in().await;
            let Some(mut engine) = self.engine.take() else {
                return;
            };
            let Some(packet) = self.inbox.borrow_mut().take() else {
                self.engine.replace(Some(engine));
                return;
            };
            let id = packet.message.id;
            let judged = Box::pin(judge(&mut engine, packet)).await;
            match judged {
                Ok(packet) => send(&packet),
                Err(error) => {
                    let broken = error.is_of_device();
                    fail(Some(id), &error, broken);
                    if broken {
                        return;
                    }
                }
            }
            self.engine.replace(Some(engine));
        }
    }
}

/// The whole way of a window.
async fn judge(
    engine: &mut Started,
    packet: WindowPacket,
) -> Result<Packet<Event, ArrayBuffer>, EngineError> {
    let start_ms = host::now_ms();
    let evidence = Evidence::from_packet(packet)?;
    let findings = find_out(engine, &evidence, start_ms).await?;
    if engine.device.kind == DeviceKind::Webgpu
        && let Some(error) = host::take_gpu_errors().first()
    {
        return Err(EngineError::Gpu(error.clone()));
    }
    let (outcome, buffers) = outcome(&evidence, &findings, &engine.brain, engine.device.kind);
    Ok(Packet {
        message: Event::Outcome(Box::new(outcome)),
        buffers: buffers
            .0
            .iter()
            .map(|b| port::buffer_from_bytes(b))
            .collect(),
    })
}

async fn find_out(
    engine: &mut Started,
    evidence: &Evidence,
    start_ms: f64,
) -> Result<Findings, EngineError> {
    let brain = &mut engine.brain;
    let patience_ms = engine.patience_ms;
    let id = evidence.id;
    let begin = |stage| {
        tell(Event::Working { id, stage });
        host::now_ms()
    };
    let mut notes = Vec::new();
    let mut timings_ms = BTreeMap::new();
    let mut took = |step: &str, since_ms: f64| {
        timings_ms.insert(step.to_owned(), host::now_ms() - since_ms);
    };

    let mut faces = Vec::new();
    let looks = evidence.settings.visual && brain.knows(Modality::Visual);
    if looks {
        let since = begin(Stage::Faces);
        faces = within(patience_ms, "finding faces", brain.look(&evidence.frames)).await??;
        took("faces", since);
    }
    let since = begin(Stage::Sound);
    let listens = evidence.settings.acoustic && brain.knows(Modality::Acoustic);
    let input = gather(
        brain,
        evidence,
        looks.then_some(&faces),
        listens,
        &mut notes,
    )?;
    took("mel", since);
    let mut text = None;
    let wordless = evidence.text.trim().is_empty();
    let every_point = evidence.settings.every_point;
    if brain.knows(Modality::Text) && (!wordless || brain.reads_silence(every_point)) {
        let since = begin(Stage::Words);
        let words = if wordless { "" } else { &evidence.text };
        let (vector, cut) = brain.read(words)?;
        text = Some(vector);
        if let Some(read) = cut {
            notes.push(format!(
                "the words were cut: the text encoder reads {read} tokens"
            ));
        }
        took("text", since);
    }
    if wordless {
        notes.push(if text.is_some() {
            "no words were given: the empty sentence chose the points".to_owned()
        } else {
            "no words were given: the text is left out".to_owned()
        });
    }
    if text.is_none() && input.is_empty() {
        return Err(EngineError::Nothing);
    }
    if every_point {
        notes.push("every point was computed, without attention".to_owned());
    }
    let since = begin(Stage::Model);
    let asking = brain.ask(&input, text, evidence.settings.top_p, every_point);
    let prediction = within(patience_ms, "the model", asking).await??;
    took("model", since);
    took("total", start_ms);
    Ok(Findings {
        faces,
        input,
        prediction,
        notes,
        timings_ms,
    })
}

/// Weighs faces and sound by the rule that the native program has, and notes what is absent.
fn gather(
    brain: &Brain,
    evidence: &Evidence,
    faces: Option<&Vec<CropResult>>,
    listens: bool,
    notes: &mut Vec<String>,
) -> Result<WindowInput, EngineError> {
    let faces: Option<Vec<&CropResult>> = faces
        .filter(|faces| !faces.is_empty())
        .map(|faces| faces.iter().collect());
    if faces.is_none() {
        notes.push("no picture is looked at: the faces are left out".to_owned());
    }
    let sound = evidence.samples.as_deref().filter(|_| listens);
    if sound.is_none() {
        notes.push("no sound is listened to: the voice is left out".to_owned());
    }
    let input = WindowInput::gather(
        faces.as_deref(),
        sound.map(|samples| (brain.mel(), samples)),
    )?;
    notes.extend(input.absences.iter().map(ToString::to_string));
    Ok(input)
}
