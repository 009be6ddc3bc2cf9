//! Sound as 142 numbers a window of 400 ms.
//!
//! Each window is cut into frames of 25 ms, one every 10 ms (38 of them). Every frame gives
//!
//! | columns | what | from |
//! | --- | --- | --- |
//! | 0..22 | log energy of the [`bark`] bands | mean over the frames |
//! | 22..34 | [`cepstrum`]: mel-frequency cepstral coefficients 1 to 12 | mean over the frames |
//! | 34..142 | 18 [`contours`] over time | six [`functionals`] each |
//!
//! The counts are those of NAACL 2021, section 5.2, and of `DisVoice`, whose articulation and phonology
//! features they are; the contours differ, see the [parent module](super). Arithmetic is in double
//! precision: a logarithm of what a window function lets through far from a loud tone has no digits
//! in single precision.

mod bark;
mod cepstrum;
mod contours;
mod functionals;
mod pitch;
mod plan;
mod shape;
mod spectrum;

pub use plan::AcousticPlan;

/// Smallest power that is told from silence, of full scale 1: that of the last bit of a 16-bit
/// recording. Logarithms begin here, so that digital silence is a finite number and no outlier.
const FLOOR: f64 = 1e-10;

/// `ln(power)`, of at least [`FLOOR`].
fn log_power(power: f64) -> f64 {
    power.max(FLOOR).ln()
}
