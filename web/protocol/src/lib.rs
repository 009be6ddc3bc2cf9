//! The messages between the page and the engine.
//!
//! The page captures, the engine (a Web Worker) computes. A message is one JSON document plus a list of
//! binary buffers; the buffers are moved between the threads, not copied ([`port`]). Neither side sees the other's insides:
//! the page knows no tensors and the engine knows no document.
//!
//! ```text
//! page                                  engine
//!      <- Event::Loaded                 the program runs
//!  Request::Configure ->
//!      <- Event::Progress ...           weights arrive, the device is tested
//!      <- Event::Ready
//!  Request::Window ->
//!      <- Event::Working ...
//!      <- Event::Outcome                or Event::Failure
//! ```
//!
//! The newest window wins: a window that arrives while the engine works replaces one that still waits, and
//! [`Event::Dropped`] says so.

#![forbid(unsafe_code)]

mod event;
mod limits;
mod packet;
pub mod port;
mod request;
mod slab;

pub use event::{
    Adapter, AttentionLayer, DeviceKind, DeviceReport, Event, Face, Macs, Modality, ModelReport,
    Outcome, SelfTest, Stage,
};
pub use limits::*;
pub use packet::Packet;
pub use request::{Configure, DevicePreference, Frame, Request, Settings, Window};
pub use slab::{Buffers, Element, Slab};
