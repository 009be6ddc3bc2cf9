//! Why a camera or a microphone cannot be used, and what helps.

use std::fmt;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

use crate::english;
use crate::error::reason;

/// What captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Device {
    Camera,
    Microphone,
}

impl Device {
    /// Its name within a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Camera => english::trouble::CAMERA,
            Self::Microphone => english::trouble::MICROPHONE,
        }
    }

    /// Its name among the browser's permissions.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
        }
    }
}

/// Why a device is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The person, or a setting, said no.
    Denied,
    /// The question was closed without an answer.
    Dismissed,
    /// Another program has it.
    Busy,
    /// There is none.
    Missing,
    /// The one that was chosen is not there; another one is used.
    Replaced,
    /// The page is not served safely, so that browsers give it no devices.
    Insecure,
    /// It went away while it was used.
    Unplugged,
    /// Anything else, in the browser's words.
    Other(String),
}

impl Cause {
    /// The cause of a refusal by `getUserMedia`. `undecided` where the browser would ask again.
    pub(crate) fn of(refusal: &JsValue, undecided: bool) -> Self {
        let exception = refusal.dyn_ref::<DomException>();
        let name = exception.map(DomException::name).unwrap_or_default();
        Self::named(&name, &reason(refusal), undecided)
    }

    fn named(name: &str, message: &str, undecided: bool) -> Self {
        match name {
            "NotAllowedError" if undecided || message.contains("dismissed") => Self::Dismissed,
            "NotAllowedError" => Self::Denied,
            "NotReadableError" | "AbortError" | "TrackStartError" => Self::Busy,
            "NotFoundError" | "DevicesNotFoundError" => Self::Missing,
            "OverconstrainedError" | "ConstraintNotSatisfiedError" => Self::Replaced,
            "SecurityError" => Self::Insecure,
            _ => Self::Other(message.to_owned()),
        }
    }
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Which.
    pub device: Device,
    /// Why.
    pub cause: Cause,
}

/// The sentence and the remedy.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.device.name();
        f.write_str(&match &self.cause {
            Cause::Denied => english::trouble::denied(name),
            Cause::Dismissed => english::trouble::dismissed(name),
            Cause::Busy => english::trouble::busy(name),
            Cause::Missing => english::trouble::missing(name),
            Cause::Replaced => english::trouble::replaced(name),
            Cause::Insecure => english::trouble::insecure(name),
            Cause::Unplugged => english::trouble::unplugged(name),
            Cause::Other(message) => english::trouble::other(name, message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_names_become_causes() {
        for (name, message, undecided, cause) in [
            ("NotAllowedError", "Permission denied", false, Cause::Denied),
            (
                "NotAllowedError",
                "Permission dismissed",
                false,
                Cause::Dismissed,
            ),
            ("NotAllowedError", "no", true, Cause::Dismissed),
            ("NotReadableError", "in use", false, Cause::Busy),
            ("NotFoundError", "none", false, Cause::Missing),
            ("OverconstrainedError", "", false, Cause::Replaced),
            ("TypeError", "odd", false, Cause::Other("odd".to_owned())),
        ] {
            assert_eq!(Cause::named(name, message, undecided), cause, "{name}");
        }
    }

    #[test]
    fn every_sentence_names_the_device() {
        for cause in [
            Cause::Denied,
            Cause::Dismissed,
            Cause::Busy,
            Cause::Missing,
            Cause::Replaced,
            Cause::Insecure,
            Cause::Unplugged,
            Cause::Other("odd".to_owned()),
        ] {
            let trouble = Trouble {
                device: Device::Microphone,
                cause,
            };
            assert!(trouble.to_string().contains("microphone"), "{trouble}");
        }
    }
}
