//! The controls of camera and microphone: which is wanted, what it gives, and what is wrong with it.

use wasm_bindgen_futures::spawn_local;
use web_sys::{
    Element, HtmlElement, HtmlInputElement, HtmlOptionElement, HtmlSelectElement, MediaStreamTrack,
};

use crate::browser::{add, append, by_id, make, media_matches, on};
use crate::capture::devices::{self, Known};
use crate::capture::{Device, Trouble, Wanted};
use crate::english;
use crate::error::PageError;
use crate::memory::{remember, remembered};

/// The choices that are no device.
const ANY: &str = "any";
const BACK: &str = "back";
const OFF: &str = "off";

/// The controls.
#[derive(Clone)]
pub(crate) struct Pickers {
    camera: HtmlSelectElement,
    microphone: HtmlSelectElement,
    mirror: HtmlInputElement,
    stage: HtmlElement,
    facts: Element,
    troubles: HtmlElement,
}

impl Pickers {
    /// Finds them in the document, lists the devices, and lists them again whenever one comes or goes.
    pub(crate) fn find() -> Result<Self, PageError> {
        let pickers = Self {
            camera: by_id("camera")?,
            microphone: by_id("microphone")?,
            mirror: by_id("mirror")?,
            stage: by_id("stage")?,
            facts: by_id("stage-facts")?,
            troubles: by_id("troubles")?,
        };
        pickers
            .mirror
            .set_checked(remembered("mesm-mirror").as_deref() != Some("no"));
        for device in [Device::Camera, Device::Microphone] {
            let pick = pickers.clone();
            on(pickers.select(device), "change", move |_| pick.keep(device))?;
        }
        if let Ok(devices) = devices::media_devices() {
            let refreshed = pickers.clone();
            on(&devices, "devicechange", move |_| refreshed.refresh())?;
        }
        pickers.refresh();
        Ok(pickers)
    }

    /// The two selects and the switch, for those who want to hear of a change.
    pub(crate) fn selects(&self) -> [&HtmlSelectElement; 2] {
        [&self.camera, &self.microphone]
    }

    /// The switch of the mirror.
    pub(crate) fn mirror(&self) -> &HtmlInputElement {
        &self.mirror
    }

    /// What is chosen.
    pub(crate) fn wanted(&self, device: Device) -> Wanted {
        match self.select(device).value().as_str() {
            "" | ANY => Wanted::Any,
            BACK => Wanted::Back,
            OFF => Wanted::Off,
            id => Wanted::Id(id.to_owned()),
        }
    }

    /// Mirrors the picture, where that is wanted and the picture is of the person in front of it.
    pub(crate) fn show_mirror(&self, of_the_person: bool) {
        let mirrored = of_the_person && self.mirror.checked();
        // A mirror is a matter of taste; nothing depends on it.
        let _ = self
            .stage
            .class_list()
            .toggle_with_force("mirrored", mirrored);
        remember(
            "mesm-mirror",
            if self.mirror.checked() { "yes" } else { "no" },
        );
    }

    /// Says what comes in.
    pub(crate) fn show_facts(&self, facts: &str) {
        self.facts.set_text_content(Some(facts));
    }

    /// Says what cannot be used and what helps.
    pub(crate) fn show_troubles(&self, troubles: &[Trouble]) -> Result<(), PageError> {
        self.troubles.set_text_content(None);
        self.troubles.set_hidden(troubles.is_empty());
        for trouble in troubles {
            add(&self.troubles, "li", "", &trouble.to_string())?;
        }
        Ok(())
    }

    /// Lists the devices anew.
    pub(crate) fn refresh(&self) {
        let pickers = self.clone();
        spawn_local(async move {
            for device in [Device::Camera, Device::Microphone] {
                // A list that does not come leaves the old one standing; the choices that name no device are always there.
                let known = devices::list(device).await.unwrap_or_default();
                let _ = pickers.fill(device, &known);
            }
        });
    }

    /// Marks the device that is in use, once the browser tells names.
    pub(crate) async fn show_in_use(&self, device: Device, track: &MediaStreamTrack) {
        let known = devices::list(device).await.unwrap_or_default();
        if self.fill(device, &known).is_ok()
            && let Some(id) = track.get_settings().get_device_id()
            && matches!(self.wanted(device), Wanted::Id(_))
        {
            self.select(device).set_value(&id);
        }
    }

    fn select(&self, device: Device) -> &HtmlSelectElement {
        match device {
            Device::Camera => &self.camera,
            Device::Microphone => &self.microphone,
        }
    }

    fn fill(&self, device: Device, known: &[Known]) -> Result<(), PageError> {
        let select = self.select(device);
        let before = select.value();
        select.set_text_content(None);
        let front = if has_two_sides() {
            english::picker::FRONT
        } else {
            english::picker::AUTOMATIC
        };
        option(
            select,
            ANY,
            if device == Device::Camera {
                front
            } else {
                english::picker::AUTOMATIC
            },
        )?;
        if device == Device::Camera && has_two_sides() {
            option(select, BACK, english::picker::BACK)?;
        }
        option(select, OFF, english::picker::OFF)?;
        for (number, device) in known.iter().enumerate() {
            let name = match device.label.as_str() {
                "" => english::picker::numbered(number + 1),
                label => label.to_owned(),
            };
            option(select, &device.id, &name)?;
        }
        let stored = remembered(key(device)).unwrap_or_default();
        let by_name = known.iter().find(|known| known.label == stored);
        let wanted = match (stored.as_str(), by_name) {
            ("", _) => before.as_str(),
            (_, Some(known)) => &known.id,
            (stored, None) => stored,
        };
        select.set_value(wanted);
        if select.selected_index() < 0 {
            // The one that was chosen is not connected, or the browser does not tell names yet.
            select.set_value(ANY);
        }
        Ok(())
    }

    /// Keeps the choice by the device's name: identities are different at every visit.
    fn keep(&self, device: Device) {
        let select = self.select(device);
        let value = select.value();
        let label = match value.as_str() {
            ANY | BACK | OFF => value,
            _ => select
                .selected_options()
                .item(0)
                .and_then(|option| option.text_content())
                .unwrap_or_default(),
        };
        remember(key(device), &label);
    }
}

fn key(device: Device) -> &'static str {
    match device {
        Device::Camera => "mesm-camera",
        Device::Microphone => "mesm-microphone",
    }
}

fn option(select: &HtmlSelectElement, value: &str, name: &str) -> Result<(), PageError> {
    let option: HtmlOptionElement = make("option", "")?;
    option.set_value(value);
    option.set_text_content(Some(name));
    append(select, &option)
}

/// Phones and tablets, whose cameras look to either side.
fn has_two_sides() -> bool {
    media_matches("(pointer: coarse)")
}
