//! Closed-formula parameters: every value is a function of a seed, the parameter's name and its
//! position, so that two implementations can be compared without shipping a single weight.

use super::source::{ParamSource, ParamSpec, WeightsError};

/// Parameters by closed formula.
///
/// `h(name, i) = splitmix64(fnv1a64("{seed}:{name}") + i)`; `u = (h >> 40) 2^-24` in `[0, 1)`;
/// `r = 2u - 1`. Scales follow the kind of parameter, read off its name and rank: running means
/// `0.1 r`, running variances `1 + 0.5 u`, biases `0.1 r`, PReLU slopes `0.25 + 0.1 r`, other
/// vectors `1 + 0.1 r`, convolutions and matrices `b r` with `b` from the fan-in.
#[derive(Debug, Clone)]
pub struct Formula {
    seed: String,
    prefix: String,
}

impl Formula {
    /// Parameters whose hashed name is `prefix` followed by the state-dict key.
    pub fn new(seed: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            seed: seed.into(),
            prefix: prefix.into(),
        }
    }

    /// The hash of element `index` of the sequence called `name` (no prefix is added).
    #[must_use]
    pub fn hash(&self, name: &str, index: u64) -> u64 {
        splitmix64(self.start(name).wrapping_add(index))
    }

    /// Uniform value in `[0, 1)` with 24 random bits, exact in `f32`.
    #[must_use]
    pub fn unit(&self, name: &str, index: u64) -> f32 {
        unit_of(self.hash(name, index))
    }

    /// Uniform value in `[-1, 1)`, exact in `f32`.
    #[must_use]
    pub fn signed(&self, name: &str, index: u64) -> f32 {
        signed_of(self.hash(name, index))
    }

    /// Uniform integer in `0..below`.
    #[must_use]
    pub fn int(&self, name: &str, index: u64, below: u64) -> u64 {
        ((self.hash(name, index) >> 40) * below) >> 24
    }

    /// All values of the parameter `key` (the prefix is added), row-major.
    #[must_use]
    pub fn parameter(&self, key: &str, shape: &[usize]) -> Vec<f32> {
        let start = self.start(&format!("{}{key}", self.prefix));
        let scale = Scale::of(key, shape);
        let count: usize = shape.iter().product();
        (0..count as u64)
            .map(|i| scale.apply(splitmix64(start.wrapping_add(i))))
            .collect()
    }

    fn start(&self, name: &str) -> u64 {
        fnv1a64(&format!("{}:{name}", self.seed))
    }
}

impl ParamSource for Formula {
    fn verify(&self, _specs: &[ParamSpec]) -> Result<(), WeightsError> {
        // The formula is defined for every name and shape, and all its values are finite.
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        Ok(self.parameter(&spec.name, &spec.shape))
    }
}

/// How a hash becomes a parameter value.
enum Scale {
    Signed { offset: f32, scale: f32 },
    Unit { offset: f32, scale: f32 },
    Bound(f32),
}

impl Scale {
    fn of(key: &str, shape: &[usize]) -> Self {
        let mut parts = key.rsplit('.');
        let last = parts.next().unwrap_or_default();
        let parent = parts.next().unwrap_or_default();
        match last {
            "running_mean" | "running_mean_at" => return Self::signed(0.0, 0.1),
            "running_var" | "running_var_at" => {
                return Self::Unit {
                    offset: 1.0,
                    scale: 0.5,
                };
            }
            _ => {}
        }
        match shape {
            [_] if last.contains("bias") => Self::signed(0.0, 0.1),
            [_] if parent.starts_with("prelu") => Self::signed(0.25, 0.1),
            [_] => Self::signed(1.0, 0.1),
            [9, 1, fan_in, _] => Self::Bound(bound(6.0, 9 * fan_in)),
            [_, c, h, w] => Self::Bound(bound(6.0, c * h * w)),
            [_, fan_in] => Self::Bound(bound(3.0, *fan_in)),
            other => Self::Bound(bound(3.0, other.iter().skip(1).product::<usize>().max(1))),
        }
    }

    fn signed(offset: f32, scale: f32) -> Self {
        Self::Signed { offset, scale }
    }

    fn apply(&self, hash: u64) -> f32 {
        // Product and sum are rounded separately: a fused multiply-add would differ in the last bit.
        match *self {
            Self::Signed { offset, scale } => offset + scale * signed_of(hash),
            Self::Unit { offset, scale } => offset + scale * unit_of(hash),
            Self::Bound(b) => b * signed_of(hash),
        }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn bound(numerator: f64, fan_in: usize) -> f32 {
    (numerator / fan_in as f64).sqrt() as f32
}

#[allow(clippy::cast_precision_loss)] // 24 bits are exact in f32
fn unit_of(hash: u64) -> f32 {
    (hash >> 40) as f32 * (1.0 / 16_777_216.0)
}

fn signed_of(hash: u64) -> f32 {
    2.0 * unit_of(hash) - 1.0
}

fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_hash_constants() {
        // FNV-1a of the empty string is its offset basis; splitmix64(0) is its first output.
        assert_eq!(fnv1a64(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(splitmix64(0), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn values_stay_in_their_ranges() {
        let f = Formula::new("s", "");
        for v in f.parameter("a.running_var", &[64]) {
            assert!((1.0..1.5).contains(&v));
        }
        for v in f.parameter("prelu1.weight", &[8]) {
            assert!((0.15..0.35).contains(&v));
        }
    }
}
