//! Sentences about the device and the result.

use mesm_protocol::{DeviceKind, DeviceReport, ModelReport, Outcome};

/// Short name for the chip at the top.
pub(crate) fn device_name(device: &DeviceReport) -> String {
    match (device.kind, &device.adapter) {
        (DeviceKind::Webgpu, Some(adapter)) if adapter.fallback => "WebGPU, software".to_owned(),
        (DeviceKind::Webgpu, Some(adapter)) if !adapter.vendor.is_empty() => {
            format!("WebGPU, {}", adapter.vendor)
        }
        (kind, _) => kind_name(kind).to_owned(),
    }
}

/// What is said when the engine is ready.
pub(crate) fn ready_line(device: &DeviceReport, model: &ModelReport) -> String {
    format!(
        "Ready: {} on {}.",
        model.name,
        match device.kind {
            DeviceKind::Cpu => "the processor",
            DeviceKind::Webgpu => "the graphics card",
        }
    )
}

/// What is said when a result is shown.
pub(crate) fn done_line(outcome: &Outcome) -> String {
    format!(
        "Window {} judged in {:.1} s.",
        outcome.id,
        outcome.total_ms() / 1000.0
    )
}

/// The likeliest class, for those who listen to the page.
pub(crate) fn summary(outcome: &Outcome) -> String {
    let likeliest = outcome.likeliest();
    likeliest.map_or_else(String::new, |(_, class, probability)| {
        format!("Likeliest: {class}, {:.0} percent.", probability * 100.0)
    })
}

/// Device, model and self-test in full.
pub(crate) fn device_details(device: &DeviceReport, model: &ModelReport) -> String {
    let adapter = device.adapter.as_ref().map_or_else(String::new, |adapter| {
        let parts = [&adapter.vendor, &adapter.architecture, &adapter.description];
        let known: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let software = if adapter.fallback { ", software" } else { "" };
        format!(" Adapter: {}{software}.", known.join(" "))
    });
    let test = &device.self_test;
    let between = test.device_deviation.map_or_else(String::new, |deviation| {
        format!(", between devices {deviation:.1e}")
    });
    format!(
        "{} ({:.1} M parameters) on {}.{adapter} Self-test: largest difference to the recorded numbers {:.1e}{between} (limit {:.0e}).",
        model.name,
        model.parameters as f64 / 1e6,
        kind_name(device.kind),
        test.recorded_deviation,
        test.limit,
    )
}

/// Short name of a kind of device.
pub(crate) fn kind_name(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "Processor",
        DeviceKind::Webgpu => "WebGPU",
    }
}
