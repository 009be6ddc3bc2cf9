//! Which device computes.

use burn::tensor::Device;
use mesm_protocol::{Adapter, DeviceKind, DevicePreference};
use wasm_bindgen::{JsCast, JsValue};

use crate::deadline::within;
use crate::error::{EngineError, reason};
use crate::host::{self, Gpu};

/// Drivers may compile for a while.
const OPEN_LIMIT_MS: f64 = 60_000.0;

/// What is to be used, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The kind.
    pub kind: DeviceKind,
    /// The adapter that was found.
    pub adapter: Option<Adapter>,
    /// Why it is not the GPU, where it might have been.
    pub reason: Option<String>,
}

impl Choice {
    /// Chooses before anything is loaded.
    pub(crate) async fn make(preference: DevicePreference) -> Self {
        if preference == DevicePreference::Cpu {
            return Self {
                kind: DeviceKind::Cpu,
                adapter: None,
                reason: None,
            };
        }
        Self::from_adapter(preference, adapter_of_browser().await)
    }

    fn from_adapter(preference: DevicePreference, found: Result<Adapter, EngineError>) -> Self {
        let cpu = |adapter, reason| Self {
            kind: DeviceKind::Cpu,
            adapter,
            reason: Some(reason),
        };
        match found {
            Err(error) => cpu(None, format!("{error}. The processor is used.")),
            Ok(adapter) if adapter.fallback && preference == DevicePreference::Auto => {
                let reason = "The browser offers only a software graphics adapter, which is slower than the processor. The processor is used.";
                cpu(Some(adapter), reason.to_owned())
            }
            Ok(adapter) => Self {
                kind: DeviceKind::Webgpu,
                adapter: Some(adapter),
                reason: None,
            },
        }
    }
}

/// What the browser says about its graphics adapter.
///
/// # Errors
/// When there is none.
pub async fn adapter_of_browser() -> Result<Adapter, EngineError> {
    let gpu = host::global("navigator")
        .and_then(|navigator| host::property(&navigator, "gpu"))
        .ok_or_else(|| EngineError::Gpu("this browser does not have it".to_owned()))?
        .unchecked_into::<Gpu>();
    let options = js_sys::Object::new();
    js_sys::Reflect::set(
        &options,
        &"powerPreference".into(),
        &"high-performance".into(),
    )?;
    let adapter = within(
        OPEN_LIMIT_MS,
        "asking for a graphics adapter",
        gpu.request_adapter(&options),
    )
    .await?
    .map_err(|cause| EngineError::Gpu(reason(&cause)))?;
    if adapter.is_null() || adapter.is_undefined() {
        return Err(EngineError::Gpu(
            "no adapter was found (graphics acceleration may be switched off)".to_owned(),
        ));
    }
    let info = host::property(&adapter, "info").unwrap_or(JsValue::NULL);
    // The mark moved from the adapter to its description.
    let fallback = [&info, &adapter].into_iter().any(|object| {
        host::property(object, "isFallbackAdapter").is_some_and(|mark| mark.is_truthy())
    });
    let architecture = host::text(&info, "architecture");
    Ok(Adapter {
        fallback: fallback || architecture == "swiftshader",
        vendor: host::text(&info, "vendor"),
        architecture,
        description: host::text(&info, "description"),
    })
}

/// Opens the graphics device. Once a worker: it cannot be opened with other options later.
///
/// # Errors
/// When the browser refuses or takes too long.
#[cfg(target_arch = "wasm32")]
pub async fn open_webgpu() -> Result<Device, EngineError> {
    mesm_gpu::construct();
    // Short command lists keep the page's own drawing fluent.
    let opening = Device::wgpu_options().tasks_max(32).init_async();
    within(OPEN_LIMIT_MS, "opening the graphics device", opening)
        .await?
        .map_err(|error| EngineError::Gpu(error.to_string()))
}

/// Outside of a browser there is no WebGPU.
///
/// # Errors
/// Always.
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::unused_async, reason = "the same signature as in the browser")]
pub async fn open_webgpu() -> Result<Device, EngineError> {
    Err(EngineError::Gpu("this is no browser".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(fallback: bool) -> Adapter {
        Adapter {
            vendor: "x".to_owned(),
            fallback,
            ..Adapter::default()
        }
    }

    #[test]
    fn software_is_used_only_on_demand() {
        let auto = Choice::from_adapter(DevicePreference::Auto, Ok(adapter(true)));
        assert_eq!(auto.kind, DeviceKind::Cpu);
        assert!(
            auto.reason
                .is_some_and(|reason| reason.contains("software"))
        );
        let forced = Choice::from_adapter(DevicePreference::Webgpu, Ok(adapter(true)));
        assert_eq!((forced.kind, forced.reason), (DeviceKind::Webgpu, None));
        let real = Choice::from_adapter(DevicePreference::Auto, Ok(adapter(false)));
        assert_eq!(real.kind, DeviceKind::Webgpu);
    }

    #[test]
    fn without_an_adapter_the_reason_is_said() {
        for preference in [DevicePreference::Auto, DevicePreference::Webgpu] {
            let none = Choice::from_adapter(preference, Err(EngineError::Gpu("none".to_owned())));
            assert_eq!(none.kind, DeviceKind::Cpu);
            assert!(none.reason.is_some_and(|reason| reason.contains("none")));
        }
    }
}
