//! A pickle reader that builds a table of values and executes nothing.
//!
//! Values refer to each other by index, so neither deep nesting nor cycles nor repeated
//! references cost anything; memory is bounded by the number of opcodes, which is limited.

use std::collections::HashMap;

use super::malformed;
use crate::weights::WeightsError;

/// More opcodes than any state dict needs (about 40 a tensor).
const MAX_OPCODES: usize = 2_000_000;

/// Index of a value in its [`Pickle`].
pub(super) type Id = u32;

/// What a pickle can hold, as far as tensors need it.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    /// A `dict` or a `collections.OrderedDict`, in the order of its entries.
    Dict(Vec<(Id, Id)>),
    /// A class or function by name. It is never looked up.
    Global {
        module: &'a str,
        name: &'a str,
    },
    /// A reference out of the pickle: here, to a storage.
    Persistent(Id),
    /// A call that Python would make. It is never made.
    Call {
        callable: Id,
        arguments: Id,
    },
    /// None, booleans, floats, bytes, lists, sets: present, and of no use here.
    Other,
}

/// The values of one pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        // Ids are made by this module and always lie inside the table.
        self.values.get(id as usize).unwrap_or(&Value::Other)
    }
}

/// Reads the protocol that `torch.save` writes (2, and the binary opcodes up to 5).
pub(super) fn read(bytes: &[u8]) -> Result<Pickle<'_>, WeightsError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    for _ in 0..MAX_OPCODES {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle {
                values: machine.values,
                root,
            });
        }
        machine.step(opcode)?;
    }
    Err(malformed(format!(
        "data.pkl has more than {MAX_OPCODES} opcodes"
    )))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// One opcode; names of Python's `pickletools` in the comments.
    fn step(&mut self, opcode: u8) -> Result<(), WeightsError> {
        match opcode {
            0x80 => self.skip(1)?, // PROTO
            0x95 => self.skip(8)?, // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.discard()?,           // POP
            b'1' => drop(self.pop_to_mark()?), // POP_MARK
            b'2' => {
                // DUP
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' | 0x88 | 0x89 | b']' | 0x8f => self.push(Value::Other), // NONE, booleans, [], set
            b'G' => self.other(8)?,                                      // BINFLOAT
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)));
            }
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Int(i64::from(value)));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)));
            }
            0x8a => self.long()?, // LONG1
            b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(u64::from(length))?; // BINUNICODE
            }
            0x8c => {
                let length = self.byte()?;
                self.text(u64::from(length))?; // SHORT_BINUNICODE
            }
            0x8d => {
                let length = u64::from_le_bytes(self.array()?);
                self.text(length)?; // BINUNICODE8
            }
            b'U' | b'C' => {
                let length = self.byte()?;
                self.other(u64::from(length))?; // SHORT_BINSTRING, SHORT_BINBYTES
            }
            b'T' | b'B' => {
                let length = u32::from_le_bytes(self.array()?);
                self.other(u64::from(length))?; // BINSTRING, BINBYTES
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.array()?);
                self.other(length)?; // BINBYTES8, BYTEARRAY8
            }
            _ => return self.step_compound(opcode),
        }
        Ok(())
    }

    /// The opcodes that combine what is on the stack, and the memo's.
    fn step_compound(&mut self, opcode: u8) -> Result<(), WeightsError> {
        match opcode {
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                // TUPLE1, TUPLE2, TUPLE3
                let mut items = Vec::with_capacity(3);
                for _ in 0x85..=opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(pairs(&items)?));
            }
            b'l' | 0x91 => {
                drop(self.pop_to_mark()?);
                self.push(Value::Other); // LIST, FROZENSET
            }
            b'a' | b'b' => {
                // APPEND, BUILD: what is added has no tensor of a state dict in it.
                self.discard()?;
                self.top()?;
            }
            b'e' | 0x90 => {
                drop(self.pop_to_mark()?); // APPENDS, ADDITEMS
                self.top()?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push(Value::Global { module, name });
            }
            0x93 => self.stack_global()?,
            b'Q' => {
                let reference = self.pop()?;
                self.push(Value::Persistent(reference));
            }
            b'R' | 0x81 => self.call()?, // REDUCE, NEWOBJ
            b'q' => {
                let slot = self.byte()?;
                self.memoize(u32::from(slot))?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.memoize(slot)?;
            }
            0x94 => self.memoize(self.memo.len() as u32)?,
            b'h' => {
                let slot = self.byte()?;
                self.recall(u32::from(slot))?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.recall(slot)?;
            }
            other => {
                return Err(self.broken(&format!("opcode 0x{other:02x} is not supported")));
            }
        }
        Ok(())
    }

    fn broken(&self, reason: &str) -> WeightsError {
        malformed(format!("data.pkl, byte {}: {reason}", self.at))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], WeightsError> {
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| self.at.checked_add(length))
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| self.broken("the pickle ends early"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn skip(&mut self, length: u64) -> Result<(), WeightsError> {
        self.take(length).map(drop)
    }

    fn byte(&mut self) -> Result<u8, WeightsError> {
        self.array().map(u8::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let taken = self.take(N as u64)?;
        taken
            .try_into()
            .map_err(|_| self.broken("the pickle ends early"))
    }

    fn utf8(&self, bytes: &'a [u8]) -> Result<&'a str, WeightsError> {
        std::str::from_utf8(bytes).map_err(|_| self.broken("a text is not UTF-8"))
    }

    /// Up to the next line feed, which is consumed.
    fn line(&mut self) -> Result<&'a str, WeightsError> {
        let length = self.bytes[self.at..]
            .iter()
            .position(|b| *b == b'\n')
            .ok_or_else(|| self.broken("a name has no end"))?;
        let line = self.take(length as u64)?;
        self.skip(1)?;
        self.utf8(line)
    }

    fn text(&mut self, length: u64) -> Result<(), WeightsError> {
        let bytes = self.take(length)?;
        let text = self.utf8(bytes)?;
        self.push(Value::Text(text));
        Ok(())
    }

    fn other(&mut self, length: u64) -> Result<(), WeightsError> {
        self.skip(length)?;
        self.push(Value::Other);
        Ok(())
    }

    /// An integer of up to 255 little-endian bytes; beyond 8 it cannot be a size.
    fn long(&mut self) -> Result<(), WeightsError> {
        let length = self.byte()?;
        let digits = self.take(u64::from(length))?;
        let value = if digits.len() <= 8 {
            let negative = digits.last().is_some_and(|top| *top >= 0x80);
            let mut all = [if negative { 0xff } else { 0 }; 8];
            all[..digits.len()].copy_from_slice(digits);
            Value::Int(i64::from_le_bytes(all))
        } else {
            Value::Other
        };
        self.push(value);
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        // The number of opcodes bounds the table far below u32::MAX.
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, WeightsError> {
        match self.stack.last() {
            Some(id) if self.stack.len() > self.floor() => Ok(*id),
            _ => Err(self.broken("the stack is empty")),
        }
    }

    fn pop(&mut self) -> Result<Id, WeightsError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn discard(&mut self) -> Result<(), WeightsError> {
        self.pop().map(drop)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, WeightsError> {
        let height = self
            .marks
            .pop()
            .ok_or_else(|| self.broken("a mark is missing"))?;
        Ok(self.stack.split_off(height))
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), WeightsError> {
        let added = pairs(items)?;
        let target = self.top()?;
        // Items of anything but a dictionary (an object that would have to be built) are dropped.
        if let Some(Value::Dict(entries)) = self.values.get_mut(target as usize) {
            entries.extend(added);
        }
        Ok(())
    }

    fn stack_global(&mut self) -> Result<(), WeightsError> {
        let (name, module) = (self.pop()?, self.pop()?);
        let text = |id: Id| match self.values.get(id as usize) {
            Some(Value::Text(text)) => Ok(*text),
            _ => Err(self.broken("a class name is not a text")),
        };
        let (name, module) = (text(name)?, text(module)?);
        self.push(Value::Global { module, name });
        Ok(())
    }

    fn call(&mut self) -> Result<(), WeightsError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let value = |id: Id| self.values.get(id as usize);
        let empty_dict = matches!(
            value(callable),
            Some(Value::Global {
                module: "collections",
                name: "OrderedDict"
            })
        ) && matches!(value(arguments), Some(Value::Tuple(items)) if items.is_empty());
        self.push(if empty_dict {
            Value::Dict(Vec::new())
        } else {
            Value::Call {
                callable,
                arguments,
            }
        });
        Ok(())
    }

    fn memoize(&mut self, slot: u32) -> Result<(), WeightsError> {
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), WeightsError> {
        let id = *self
            .memo
            .get(&slot)
            .ok_or_else(|| self.broken("the memo has no such value"))?;
        self.stack.push(id);
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, WeightsError> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err(malformed("data.pkl: a dictionary key has no value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(bytes: &[u8]) -> String {
        match read(bytes) {
            Ok(pickle) => format!("{:?}", pickle.get(pickle.root())),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn integers_texts_and_calls() {
        assert_eq!(root(b"\x80\x02M\x01\x02."), "Int(513)");
        assert_eq!(root(b"\x8a\x01\xff."), "Int(-1)");
        assert_eq!(root(b"\x8a\x00."), "Int(0)");
        assert_eq!(root(b"X\x02\x00\x00\x00ab."), "Text(\"ab\")");
        // os.system("x") is a record of two indices, nothing more.
        assert_eq!(
            root(b"cos\nsystem\nX\x01\x00\x00\x00x\x85R."),
            "Call { callable: 0, arguments: 2 }"
        );
        assert_eq!(root(b"ccollections\nOrderedDict\n)R."), "Dict([])");
    }

    #[test]
    fn a_million_nested_tuples_are_just_a_table() {
        let mut bytes = vec![b')'];
        bytes.resize(1_000_000, 0x85);
        bytes.push(b'.');
        assert!(root(&bytes).starts_with("Tuple"));
        bytes.clear();
        bytes.resize(MAX_OPCODES + 1, b'N');
        assert!(root(&bytes).contains("opcodes"));
    }

    #[test]
    fn broken_pickles_say_what_is_wrong() {
        for (bytes, words) in [
            (&b""[..], "ends early"),
            (b".", "stack is empty"),
            (b"t.", "mark is missing"),
            (b"N(0.", "stack is empty"),
            (b"h\x05.", "memo"),
            (b"}(Nu.", "key has no value"),
            (b"X\xff\xff\xff\xff.", "ends early"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "ends early"),
            (b"X\x01\x00\x00\x00\xff.", "UTF-8"),
            (b"cos.", "no end"),
            (b"NN\x93.", "class name"),
            (b"I5\n.", "opcode 0x49"),
        ] {
            let message = root(bytes);
            assert!(message.contains(words), "{bytes:?}: {message}");
        }
    }
}
