//! Golden vectors: recorded outputs of the reference implementation, inputs and parameters by
//! closed formula.
//!
//! The folder is `MESM_GOLDEN`, or the copy beside this crate; the seed is read from each file.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::Formula;
use serde_json::Value;

/// Absolute plus relative tolerance: `|got - expected| <= abs + rel * |expected|`.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Absolute part.
    pub abs: f64,
    /// Part relative to the expected value.
    pub rel: f64,
}

/// One golden file.
#[derive(Debug)]
pub struct GoldenSet {
    /// The whole file.
    pub json: Value,
    /// The seed its formula values are made from.
    pub seed: String,
}

/// The folder the golden files are read from.
#[must_use]
pub fn folder() -> PathBuf {
    std::env::var_os("MESM_GOLDEN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden"),
        PathBuf::from,
    )
}

/// The bytes of a file of the golden folder.
#[must_use]
pub fn bytes(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. MESM_GOLDEN must name a folder of golden files",
            path.display()
        )
    })
}

impl GoldenSet {
    /// Reads `name` (for example `g1_nucleus.json`).
    #[must_use]
    pub fn load(name: &str) -> Self {
        Self::parse(name, &bytes(name))
    }

    /// Reads a golden file already in memory.
    #[must_use]
    pub fn parse(name: &str, bytes: &[u8]) -> Self {
        let json: Value =
            serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seed = text(&json["seed"], name).to_owned();
        Self { json, seed }
    }

    /// Formula parameters whose names begin with `prefix`.
    #[must_use]
    pub fn formula(&self, prefix: &str) -> Formula {
        Formula::new(self.seed.as_str(), prefix)
    }

    /// The array under `key`, which must not be empty.
    #[must_use]
    pub fn list(&self, key: &str) -> &[Value] {
        list(&self.json[key], key)
    }

    /// A float input described by `{name, shape, kind, scale, offset}`.
    #[must_use]
    pub fn input(&self, spec: &Value) -> (Vec<f32>, Vec<usize>) {
        let name = text(&spec["name"], "input name");
        let shape = sizes(&spec["shape"]);
        let count: usize = shape.iter().product();
        let formula = self.formula("");
        let scale = number(&spec["scale"]) as f32;
        let values = match text(&spec["kind"], "input kind") {
            "signed" => (0..count as u64)
                .map(|i| scale * formula.signed(name, i))
                .collect(),
            "unit" => {
                let offset = number(&spec["offset"]) as f32;
                (0..count as u64)
                    .map(|i| offset + scale * formula.unit(name, i))
                    .collect()
            }
            other => panic!("{name}: unknown kind {other}"),
        };
        (values, shape)
    }

    /// [`input`](Self::input) as a tensor.
    #[must_use]
    pub fn tensor<const D: usize>(&self, spec: &Value, device: &Device) -> Tensor<D> {
        let (values, shape) = self.input(spec);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The input called `name` among `specs`, as a tensor.
    #[must_use]
    pub fn tensor_named<const D: usize>(
        &self,
        specs: &Value,
        name: &str,
        device: &Device,
    ) -> Tensor<D> {
        let spec = list(specs, "inputs")
            .iter()
            .find(|spec| spec["name"] == name)
            .unwrap_or_else(|| panic!("no input called {name}"));
        self.tensor(spec, device)
    }

    /// An integer input `{name, shape, below}`.
    #[must_use]
    pub fn ints(&self, spec: &Value) -> Vec<u64> {
        let name = text(&spec["name"], "input name");
        let below = spec["below"].as_u64().expect("below");
        let count: usize = sizes(&spec["shape"]).iter().product();
        let formula = self.formula("");
        (0..count as u64)
            .map(|i| formula.int(name, i, below))
            .collect()
    }

    /// Active sites by an `active_rule`, one flag a point in (sample, y, x) order.
    #[must_use]
    pub fn active(&self, rule: &Value) -> Vec<bool> {
        let limit = rule["active_if_less_than"].as_u64().expect("limit");
        let mut active: Vec<bool> = self.ints(rule).into_iter().map(|v| v < limit).collect();
        if let Some(emptied) = rule["emptied_samples"].as_array() {
            let shape = sizes(&rule["shape"]);
            let points: usize = shape[1..].iter().product();
            for sample in emptied {
                let sample = usize::try_from(sample.as_u64().expect("sample")).expect("sample");
                active[sample * points..(sample + 1) * points].fill(false);
            }
        }
        active
    }

    /// Fails unless `got` is the recorded output `expected`, complete or summarised.
    ///
    /// # Panics
    /// On the first difference.
    pub fn assert_close(&self, label: &str, got: &[f32], expected: &Value, tolerance: Tolerance) {
        let shape = sizes(&expected["shape"]);
        let count: usize = shape.iter().product();
        assert_eq!(got.len(), count, "{label}: number of values for {shape:?}");
        assert!(count > 0, "{label}: nothing to compare");
        if let Some(data) = expected["data"].as_array() {
            assert_eq!(data.len(), count, "{label}: recorded values");
            for (i, (got, expected)) in got.iter().zip(data).enumerate() {
                close(
                    label,
                    &format!("[{i}]"),
                    f64::from(*got),
                    number(expected),
                    tolerance,
                );
            }
        } else {
            self.assert_summary(label, got, expected, tolerance);
        }
    }

    fn assert_summary(&self, label: &str, got: &[f32], expected: &Value, tolerance: Tolerance) {
        let stride = usize::try_from(expected["stride"].as_u64().expect("stride")).expect("stride");
        let positions = |key: &str, at: &dyn Fn(usize) -> usize| {
            for (k, value) in list(&expected[key], key).iter().enumerate() {
                let i = at(k);
                close(
                    label,
                    &format!("[{i}]"),
                    f64::from(got[i]),
                    number(value),
                    tolerance,
                );
            }
        };
        positions("first", &|k| k);
        let tail = got.len() - list(&expected["last"], "last").len();
        positions("last", &|k| tail + k);
        positions("strided", &|k| k * stride);

        // Errors of single values may add up over a sum, so its tolerance grows with the count.
        let count = got.len() as f64;
        let abs_sum = number(&expected["abs_sum"]);
        let spread = Tolerance {
            abs: tolerance.abs * count + tolerance.rel * abs_sum,
            rel: 0.0,
        };
        let formula = self.formula("");
        let sum = |f: &dyn Fn(usize, f64) -> f64| -> f64 {
            got.iter()
                .enumerate()
                .map(|(i, v)| f(i, f64::from(*v)))
                .sum()
        };
        close(
            label,
            "sum",
            sum(&|_, v| v),
            number(&expected["sum"]),
            spread,
        );
        close(label, "abs_sum", sum(&|_, v| v.abs()), abs_sum, spread);
        close(
            label,
            "probe_dot",
            sum(&|i, v| v * f64::from(formula.signed("probe", i as u64))),
            number(&expected["probe_dot"]),
            spread,
        );
    }
}

fn close(label: &str, place: &str, got: f64, expected: f64, tolerance: Tolerance) {
    let allowed = tolerance.abs + tolerance.rel * expected.abs();
    assert!(
        (got - expected).abs() <= allowed,
        "{label}{place}: got {got}, expected {expected}, allowed difference {allowed}"
    );
}

/// The elements of a JSON array that must not be empty.
#[must_use]
pub fn list<'a>(value: &'a Value, label: &str) -> &'a [Value] {
    match value.as_array() {
        Some(items) if !items.is_empty() => items,
        _ => panic!("{label}: a non-empty list is expected, found {value}"),
    }
}

/// A JSON number.
#[must_use]
pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("a number is expected, found {value}"))
}

/// A JSON list of sizes.
#[must_use]
pub fn sizes(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("a list of sizes is expected, found {value}"))
        .iter()
        .map(|v| usize::try_from(v.as_u64().expect("a size")).expect("a size"))
        .collect()
}

/// A JSON string.
#[must_use]
pub fn text<'a>(value: &'a Value, label: &str) -> &'a str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{label}: a string is expected, found {value}"))
}

/// A recorded mask: a string of 0 and 1, or a list of such strings, row-major.
#[must_use]
pub fn mask(value: &Value) -> Vec<bool> {
    match value {
        Value::String(bits) => bits.bytes().map(|b| b == b'1').collect(),
        Value::Array(rows) => rows.iter().flat_map(mask).collect(),
        other => panic!("a mask is expected, found {other}"),
    }
}

/// All values of a tensor.
#[must_use]
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_to_vec::<f32>()
        .expect("float values")
}

/// [`values`] where a device can only be read asynchronously: in the browser.
pub async fn values_async<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data_async()
        .await
        .expect("the device can be read")
        .try_to_vec::<f32>()
        .expect("float values")
}
