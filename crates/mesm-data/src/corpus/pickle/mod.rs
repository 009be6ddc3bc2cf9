//! A reader of Python's pickles that builds data and nothing else.
//!
//! Pickle is a language for a machine that may call anything. Of it only what makes numbers, texts, lists, tuples and
//! dictionaries is understood here (protocols 2 to 5); an operation that would name or call a class is an error that
//! names it and its place. The crate `serde-pickle` executes nothing either, but names neither class nor place and
//! follows nested data without a bound on the stack. Values lie side by side here, so that neither nesting nor cycles
//! cost stack, and there are no more of them than bytes.

#[cfg(test)]
mod tests;

/// Most values of a pickle.
const MAX_VALUES: usize = 8_000_000;

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index(u32);

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    /// A list or tuple.
    List(Vec<Index>),
    /// Keys and values; of equal keys the later one counts.
    Dict(Vec<(Index, Index)>),
}

/// Why bytes are no pickle of plain data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {reason}")]
pub(super) struct PickleError {
    /// Place of the operation, counted from 0.
    pub(super) at: usize,
    /// What was expected and found.
    pub(super) reason: String,
}

/// A pickle's values.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Index,
}

impl Pickle {
    /// Reads a pickle.
    ///
    /// # Errors
    /// [`PickleError`]: damage, an operation that is not plain data, too many values.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PickleError> {
        let mut machine = Machine {
            bytes,
            at: 0,
            operation: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
        };
        let root = machine.run()?;
        Ok(Self {
            values: machine.values,
            root,
        })
    }

    /// The outermost value.
    pub(super) fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// A value inside of another one.
    pub(super) fn get(&self, index: Index) -> &Value {
        self.values.get(index.0 as usize).unwrap_or(&Value::None)
    }

    /// What a dictionary holds under a text.
    pub(super) fn under(&self, dict: &[(Index, Index)], key: &str) -> Option<&Value> {
        let is_key = |(found, _): &&(Index, Index)| matches!(self.get(*found), Value::Text(t) if **t == *key);
        let (_, value) = dict.iter().rev().find(is_key)?;
        Some(self.get(*value))
    }
}

impl Value {
    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
        }
    }

    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Place of the operation at work.
    operation: usize,
    values: Vec<Value>,
    stack: Vec<Index>,
    marks: Vec<usize>,
    memo: Vec<Option<Index>>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Index, PickleError> {
        loop {
            self.operation = self.at;
            let code = self.take(1)?[0];
            match code {
                0x80 => {
                    let protocol = self.take(1)?[0];
                    if !(2..=5).contains(&protocol) {
                        return Err(
                            self.wrong(format!("expected protocol 2 to 5, found {protocol}"))
                        );
                    }
                }
                0x95 => {
                    self.take(8)?;
                }
                b'.' => return self.pop(),
                b'0' => {
                    self.pop()?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b'1' => {
                    self.since_mark()?;
                }
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'J' | b'K' | b'M' | 0x8a | b'G' => self.number(code)?,
                b'X' | b'T' | 0x8c | b'U' | 0x8d => self.text(code)?,
                b']' | b')' => self.push(Value::List(Vec::new()))?,
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b't' | 0x85..=0x87 => self.tuple(code)?,
                b'l' => {
                    let items = self.since_mark()?;
                    self.push(Value::List(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend_list(vec![item])?;
                }
                b'e' => {
                    let items = self.since_mark()?;
                    self.extend_list(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.extend_dict(&[key, value])?;
                }
                b'u' => {
                    let items = self.since_mark()?;
                    self.extend_dict(&items)?;
                }
                b'q' | b'r' | 0x94 => self.remember(code)?,
                b'h' | b'j' => self.recall(code)?,
                _ => return Err(self.refused(code)),
            }
        }
    }

    fn number(&mut self, code: u8) -> Result<(), PickleError> {
        let value = match code {
            b'K' => Value::Int(i64::from(self.take(1)?[0])),
            b'M' => Value::Int(self.unsigned(2)? as i64),
            b'J' => Value::Int(i64::from(self.unsigned(4)? as u32 as i32)),
            b'G' => {
                let bytes = self.take(8)?;
                let bits = bytes
                    .iter()
                    .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
                Value::Float(f64::from_bits(bits))
            }
            _ => {
                let length = usize::from(self.take(1)?[0]);
                if length > 8 {
                    return Err(self.wrong(format!("a whole number of {length} bytes")));
                }
                let bits = self.unsigned(length)?;
                // The highest bit tells the sign, whatever the length.
                let unused = 64 - 8 * length as u32;
                let signed = (bits.checked_shl(unused).unwrap_or(0) as i64).checked_shr(unused);
                Value::Int(signed.unwrap_or(0))
            }
        };
        self.push(value)
    }

    fn text(&mut self, code: u8) -> Result<(), PickleError> {
        let width = match code {
            0x8c | b'U' => 1,
            0x8d => 8,
            _ => 4,
        };
        let length = self.unsigned(width)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map(Box::from);
        let text = text.map_err(|_| self.wrong("a text that is no UTF-8".to_owned()))?;
        self.push(Value::Text(text))
    }

    fn tuple(&mut self, code: u8) -> Result<(), PickleError> {
        let items = if code == b't' {
            self.since_mark()?
        } else {
            let count = usize::from(code - 0x84);
            let mut items = Vec::with_capacity(count);
            for _ in 0..count {
                items.push(self.pop()?);
            }
            items.reverse();
            items
        };
        self.push(Value::List(items))
    }

    fn extend_list(&mut self, items: Vec<Index>) -> Result<(), PickleError> {
        let target = self.top()?;
        match self.values.get_mut(target.0 as usize) {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.wrong("expected a list to add to".to_owned())),
        }
    }

    fn extend_dict(&mut self, items: &[Index]) -> Result<(), PickleError> {
        if items.len() % 2 == 1 {
            return Err(self.wrong("a key without a value".to_owned()));
        }
        let target = self.top()?;
        match self.values.get_mut(target.0 as usize) {
            Some(Value::Dict(dict)) => {
                dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => Err(self.wrong("expected a dictionary to add to".to_owned())),
        }
    }

    fn remember(&mut self, code: u8) -> Result<(), PickleError> {
        let number = match code {
            b'q' => usize::from(self.take(1)?[0]),
            b'r' => self.unsigned(4)? as usize,
            _ => self.memo.len(),
        };
        // Writers count from 0 without a gap; a number far beyond asks for memory and no more.
        if number > self.memo.len() + 1 || number >= MAX_VALUES {
            return Err(self.wrong(format!("memo {number} out of turn")));
        }
        let top = self.top()?;
        if number >= self.memo.len() {
            self.memo.resize(number + 1, None);
        }
        self.memo[number] = Some(top);
        Ok(())
    }

    fn recall(&mut self, code: u8) -> Result<(), PickleError> {
        let number = match code {
            b'h' => usize::from(self.take(1)?[0]),
            _ => self.unsigned(4)? as usize,
        };
        let found = self.memo.get(number).copied().flatten();
        let found = found.ok_or_else(|| self.wrong(format!("memo {number} holds nothing")))?;
        self.stack.push(found);
        Ok(())
    }

    /// What an operation that is not understood asks for.
    fn refused(&mut self, code: u8) -> PickleError {
        let class = match code {
            b'c' | b'i' => {
                let module = self.line();
                let name = self.line();
                Some(format!("{module}.{name}"))
            }
            0x93 => {
                let name = self.popped_text();
                let module = self.popped_text();
                Some(format!("{module}.{name}"))
            }
            b'R' | b'b' | b'o' | 0x81 | 0x92 | 0x82..=0x84 | b'P' | b'Q' => {
                Some("an object".to_owned())
            }
            _ => None,
        };
        match class {
            Some(class) => self.wrong(format!(
                "it names the class or function `{}` (operation {code:#04x}), which is never called here: \
                 write it again with plain numbers, texts, lists and dictionaries",
                class.escape_debug()
            )),
            None => self.wrong(format!(
                "operation {code:#04x} makes no plain data of protocol 2 to 5"
            )),
        }
    }

    fn line(&mut self) -> String {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take(200).position(|byte| *byte == b'\n');
        let length = length.unwrap_or(rest.len().min(200));
        self.at = (self.at + length + 1).min(self.bytes.len());
        String::from_utf8_lossy(&rest[..length]).into_owned()
    }

    fn popped_text(&mut self) -> String {
        let value = self.pop().ok().and_then(|i| self.values.get(i.0 as usize));
        match value {
            Some(Value::Text(text)) => text.chars().take(200).collect(),
            _ => "?".to_owned(),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        if self.values.len() >= MAX_VALUES {
            return Err(self.wrong(format!("more than {MAX_VALUES} values")));
        }
        self.stack.push(Index(self.values.len() as u32));
        self.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Index, PickleError> {
        let least = self.marks.last().copied().unwrap_or(0);
        let popped = (self.stack.len() > least)
            .then(|| self.stack.pop())
            .flatten();
        popped.ok_or_else(|| self.wrong("nothing on the stack".to_owned()))
    }

    fn top(&self) -> Result<Index, PickleError> {
        let top = self.stack.last().copied();
        top.ok_or_else(|| self.wrong("nothing on the stack".to_owned()))
    }

    fn since_mark(&mut self) -> Result<Vec<Index>, PickleError> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| self.wrong("there is no mark".to_owned()))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// A whole number of `width` bytes, the lowest first.
    fn unsigned(&mut self, width: usize) -> Result<u64, PickleError> {
        let bytes = self.take(width)?;
        let value = bytes.iter().rev();
        Ok(value.fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(count);
        let Some(end) = end.filter(|end| *end <= self.bytes.len()) else {
            return Err(self.wrong(format!(
                "it ends after {} bytes, within an operation",
                self.bytes.len()
            )));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn wrong(&self, reason: String) -> PickleError {
        PickleError {
            at: self.operation,
            reason,
        }
    }
}
