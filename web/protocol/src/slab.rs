//! Numbers that travel beside the JSON.

use serde::{Deserialize, Serialize};

use crate::limits::ProtocolError;

/// How one number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// One byte.
    U8,
    /// Four bytes, the platform's float.
    F32,
}

impl Element {
    /// Bytes of one number.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 => 4,
        }
    }
}

/// A table `[rows, row_len]` that fills one buffer of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slab {
    /// Position in the message's list of buffers.
    pub buffer: usize,
    /// How the numbers are stored.
    pub element: Element,
    /// Rows.
    pub rows: usize,
    /// Numbers a row.
    pub row_len: usize,
}

impl Slab {
    /// Bytes of the whole table; `None` where that is no sane number.
    #[must_use]
    pub fn bytes(&self) -> Option<usize> {
        self.rows
            .checked_mul(self.row_len)?
            .checked_mul(self.element.bytes())
    }

    /// Whether the buffer it names has exactly its size.
    ///
    /// # Errors
    /// [`ProtocolError::Buffer`] where it has not.
    pub fn check(&self, what: &'static str, sizes: &[usize]) -> Result<(), ProtocolError> {
        let expected = self.bytes().unwrap_or(usize::MAX);
        match sizes.get(self.buffer) {
            Some(&found) if found == expected => Ok(()),
            found => Err(ProtocolError::Buffer {
                buffer: self.buffer,
                what,
                expected,
                found: found.map_or_else(|| "no such buffer".to_owned(), ToString::to_string),
            }),
        }
    }
}

/// Buffers in the making.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buffers(pub Vec<Vec<u8>>);

impl Buffers {
    /// Adds a table of bytes, `[rows, values.len() / rows]`.
    pub fn push_u8(&mut self, rows: usize, values: Vec<u8>) -> Slab {
        self.push(Element::U8, rows, values.len(), values)
    }

    /// Adds a table of floats, `[rows, values.len() / rows]`.
    pub fn push_f32(&mut self, rows: usize, values: &[f32]) -> Slab {
        let bytes = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        self.push(Element::F32, rows, values.len(), bytes)
    }

    fn push(&mut self, element: Element, rows: usize, count: usize, bytes: Vec<u8>) -> Slab {
        self.0.push(bytes);
        Slab {
            buffer: self.0.len() - 1,
            element,
            rows,
            row_len: count.checked_div(rows).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_added_fits_its_description() {
        let mut buffers = Buffers::default();
        let bytes = buffers.push_u8(2, vec![1; 6]);
        let floats = buffers.push_f32(3, &[0.5; 12]);
        let sizes: Vec<usize> = buffers.0.iter().map(Vec::len).collect();
        assert_eq!(sizes, [6, 48]);
        assert!(bytes.check("bytes", &sizes).is_ok() && floats.check("floats", &sizes).is_ok());
        assert_eq!((floats.buffer, floats.rows, floats.row_len), (1, 3, 4));
    }

    #[test]
    fn size_must_be_exact_and_may_not_overflow() {
        let slab = Slab {
            buffer: 1,
            element: Element::F32,
            rows: 2,
            row_len: 3,
        };
        assert!(slab.check("x", &[0, 24]).is_ok());
        assert!(slab.check("x", &[0, 25]).is_err());
        assert!(slab.check("x", &[24]).is_err());
        let huge = Slab {
            rows: usize::MAX,
            row_len: 2,
            ..slab
        };
        assert_eq!(huge.bytes(), None);
        assert!(huge.check("x", &[0, 24]).is_err());
    }
}
