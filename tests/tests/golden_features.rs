//! Set G7: mel spectrograms, face detection and face crops against torchaudio and
//! facenet-pytorch, the fallback crop of G4 against the authors' code, and the tracker on the same
//! portrait. All on the CPU.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

#[path = "golden_features/audio.rs"]
mod audio;
#[path = "golden_features/detection.rs"]
mod detection;
#[path = "golden_features/material.rs"]
mod material;
#[path = "golden_features/nets.rs"]
mod nets;
#[path = "golden_features/resizing.rs"]
mod resizing;
#[path = "golden_features/tracking.rs"]
mod tracking;
