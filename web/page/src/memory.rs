//! Choices that outlive a visit: the colours, the names of devices. Nothing that was seen, heard or typed.

use web_sys::Storage;

use crate::browser::window;

/// A choice that was made earlier.
pub(crate) fn remembered(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps a choice. Where the browser keeps nothing it lasts as long as the page.
pub(crate) fn remember(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

fn storage() -> Option<Storage> {
    window().ok()?.local_storage().ok().flatten()
}
