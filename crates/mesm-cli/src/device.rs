//! From the name of a device to the device.

use burn::tensor::Device;

use crate::choices::DeviceChoice;
use crate::error::CliError;

/// The device, ready for use.
///
/// # Errors
/// [`CliError::Device`]: this program was built without it (with the command that builds it in), or the machine has
/// no such device.
pub fn open(choice: DeviceChoice) -> Result<Device, CliError> {
    match choice {
        DeviceChoice::Cpu => cpu(),
        DeviceChoice::Cuda => cuda(),
        DeviceChoice::Vulkan => vulkan(),
    }
}

/// The device's name in reports.
#[must_use]
pub fn name(choice: DeviceChoice) -> &'static str {
    match choice {
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Cuda => "cuda",
        DeviceChoice::Vulkan => "vulkan",
    }
}

#[cfg(not(all(feature = "cpu", feature = "cuda", feature = "vulkan")))]
fn not_built_in(feature: &str) -> CliError {
    CliError::Device(format!(
        "this program was built without the device `{feature}`; build it in: \
         cargo build --release -p mesm-cli --features {feature}"
    ))
}

#[cfg(feature = "cpu")]
#[allow(clippy::unnecessary_wraps, reason = "its twin below fails")]
fn cpu() -> Result<Device, CliError> {
    Ok(Device::flex())
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Result<Device, CliError> {
    Err(not_built_in("cpu"))
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device, CliError> {
    // The driver is opened at the first computation and a machine without one panics there, in a thread of its own: try
    // one here, where the cause can be said. Its hyperbolic tangent is of those that need CUDA's mathematics.
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let tried = std::panic::catch_unwind(|| {
        let device = Device::cuda(0);
        let one = burn::tensor::Tensor::<1>::ones([1], &device);
        one.tanh().try_into_data().map(|_| device)
    });
    std::panic::set_hook(before);
    match tried {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => Err(cuda_failed(&format!("{error:?}"))),
        Err(_) => Err(CliError::Device(
            "no CUDA device could be opened: is there an NVIDIA card with its driver?".to_owned(),
        )),
    }
}

#[cfg(feature = "cuda")]
fn cuda_failed(error: &str) -> CliError {
    CliError::Device(if error.contains("libdevice") {
        "CUDA's mathematics, nvvm/libdevice/libdevice.10.bc, were not found: set CUDA_PATH to the CUDA toolkit, or \
         pip install nvidia-cuda-nvcc-cu12 and set it to site-packages/nvidia/cuda_nvcc"
            .to_owned()
    } else {
        format!("the CUDA device failed: {error}")
    })
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device, CliError> {
    Err(not_built_in("cuda"))
}

#[cfg(feature = "vulkan")]
fn vulkan() -> Result<Device, CliError> {
    Device::wgpu_options()
        .graphics_api(burn::tensor::wgpu::WgpuBackend::Vulkan)
        .init()
        .map_err(|error| CliError::Device(format!("no Vulkan device could be opened: {error}")))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Result<Device, CliError> {
    Err(not_built_in("vulkan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_device_that_is_not_built_in_names_the_command() {
        let message = open(DeviceChoice::Cuda).unwrap_err().to_string();
        assert!(message.contains("--features cuda"), "{message}");
    }
}
