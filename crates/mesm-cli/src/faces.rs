//! The face of a video, frame after frame.

use burn::tensor::Device;
use mesm_data::clip::Frame;
use mesm_data::manifest::FaceFinder;
use mesm_features::crop::CROP_SIDE;
use mesm_features::face::{Mtcnn, MtcnnConfig};
use mesm_features::picture::{CHANNELS, RgbFrame};
use mesm_features::track::{CropResult, FaceTracker, TrackerConfig};

use crate::choices::DeviceChoice;
use crate::device;
use crate::error::CliError;

/// The face detector's weights (from facenet-pytorch, MIT).
const MTCNN: &[u8] = include_bytes!("../../../static/mtcnn.safetensors");

/// The program's detector.
///
/// # Errors
/// When it does not load.
pub(crate) fn detector(device: &Device) -> Result<Mtcnn, CliError> {
    Mtcnn::from_safetensors(MTCNN, MtcnnConfig::default(), device)
        .map_err(|e| CliError::Faces(e.to_string()))
}

/// The program's detector behind a tracker that knows no face yet.
pub(crate) struct Faces(FaceTracker);

impl Faces {
    /// Loads the detector.
    ///
    /// # Errors
    /// When it does not load.
    pub(crate) fn new(device: &Device) -> Result<Self, CliError> {
        let tracker = FaceTracker::new(detector(device)?, TrackerConfig::default());
        Ok(Self(tracker))
    }

    /// The face in the next frame.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn next(&mut self, frame: &Frame) -> Result<CropResult, CliError> {
        let picture = RgbFrame::new(frame.width as usize, frame.height as usize, &frame.rgb)
            .map_err(|e| CliError::Arguments(format!("frame {}: {e}", frame.index)))?;
        pollster::block_on(self.0.face(&picture)).map_err(|e| CliError::Faces(e.to_string()))
    }
}

/// Finds the faces of videos on the processor, so that a store has the same bytes on every machine; the detector is
/// loaded when the first video comes.
#[derive(Default)]
pub(crate) struct Finder(Option<Faces>);

impl FaceFinder for Finder {
    fn begin(&mut self) {
        if let Some(faces) = &mut self.0 {
            faces.0.reset();
        }
    }

    fn face(&mut self, frame: &Frame) -> Result<Option<Vec<u8>>, String> {
        let faces = match &mut self.0 {
            Some(faces) => faces,
            none => {
                let loaded = device::open(DeviceChoice::Cpu).and_then(|cpu| Faces::new(&cpu));
                none.insert(loaded.map_err(|e| e.to_string())?)
            }
        };
        let face = faces.next(frame).map_err(|e| e.to_string())?;
        Ok(face.found.then(|| interleaved(&face.crop)))
    }
}

/// `[3, 48, 48]` in 0..=255 to `[48, 48, 3]` in whole numbers.
fn interleaved(crop: &[f32]) -> Vec<u8> {
    let plane = CROP_SIDE * CROP_SIDE;
    (0..plane)
        .flat_map(|at| (0..CHANNELS).map(move |channel| channel * plane + at))
        .filter_map(|at| crop.get(at))
        .map(|level| level.round() as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::interleaved;

    #[test]
    fn channels_come_together() {
        let crop: Vec<f32> = (0..3 * 48 * 48)
            .map(|at| (at / (48 * 48)) as f32 * 100.0 + 0.6)
            .collect();
        let rgb = interleaved(&crop);
        assert_eq!(rgb.len(), crop.len());
        assert_eq!(rgb[..6], [1, 101, 201, 1, 101, 201]);
    }
}
