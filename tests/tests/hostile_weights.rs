//! Damaged and forged weight files: every outcome is a value or an error, in bounded memory.
//!
//! A panic fails the test by itself. Memory is measured by an allocator that counts; the files
//! are a few kilobytes, so a peak of some megabytes means that a claimed size was believed.

#![allow(clippy::expect_used)] // a failed expectation is a failed test

use std::alloc::System;
use std::collections::HashMap;
use std::path::Path;

use cap::Cap;
use mesm::weights::{
    Checkpoint, FloatFormat, Formula, Limits, NamedTensors, ParamSource, ParamSpec,
    SafetensorsSource, WeightsError, export_safetensors,
};
use safetensors::tensor::{Dtype, TensorView, serialize};

/// Above this every allocation fails, which ends the test.
const HARD_LIMIT: usize = 256 << 20;

/// Far above what files of a few kilobytes need, far below any forged size that matters.
const PEAK_LIMIT: usize = 16 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, HARD_LIMIT);

/// What a reader makes of some bytes; the number of tensors it gave, when it accepted them.
type Reader = fn(&[u8]) -> Result<usize, WeightsError>;

fn read_checkpoint(bytes: &[u8]) -> Result<usize, WeightsError> {
    let checkpoint = Checkpoint::new(bytes, Limits::default())?;
    let specs = checkpoint.specs();
    // An integer tensor is an error only when it is asked for.
    let floats: Vec<ParamSpec> = specs
        .into_iter()
        .filter(|spec| spec.name != "count")
        .collect();
    take_all(&mut checkpoint.without(["count"]), &floats)
}

fn read_safetensors(bytes: &[u8]) -> Result<usize, WeightsError> {
    let mut source = SafetensorsSource::new(bytes, Limits::default())?;
    take_all(&mut source, &safetensors_specs())
}

fn read_whole_numbers(bytes: &[u8]) -> Result<usize, WeightsError> {
    let mut source = SafetensorsSource::new(bytes, Limits::default())?;
    take_all(&mut source, &whole_number_specs())
}

fn take_all(source: &mut impl ParamSource, specs: &[ParamSpec]) -> Result<usize, WeightsError> {
    source.verify(specs)?;
    for spec in specs {
        let values = source.take(spec)?;
        assert_eq!(values.len(), spec.shape.iter().product::<usize>());
        assert!(values.iter().all(|v| v.is_finite()));
    }
    Ok(specs.len())
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn specs<const N: usize>(tensors: [(&str, &[usize]); N]) -> Vec<ParamSpec> {
    let spec = |(name, shape): (&str, &[usize])| ParamSpec {
        name: name.to_owned(),
        shape: shape.to_vec(),
    };
    tensors.map(spec).to_vec()
}

fn safetensors_specs() -> Vec<ParamSpec> {
    specs([("a.weight", &[4, 3]), ("a.bias", &[4]), ("b", &[])])
}

fn safetensors_file() -> Vec<u8> {
    let mut formula = Formula::new("hostile", "");
    let data: Vec<(ParamSpec, Vec<u8>)> = safetensors_specs()
        .into_iter()
        .map(|spec| {
            let values = formula.take(&spec).expect("the formula has every name");
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (spec, bytes)
        })
        .collect();
    let views = data.iter().map(|(spec, bytes)| {
        let view = TensorView::new(Dtype::F32, spec.shape.clone(), bytes).expect("as many bytes");
        (spec.name.as_str(), view)
    });
    let metadata = HashMap::from([("model".to_owned(), "none".to_owned())]);
    serialize(views, Some(metadata)).expect("serialisable")
}

fn whole_number_specs() -> Vec<ParamSpec> {
    specs([("word_embeddings.weight", &[2, 64]), ("a.weight", &[3, 4])])
}

fn whole_number_file() -> Vec<u8> {
    let mut formula = Formula::new("hostile", "");
    let mut tensors = NamedTensors::default();
    for spec in whole_number_specs() {
        let values = formula.take(&spec).expect("the formula has every name");
        tensors.insert(spec.name, spec.shape, values);
    }
    let format = FloatFormat::Int8WithInt4Words;
    export_safetensors(&tensors, format, HashMap::new()).expect("finite")
}

/// Runs `read` on every truncation, on five changes of every byte and on 20 000 blends of larger
/// changes. Returns how many were accepted and how many refused.
fn mutate(original: &[u8], read: Reader) -> (usize, usize) {
    assert!(read(original).expect("the original is valid") > 0);
    let (mut accepted, mut refused) = (0, 0);
    let mut count = |bytes: &[u8], what: &dyn Fn() -> String| {
        match read(bytes) {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
        let peak = ALLOCATOR.max_allocated();
        assert!(peak < PEAK_LIMIT, "{}: {peak} bytes", what());
    };
    for end in 0..original.len() {
        count(&original[..end], &|| format!("cut to {end} bytes"));
    }
    let mut bytes = original.to_vec();
    for at in 0..bytes.len() {
        for change in [0x01, 0x20, 0x80, 0xff, original[at]] {
            bytes[at] = original[at] ^ change;
            count(&bytes, &|| format!("byte {at} changed by {change:#04x}"));
        }
        bytes[at] = original[at];
    }
    let draw = Formula::new("hostile", "");
    for round in 0..20_000 {
        let mut bytes = original.to_vec();
        for change in 0..=round % 6 {
            let hash = draw.hash("mutation", round * 8 + change);
            let at = (hash % bytes.len() as u64) as usize;
            match hash >> 61 {
                // A run of ones looks like a huge length, a run of zeros like none.
                0 | 1 => fill(&mut bytes, at, 0xff),
                2 | 3 => fill(&mut bytes, at, 0),
                4 => bytes.truncate(at.max(1)),
                _ => bytes[at] = (hash >> 40) as u8,
            }
        }
        count(&bytes, &|| format!("blend {round}"));
    }
    (accepted, refused)
}

fn fill(bytes: &mut [u8], at: usize, value: u8) {
    let end = (at + 8).min(bytes.len());
    bytes[at..end].fill(value);
}

/// The same archive without checksums, as `torch.save` writes it when told to: damage then
/// reaches the pickle and the tensors.
fn without_checksums(archive: &[u8]) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    let headers: Vec<usize> = archive
        .windows(4)
        .enumerate()
        .filter_map(|(at, window)| (window == b"PK\x01\x02").then_some(at))
        .collect();
    assert!(headers.len() > 5, "central headers");
    for at in headers {
        bytes[at + 16..at + 20].fill(0);
    }
    bytes
}

#[test]
fn damaged_checkpoints() {
    for name in ["authors_small.pt", "training_small.pt"] {
        let (accepted, refused) = mutate(&fixture(name), read_checkpoint);
        // Padding between entries and dates may change without harm; most other damage is seen.
        assert!(
            refused > accepted,
            "{name}: {accepted} accepted, {refused} refused"
        );
    }
}

#[test]
fn damaged_checkpoints_without_checksums() {
    for name in ["authors_small.pt", "training_small.pt"] {
        let (accepted, refused) = mutate(&without_checksums(&fixture(name)), read_checkpoint);
        assert!(accepted > 0 && refused > 0, "{name}");
    }
}

#[test]
fn damaged_safetensors() {
    let original = safetensors_file();
    let (accepted, refused) = mutate(&original, read_safetensors);
    assert!(accepted > 0 && refused > accepted, "{accepted}, {refused}");
}

#[test]
fn damaged_whole_numbers() {
    let (accepted, refused) = mutate(&whole_number_file(), read_whole_numbers);
    assert!(accepted > 0 && refused > accepted, "{accepted}, {refused}");
}

#[test]
fn scales_must_divide_their_matrix() {
    let original = whole_number_file();
    let text = |from: &str, to: &str| {
        let from = from.as_bytes();
        let at = original
            .windows(from.len())
            .position(|window| window == from)
            .expect("in the header");
        let mut bytes = original.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        read_whole_numbers(&bytes).expect_err("forged").to_string()
    };
    // Four groups in one row where there are two rows of two.
    let error = text("\"shape\":[2,2]", "\"shape\":[1,4]");
    assert!(error.contains("word_embeddings.weight.scale"), "{error}");
    // Whole numbers without scales are no weights.
    let error = text("a.weight.scale", "b.weight.scale");
    assert!(error.contains("b.weight.scale"), "{error}");
}

#[test]
fn forged_safetensors_headers() {
    let file = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    let huge = u64::MAX;
    let deep = format!(r#"{{"a.weight":{}"#, "[".repeat(200_000));
    for header in [
        r#"{"a.weight":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]}"#.to_owned(),
        r#"{"a.weight":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48000]}}"#.to_owned(),
        r#"{"a.weight":{"dtype":"F32","shape":[4,3],"data_offsets":[48,0]}}"#.to_owned(),
        r#"{"a.weight":{"dtype":"F32","shape":[-4,3],"data_offsets":[0,48]}}"#.to_owned(),
        format!(
            r#"{{"a.weight":{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,48]}}}}"#
        ),
        format!(r#"{{"a.weight":{{"dtype":"F32","shape":[0,{huge}],"data_offsets":[0,0]}}}}"#),
        r#"{"a.weight":{"dtype":"Q9","shape":[4,3],"data_offsets":[0,48]}}"#.to_owned(),
        "[]".to_owned(),
        deep,
    ] {
        let error = read_safetensors(&file(&header, 48)).expect_err("forged");
        assert!(!error.to_string().is_empty());
    }
    // A header that claims to be longer than the file, and one at the largest number there is.
    for length in [100, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        assert!(read_safetensors(&bytes).is_err());
    }
}

#[test]
fn values_that_are_not_finite() {
    for (value, at) in [(f32::NAN, 0), (f32::INFINITY, 16), (f32::NEG_INFINITY, 4)] {
        let mut bytes = safetensors_file();
        let place = bytes.len() - 4 - at;
        bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        let error = read_safetensors(&bytes)
            .expect_err("not finite")
            .to_string();
        assert!(error.contains("finite"), "{error}");
    }
}
