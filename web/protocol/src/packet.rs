//! A message with its buffers.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::{MAX_BUFFERS, MAX_JSON_BYTES, ProtocolError, range};

/// A message `M` and the buffers that its [`Slab`](crate::Slab)s name. `B` is what holds a buffer on this side.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet<M, B> {
    /// The message.
    pub message: M,
    /// Its buffers, in the order in which the message counts them.
    pub buffers: Vec<B>,
}

impl<M, B> Packet<M, B> {
    /// A message without buffers.
    pub fn plain(message: M) -> Self {
        Self {
            message,
            buffers: Vec::new(),
        }
    }

    /// The same buffers under another message.
    pub fn map<N>(self, change: impl FnOnce(M) -> N) -> Packet<N, B> {
        Packet {
            message: change(self.message),
            buffers: self.buffers,
        }
    }
}

impl<M: Serialize, B> Packet<M, B> {
    /// The JSON document.
    ///
    /// # Errors
    /// When the message cannot be written or is too long.
    pub fn json(&self) -> Result<String, ProtocolError> {
        if self.buffers.len() > MAX_BUFFERS {
            return Err(range(
                "buffers",
                format!("at most {MAX_BUFFERS}"),
                self.buffers.len().to_string(),
            ));
        }
        let json = serde_json::to_string(&self.message).map_err(|e| ProtocolError::Shape {
            expected: "writable as JSON",
            found: e.to_string(),
        })?;
        check_length(&json)?;
        Ok(json)
    }
}

impl<M: DeserializeOwned, B> Packet<M, B> {
    /// Reads a JSON document that came with `buffers`.
    ///
    /// # Errors
    /// When there are too many buffers, or the document is too long or no message.
    pub fn parse(json: &str, buffers: Vec<B>) -> Result<Self, ProtocolError> {
        if buffers.len() > MAX_BUFFERS {
            return Err(range(
                "buffers",
                format!("at most {MAX_BUFFERS}"),
                buffers.len().to_string(),
            ));
        }
        check_length(json)?;
        let message = serde_json::from_str(json).map_err(|e| ProtocolError::Shape {
            expected: "a message of this version as JSON",
            found: e.to_string(),
        })?;
        Ok(Self { message, buffers })
    }
}

fn check_length(json: &str) -> Result<(), ProtocolError> {
    if json.len() > MAX_JSON_BYTES {
        return Err(range(
            "the JSON document",
            format!("at most {MAX_JSON_BYTES} bytes"),
            json.len().to_string(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_document_is_refused() {
        let long = "a".repeat(MAX_JSON_BYTES);
        let quoted = format!("\"{long}\"");
        assert!(matches!(
            Packet::<String, ()>::parse(&quoted, Vec::new()),
            Err(ProtocolError::Range { .. })
        ));
        assert!(Packet::<String, ()>::plain(long).json().is_err());
    }

    #[test]
    fn too_many_buffers_are_refused() {
        let buffers = vec![(); MAX_BUFFERS + 1];
        assert!(Packet::<u8, ()>::parse("1", buffers).is_err());
        assert_eq!(
            Packet::<u8, ()>::parse("1", vec![(); MAX_BUFFERS])
                .unwrap()
                .message,
            1
        );
    }
}
