//! What the tests of this file are made of: recorded values, the portrait, the detector.

use burn::tensor::Device;
use image::RgbImage;
use mesm_features::face::{Detection, Mtcnn, MtcnnConfig};
use mesm_features::{Picture, RgbFrame};
use mesm_tests::golden::{bytes, list, number, sizes};
use safetensors::SafeTensors;
use serde_json::Value;

pub(crate) fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a size")).expect("a size")
}

pub(crate) fn numbers(value: &Value) -> Vec<f32> {
    list(value, "numbers")
        .iter()
        .map(|v| number(v) as f32)
        .collect()
}

pub(crate) fn stored(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let view = file
        .tensor(name)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let (values, rest) = view.data().as_chunks::<4>();
    assert!(rest.is_empty() && !values.is_empty(), "{name}: no values");
    values.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

pub(crate) fn assert_all_close(label: &str, got: &[f32], expected: &[f32], abs: f32) {
    assert_eq!(got.len(), expected.len(), "{label}: number of values");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= abs,
            "{label}[{i}]: got {got}, expected {expected}"
        );
    }
}

/// The shipped weights of the detector.
pub(crate) fn weights() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../static/mtcnn.safetensors");
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn astronaut() -> RgbImage {
    image::load_from_memory(&bytes("astronaut.png"))
        .expect("astronaut.png")
        .to_rgb8()
}

pub(crate) fn whole(picture: &RgbImage) -> RgbFrame<'_> {
    let (width, height) = picture.dimensions();
    RgbFrame::new(width as usize, height as usize, picture.as_raw()).unwrap()
}

/// The part `[top, bottom, left, right]` of a picture.
pub(crate) fn part<'a>(picture: RgbFrame<'a>, rows_cols: &Value) -> RgbFrame<'a> {
    let [y0, y1, x0, x1] = sizes(rows_cols)[..] else {
        panic!("four limits, found {rows_cols}")
    };
    picture
        .window(x0, y0, x1, y1)
        .expect("limits inside the picture")
}

/// The samples of a frame mirrored left to right.
pub(crate) fn mirrored(frame: RgbFrame<'_>) -> Vec<u8> {
    (0..frame.height())
        .flat_map(|y| frame.row(y).rchunks_exact(3).flatten().copied())
        .collect()
}

pub(crate) fn detector() -> Mtcnn {
    Mtcnn::from_safetensors(&weights(), MtcnnConfig::default(), &Device::flex()).unwrap()
}

pub(crate) fn detect<T: mesm_features::Intensity>(
    mtcnn: &Mtcnn,
    frame: &Picture<'_, T>,
) -> Vec<Detection> {
    pollster::block_on(mtcnn.detect(frame)).unwrap()
}
