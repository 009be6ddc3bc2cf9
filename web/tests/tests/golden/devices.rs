//! The two devices of the page.

use std::cell::RefCell;

use burn::tensor::Device;

/// The processor.
pub(crate) fn processor() -> Device {
    Device::flex()
}

/// The graphics adapter that Chromium offers; a software one will do.
pub(crate) async fn graphics() -> Device {
    thread_local! {
        // A worker can open its device once.
        static OPENED: RefCell<Option<Device>> = const { RefCell::new(None) };
    }
    if let Some(device) = OPENED.with_borrow(Clone::clone) {
        return device;
    }
    if let Err(error) = mesm_engine::adapter_of_browser().await {
        panic!(
            "WebGPU has no adapter here: {error}. Start Chromium with the flags of webdriver.json"
        );
    }
    let device = mesm_engine::open_webgpu()
        .await
        .expect("WebGPU has an adapter and gives no device");
    OPENED.set(Some(device.clone()));
    device
}

/// Declares the same check on both devices.
macro_rules! on_both_devices {
    ($($check:ident),* $(,)?) => {
        mod on_the_processor {
            use wasm_bindgen_test::wasm_bindgen_test;
            $(#[wasm_bindgen_test]
            async fn $check() {
                super::$check(&crate::devices::processor()).await;
            })*
        }
        mod on_webgpu {
            use wasm_bindgen_test::wasm_bindgen_test;
            $(#[wasm_bindgen_test]
            async fn $check() {
                super::$check(&crate::devices::graphics().await).await;
            })*
        }
    };
}
pub(crate) use on_both_devices;
