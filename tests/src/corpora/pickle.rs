//! Pickles of plain data as Python's protocol 3 writes them.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A text.
    Text(String),
    /// A number with a fraction.
    Float(f64),
    /// A whole number.
    Int(i32),
    /// A list.
    List(Vec<Item>),
    /// A dictionary.
    Dict(Vec<(String, Item)>),
}

/// The bytes of a pickle.
#[must_use]
pub fn pickle(item: &Item) -> Vec<u8> {
    let mut bytes = vec![0x80, 3];
    put(item, &mut bytes);
    bytes.push(b'.');
    bytes
}

fn put(item: &Item, bytes: &mut Vec<u8>) {
    match item {
        Item::Text(text) => put_text(text, bytes),
        Item::Float(value) => {
            bytes.push(b'G');
            bytes.extend(value.to_be_bytes());
        }
        Item::Int(value) => {
            bytes.push(b'J');
            bytes.extend(value.to_le_bytes());
        }
        Item::List(items) => {
            bytes.extend(b"](");
            for item in items {
                put(item, bytes);
            }
            bytes.push(b'e');
        }
        Item::Dict(entries) => {
            bytes.extend(b"}(");
            for (key, value) in entries {
                put_text(key, bytes);
                put(value, bytes);
            }
            bytes.push(b'u');
        }
    }
}

fn put_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'X');
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}
