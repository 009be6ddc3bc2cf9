//! Cameras and microphones: which there are, which is wanted, and opening them.

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream, MediaStreamConstraints,
    MediaStreamTrack, MediaTrackConstraints, PermissionState, PermissionStatus,
};

use super::trouble::{Cause, Device, Trouble};
use crate::browser::{wait_for, window};
use crate::english;
use crate::error::PageError;

/// Which device of a kind is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Wanted {
    /// Whichever the browser prefers; of cameras, the one that looks at the person.
    #[default]
    Any,
    /// The camera that looks away from the person.
    Back,
    /// None at all.
    Off,
    /// The one with this identity.
    Id(String),
}

/// A device, as far as the browser tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Identity, of this site and this visit.
    pub id: String,
    /// Name; empty before anything was allowed.
    pub label: String,
}

/// What was opened, and why the rest was not.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub camera: Option<MediaStreamTrack>,
    pub microphone: Option<MediaStreamTrack>,
    pub troubles: Vec<Trouble>,
}

/// Opens the camera and the microphone that are wanted. Both are asked for at once, so that there is one question; where
/// that is refused, each on its own, so that the page can go on with the other.
pub(crate) async fn open(camera: &Wanted, microphone: &Wanted) -> Opened {
    let mut opened = Opened::default();
    let wanted: Vec<(Device, Wanted)> =
        [(Device::Camera, camera), (Device::Microphone, microphone)]
            .into_iter()
            .filter(|(_, wanted)| **wanted != Wanted::Off)
            .map(|(device, wanted)| (device, wanted.clone()))
            .collect();
    if wanted.is_empty() {
        return opened;
    }
    let Ok(devices) = media_devices() else {
        let insecure = |(device, _)| Trouble {
            device,
            cause: Cause::Insecure,
        };
        opened.troubles.extend(wanted.into_iter().map(insecure));
        return opened;
    };
    if let Ok(stream) = ask(&devices, &wanted).await {
        opened.take(&stream);
        return opened;
    }
    for (device, choice) in wanted {
        match ask(&devices, &[(device, choice.clone())]).await {
            Ok(stream) => opened.take(&stream),
            Err(refusal) => {
                let mut cause = Cause::of(&refusal, undecided(device).await);
                if cause == Cause::Replaced {
                    match ask(&devices, &[(device, Wanted::Any)]).await {
                        Ok(stream) => opened.take(&stream),
                        Err(refusal) => cause = Cause::of(&refusal, undecided(device).await),
                    }
                }
                opened.troubles.push(Trouble { device, cause });
            }
        }
    }
    opened
}

impl Opened {
    fn take(&mut self, stream: &MediaStream) {
        let first = |tracks: Array| tracks.get(0).dyn_into::<MediaStreamTrack>().ok();
        if let Some(track) = first(stream.get_video_tracks()) {
            self.camera = Some(track);
        }
        if let Some(track) = first(stream.get_audio_tracks()) {
            self.microphone = Some(track);
        }
    }
}

/// The devices of a kind. Without permission browsers give neither names nor identities, and the list is empty.
pub(crate) async fn list(device: Device) -> Result<Vec<Known>, PageError> {
    let what = english::failed::LISTING_DEVICES;
    let Ok(devices) = media_devices() else {
        return Ok(Vec::new());
    };
    let asked = devices
        .enumerate_devices()
        .map_err(PageError::browser(what))?;
    let kind = match device {
        Device::Camera => MediaDeviceKind::Videoinput,
        Device::Microphone => MediaDeviceKind::Audioinput,
    };
    let found: Array = wait_for(asked, what).await?.unchecked_into();
    Ok(found
        .iter()
        .filter_map(|found| found.dyn_into::<MediaDeviceInfo>().ok())
        .filter(|found| found.kind() == kind && !found.device_id().is_empty())
        .map(|found| Known {
            id: found.device_id(),
            label: found.label(),
        })
        .collect())
}

/// The browser's devices; none where the page is not served safely.
pub(crate) fn media_devices() -> Result<MediaDevices, PageError> {
    let navigator = window()?.navigator();
    // The property is absent on unsafe pages, which the bindings do not expect.
    Reflect::get(&navigator, &"mediaDevices".into())
        .ok()
        .and_then(|devices| devices.dyn_into().ok())
        .ok_or(PageError::Missing(english::missing::CAMERA))
}

async fn ask(devices: &MediaDevices, wanted: &[(Device, Wanted)]) -> Result<MediaStream, JsValue> {
    let constraints = MediaStreamConstraints::new();
    for (device, wanted) in wanted {
        let track = MediaTrackConstraints::new();
        if let Wanted::Id(id) = wanted {
            let exact = js_sys::Object::new();
            Reflect::set(&exact, &"exact".into(), &id.into())?;
            track.set_device_id(&exact);
        }
        match device {
            Device::Camera => {
                track.set_width(&640.into());
                track.set_height(&480.into());
                match wanted {
                    Wanted::Back => track.set_facing_mode(&"environment".into()),
                    Wanted::Any => track.set_facing_mode(&"user".into()),
                    Wanted::Off | Wanted::Id(_) => {}
                }
                constraints.set_video(&track);
            }
            Device::Microphone => constraints.set_audio(&track),
        }
    }
    JsFuture::from(devices.get_user_media_with_constraints(&constraints)?)
        .await
        .map(JsCast::unchecked_into)
}

/// Whether the browser would ask for the device again. Those that do not say count as decided.
async fn undecided(device: Device) -> bool {
    let state = async {
        let permissions = window().ok()?.navigator().permissions().ok()?;
        let query = js_sys::Object::new();
        Reflect::set(&query, &"name".into(), &device.permission().into()).ok()?;
        let asked = permissions.query(&query).ok()?;
        let status = JsFuture::from(asked).await.ok()?;
        Some(status.dyn_into::<PermissionStatus>().ok()?.state())
    };
    state.await == Some(PermissionState::Prompt)
}
