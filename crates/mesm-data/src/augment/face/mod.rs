//! Faces: other cameras, other light, other poses.

mod camera;
mod colour;
mod erase;
mod light;
mod warp;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::draw::{around, between, chance};
use super::error::{AugmentError, check};
use crate::media::FACE_VALUES;
use warp::Warp;

/// Least standard deviation of a blur, in pixels: a smaller one does not show.
const LEAST_SIGMA: f32 = 0.2;
/// Quality of the best JPEG.
const BEST_QUALITY: u8 = 95;

/// How faces are varied, in the order of the fields. Fields that a file leaves out have their defaults.
///
/// The defaults are the usual ones for faces of 48x48 (flip, a few degrees, a tenth of scale and place, light by about a
/// third, random erasing), and give a grey corpus the colours, noise and softness of a web camera.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaceAugment {
    /// Chance of a mirrored face, `0..=1`. Default 0.5.
    pub flip: f32,
    /// Largest turn to either side in degrees, `0..=90`. Default 10.
    pub rotate_deg: f32,
    /// Largest change of size, as a share, `0..=0.5`: 0.1 for 90 % to 110 %. Default 0.1.
    pub scale: f32,
    /// Largest move along each axis, as a share of the side, `0..=0.5`; the border is repeated. Default 0.08, about four
    /// pixels.
    pub shift: f32,
    /// Largest change of the exponent of brightness, `0..=2`: it is `exp(x)` with x in `-gamma..=gamma`. Default 0.3.
    pub gamma: f32,
    /// Largest change of brightness, as a share, `0..=1`. Default 0.2.
    pub brightness: f32,
    /// Largest change of contrast around the mean, as a share, `0..=1`. Default 0.3.
    pub contrast: f32,
    /// Chance that the colours change, `0..=1`: by the next three settings together. Default 0.5.
    pub colour: f32,
    /// Largest change of each channel's gain, `0..=1`: it is `exp(x)` with x in `-white_balance..=white_balance`; the
    /// brightness of grey stays. Default 0.1.
    pub white_balance: f32,
    /// Largest chroma that is added, as a share of a pixel's brightness, in directions around that of skin, `0..=0.5`.
    /// Skin has about 0.17. Default 0.25.
    pub tint: f32,
    /// Largest change of saturation, as a share, `0..=1`; nothing happens to grey. Default 0.3.
    pub saturation: f32,
    /// Chance of a blur, `0..=1`. Default 0.2.
    pub blur: f32,
    /// Largest standard deviation of the blur in pixels, `0..=3`. Default 1.
    pub blur_sigma: f32,
    /// Chance of noise, `0..=1`. Default 0.3.
    pub noise: f32,
    /// Largest standard deviation of the noise, in values of 0..255, `0..=64`. Default 8.
    pub noise_std: f32,
    /// Chance that the face goes through JPEG, `0..=1`. Default 0.1.
    pub jpeg: f32,
    /// Lowest quality of that, `5..=95`; the highest is 95. Default 40.
    pub jpeg_quality: u8,
    /// Chance that a rectangle is covered with one colour, `0..=1`. Default 0.25.
    pub erase: f32,
    /// Largest rectangle, as a share of the face, `0..=0.5`. Default 0.15.
    pub erase_area: f32,
}

impl Default for FaceAugment {
    fn default() -> Self {
        Self {
            flip: 0.5,
            rotate_deg: 10.0,
            scale: 0.1,
            shift: 0.08,
            gamma: 0.3,
            brightness: 0.2,
            contrast: 0.3,
            colour: 0.5,
            white_balance: 0.1,
            tint: 0.25,
            saturation: 0.3,
            blur: 0.2,
            blur_sigma: 1.0,
            noise: 0.3,
            noise_std: 8.0,
            jpeg: 0.1,
            jpeg_quality: 40,
            erase: 0.25,
            erase_area: 0.15,
        }
    }
}

impl FaceAugment {
    /// No change at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            flip: 0.0,
            rotate_deg: 0.0,
            scale: 0.0,
            shift: 0.0,
            gamma: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            colour: 0.0,
            white_balance: 0.0,
            tint: 0.0,
            saturation: 0.0,
            blur: 0.0,
            blur_sigma: 0.0,
            noise: 0.0,
            noise_std: 0.0,
            jpeg: 0.0,
            jpeg_quality: BEST_QUALITY,
            erase: 0.0,
            erase_area: 0.0,
        }
    }

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), AugmentError> {
        check(&[
            ("flip", self.flip, 0.0, 1.0),
            ("rotate_deg", self.rotate_deg, 0.0, 90.0),
            ("scale", self.scale, 0.0, 0.5),
            ("shift", self.shift, 0.0, 0.5),
            ("gamma", self.gamma, 0.0, 2.0),
            ("brightness", self.brightness, 0.0, 1.0),
            ("contrast", self.contrast, 0.0, 1.0),
            ("colour", self.colour, 0.0, 1.0),
            ("white_balance", self.white_balance, 0.0, 1.0),
            ("tint", self.tint, 0.0, 0.5),
            ("saturation", self.saturation, 0.0, 1.0),
            ("blur", self.blur, 0.0, 1.0),
            ("blur_sigma", self.blur_sigma, 0.0, camera::MAX_SIGMA),
            ("noise", self.noise, 0.0, 1.0),
            ("noise_std", self.noise_std, 0.0, 64.0),
            ("jpeg", self.jpeg, 0.0, 1.0),
            ("jpeg_quality", f32::from(self.jpeg_quality), 5.0, 95.0),
            ("erase", self.erase, 0.0, 1.0),
            ("erase_area", self.erase_area, 0.0, 0.5),
        ])
    }

    /// Varies one face in place: `[3, 48, 48]` row-major, RGB in 0..255; the values stay in that range.
    ///
    /// # Panics
    /// When `face` has another length.
    pub fn apply<R: Rng + ?Sized>(&self, face: &mut [f32], rng: &mut R) {
        assert_eq!(face.len(), FACE_VALUES, "a face is [3, 48, 48]");
        let warp = Warp {
            flip: chance(self.flip, rng),
            turn: around(self.rotate_deg, rng).to_radians(),
            zoom: 1.0 + around(self.scale, rng),
            right: around(self.shift, rng),
            down: around(self.shift, rng),
        };
        if warp != Warp::NONE {
            warp::warp(face, &warp);
        }
        if self.gamma > 0.0 {
            light::gamma(face, around(self.gamma, rng).exp());
        }
        if self.brightness > 0.0 {
            light::brightness(face, 1.0 + around(self.brightness, rng));
        }
        if self.contrast > 0.0 {
            light::contrast(face, 1.0 + around(self.contrast, rng));
        }
        if chance(self.colour, rng) {
            let cast = colour::Cast {
                gains: [(); 3].map(|()| around(self.white_balance, rng).exp()),
                saturation: 1.0 + around(self.saturation, rng),
                chroma: between(0.0, self.tint, rng),
                turn: around(colour::MAX_TURN, rng),
            };
            colour::cast(face, &cast);
        }
        if self.blur_sigma > 0.0 && chance(self.blur, rng) {
            camera::blur(
                face,
                between(LEAST_SIGMA.min(self.blur_sigma), self.blur_sigma, rng),
            );
        }
        if self.noise_std > 0.0 && chance(self.noise, rng) {
            let std = between(0.0, self.noise_std, rng);
            camera::noise(face, std, rng);
        }
        if chance(self.jpeg, rng) {
            let quality = between(f32::from(self.jpeg_quality), f32::from(BEST_QUALITY), rng);
            camera::jpeg(face, quality.round() as u8);
        }
        if self.erase_area > 0.0 && chance(self.erase, rng) {
            erase::erase(face, self.erase_area, rng);
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    reason = "what must be the same must be the same bit for bit"
)]
mod tests;
