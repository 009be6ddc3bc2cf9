//! Everything a run needs to go on as if it had never stopped, in one file that is replaced as a whole.
//!
//! A safetensors file: `learner.*` the parameters and buffers by state-dict name, `average.*` their running average
//! where there is one, `optimizer` the optimizer's state as bytes; in its header `state`, the rest as JSON. Random
//! numbers need no state: each follows from the seed and the place in the run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use mesm::weights::NamedTensors;
use mesm_data::store::{StoreError, write_atomically};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Larger files are not read.
const MAX_BYTES: u64 = 8 << 30;
const LEARNER: &str = "learner.";
const AVERAGE: &str = "average.";
const OPTIMIZER: &str = "optimizer";
const STATE: &str = "state";

/// Why a checkpoint could not be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file system.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Not a checkpoint, or a damaged one.
    #[error(
        "{}: not a checkpoint of this program: {reason}. Remove the file to start the run anew",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Where a run is, apart from its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// The configuration the run was begun with, as JSON text: text compares exactly.
    pub config: String,
    /// Index of the phase at work.
    pub phase: usize,
    /// Epochs of it that are done.
    pub epoch: usize,
    /// Steps of the next epoch that are done.
    pub step: usize,
    /// Sum of the losses of these steps.
    pub loss: Exact,
    /// Best validation score of the phase, and the epoch it came from.
    pub best: Option<(Exact, usize)>,
    /// Lines of the log that belong to this state.
    pub log_lines: usize,
    /// Identity of each parameter by its path, which the optimizer's state refers to.
    pub identities: BTreeMap<String, u64>,
}

/// A number whose every bit is kept: JSON readers may round the last one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub(crate) struct Exact(pub(crate) f64);

impl From<u64> for Exact {
    fn from(bits: u64) -> Self {
        Self(f64::from_bits(bits))
    }
}

impl From<Exact> for u64 {
    fn from(number: Exact) -> Self {
        number.0.to_bits()
    }
}

/// A run that can be gone on with.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    /// Where it is.
    pub state: RunState,
    /// Parameters and buffers.
    pub learner: NamedTensors,
    /// Their running average.
    pub average: Option<NamedTensors>,
    /// The optimizer's state.
    pub optimizer: Vec<u8>,
}

impl Checkpoint {
    /// Writes the checkpoint beside `path` and puts it in its place when it is whole and on the disk.
    ///
    /// # Errors
    /// When the file system refuses; an older checkpoint at `path` is then as it was.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let malformed = |reason: String| CheckpointError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let state = serde_json::to_string(&self.state).map_err(|e| malformed(e.to_string()))?;
        let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let average = self.average.iter().map(|tensors| (AVERAGE, tensors));
        for (prefix, tensors) in average.chain([(LEARNER, &self.learner)]) {
            parts.extend(tensors.iter().map(|(name, shape, values)| {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                (format!("{prefix}{name}"), Dtype::F32, shape.to_vec(), bytes)
            }));
        }
        let bytes = self.optimizer.clone();
        parts.push((OPTIMIZER.to_owned(), Dtype::U8, vec![bytes.len()], bytes));
        let views = parts
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| malformed(e.to_string()))?;
        let header = HashMap::from([(STATE.to_owned(), state)]);
        let bytes =
            safetensors::serialize(views, Some(header)).map_err(|e| malformed(e.to_string()))?;
        replace(path, &bytes).map_err(|source| CheckpointError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When the file cannot be read or is not a checkpoint.
    pub(crate) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let file = |source| CheckpointError::File {
            path: path.to_owned(),
            source,
        };
        let malformed = |reason: String| CheckpointError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let size = std::fs::metadata(path).map_err(file)?.len();
        if size > MAX_BYTES {
            return Err(malformed(format!(
                "{size} bytes, at most {MAX_BYTES} are read"
            )));
        }
        let bytes = std::fs::read(path).map_err(file)?;
        let wrong = |e: safetensors::SafeTensorError| malformed(e.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(wrong)?;
        let state = header
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(STATE))
            .ok_or_else(|| malformed(format!("its header has no `{STATE}`")))?;
        let state = serde_json::from_str(state).map_err(|e| malformed(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(wrong)?;
        let mut learner = NamedTensors::default();
        let mut average: Option<NamedTensors> = None;
        let mut optimizer = None;
        for (name, view) in tensors.iter() {
            if name == OPTIMIZER && view.dtype() == Dtype::U8 {
                optimizer = Some(view.data().to_vec());
                continue;
            }
            let values = floats(&view)
                .ok_or_else(|| malformed(format!("`{name}` is stored as {:?}", view.dtype())))?;
            let shape = view.shape().to_vec();
            if let Some(name) = name.strip_prefix(LEARNER) {
                learner.insert(name, shape, values);
            } else if let Some(name) = name.strip_prefix(AVERAGE) {
                average.get_or_insert_default().insert(name, shape, values);
            } else {
                return Err(malformed(format!("unknown tensor `{name}`")));
            }
        }
        Ok(Self {
            state,
            learner,
            average,
            optimizer: optimizer.ok_or_else(|| malformed(format!("no `{OPTIMIZER}`")))?,
        })
    }
}

fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let float = |bytes: &[u8]| Some(f32::from_le_bytes(bytes.try_into().ok()?));
    (view.dtype() == Dtype::F32)
        .then(|| view.data().chunks_exact(4).map(float).collect())
        .flatten()
}

/// Writes `bytes` so that whoever looks at `path`, at any moment, sees the old file or the new one. What a killed program
/// leaves behind is written over by the next attempt.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_atomically(path, bytes).map_err(|error| match error {
        StoreError::Unwritable { source, .. } => source,
        other => std::io::Error::other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let mut learner = NamedTensors::default();
        learner.insert("a.weight", vec![2, 1], vec![1.5, -0.0]);
        Checkpoint {
            state: RunState {
                config: "{}".to_owned(),
                phase: 1,
                epoch: 2,
                step: 3,
                loss: Exact(0.1 + 0.2),
                best: Some((Exact(1.0 / 3.0), 1)),
                log_lines: 7,
                identities: BTreeMap::from([("a".to_owned(), u64::MAX)]),
            },
            average: Some(learner.clone()),
            learner,
            optimizer: vec![1, 2, 3],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let written = checkpoint();
        written.write(&path).unwrap();
        let read = Checkpoint::read(&path).unwrap();
        assert_eq!(read.state, written.state);
        assert_eq!(read.optimizer, written.optimizer);
        let bits = |tensors: &NamedTensors| {
            let one = |(name, shape, values): (&str, &[usize], &[f32])| {
                let bits: Vec<u32> = values.iter().map(|v| v.to_bits()).collect();
                (name.to_owned(), shape.to_vec(), bits)
            };
            tensors.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(bits(&read.learner), bits(&written.learner));
        assert!(read.average.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        checkpoint().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 7, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = Checkpoint::read(&path).unwrap_err().to_string();
            assert!(error.contains("not a checkpoint"), "{length}: {error}");
        }
    }
}
