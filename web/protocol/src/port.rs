//! Packets to JavaScript values and back: `{ json: string, buffers: ArrayBuffer[] }`.

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

use crate::limits::{MAX_BUFFERS, ProtocolError};
use crate::packet::Packet;

const JSON: &str = "json";
const BUFFERS: &str = "buffers";

/// A value to post and the list of what is moved with it.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The message.
    pub value: JsValue,
    /// Its buffers; after posting they are empty on this side.
    pub transfer: Array,
}

/// What to post for `packet`.
///
/// # Errors
/// When the message cannot be written or is too long.
pub fn encode<M: Serialize>(packet: &Packet<M, ArrayBuffer>) -> Result<Posted, ProtocolError> {
    let transfer: Array = packet.buffers.iter().collect();
    let value = Object::new();
    set(&value, JSON, &JsValue::from_str(&packet.json()?))?;
    set(&value, BUFFERS, &transfer)?;
    Ok(Posted {
        value: value.into(),
        transfer,
    })
}

/// The packet in a value that was received.
///
/// # Errors
/// When it is no packet of this version, or too long.
pub fn decode<M: DeserializeOwned>(
    value: &JsValue,
) -> Result<Packet<M, ArrayBuffer>, ProtocolError> {
    let json = get(value, JSON)
        .and_then(|json| json.as_string())
        .ok_or_else(|| shape(value))?;
    let list: Array = get(value, BUFFERS)
        .and_then(|buffers| buffers.dyn_into().ok())
        .ok_or_else(|| shape(value))?;
    if list.length() as usize > MAX_BUFFERS {
        return Err(shape(value));
    }
    let buffers: Result<Vec<ArrayBuffer>, ProtocolError> = list
        .iter()
        .map(|buffer| buffer.dyn_into().map_err(|_| shape(value)))
        .collect();
    Packet::parse(&json, buffers?)
}

/// Bytes as a buffer that can be moved to another thread.
#[must_use]
pub fn buffer_from_bytes(bytes: &[u8]) -> ArrayBuffer {
    Uint8Array::from(bytes).buffer().unchecked_into()
}

/// A copy of a buffer's bytes.
#[must_use]
pub fn bytes_of(buffer: &ArrayBuffer) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}

/// Sizes of buffers in bytes.
#[must_use]
pub fn sizes(buffers: &[ArrayBuffer]) -> Vec<usize> {
    buffers.iter().map(|b| b.byte_length() as usize).collect()
}

fn get(value: &JsValue, key: &str) -> Option<JsValue> {
    Reflect::get(value, &JsValue::from_str(key)).ok()
}

fn set(target: &Object, key: &str, value: &JsValue) -> Result<(), ProtocolError> {
    match Reflect::set(target, &JsValue::from_str(key), value) {
        Ok(true) => Ok(()),
        _ => Err(shape(target)),
    }
}

fn shape(found: &JsValue) -> ProtocolError {
    ProtocolError::Shape {
        expected: "{ json: string, buffers: ArrayBuffer[] }",
        found: format!("{found:?}"),
    }
}
