//! The epochs of a run, from its log.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A line of the log is not what it should be.
#[derive(Debug, Error)]
#[error("line {line} of the log: expected a JSON object with an `event`: {source}")]
pub struct LogError {
    line: usize,
    source: serde_json::Error,
}

/// What the log tells of an epoch. A figure that was not finite is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochScores {
    /// The phase.
    pub phase: String,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean loss of its steps.
    pub train_loss: Option<f64>,
    /// Mean loss on the validation split.
    pub valid_loss: Option<f64>,
    /// The score on the validation split that chooses the epoch.
    pub score: Option<f64>,
    /// Whether it was the best so far, so that its weights were kept.
    pub best: bool,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Epoch(EpochScores),
    #[serde(other)]
    Other,
}

/// The epochs in a log, a JSON object a line; lines about other things are passed over, as is a last line that has no
/// end yet.
///
/// # Errors
/// When a whole line cannot be read.
pub fn epochs(log: &str) -> Result<Vec<EpochScores>, LogError> {
    let mut epochs = Vec::new();
    for (index, line) in log.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') || line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(Line::Epoch(epoch)) => epochs.push(epoch),
            Ok(Line::Other) => {}
            Err(source) => {
                return Err(LogError {
                    line: index + 1,
                    source,
                });
            }
        }
    }
    Ok(epochs)
}

/// The epochs of each phase, in the order of the log.
#[must_use]
pub fn phases(epochs: &[EpochScores]) -> Vec<&[EpochScores]> {
    epochs.chunk_by(|a, b| a.phase == b.phase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        r#"{"event":"step","phase":"faces","epoch":0,"step":19,"loss":1.5,"norm":2.0,"rate":0.1,"utterances_per_s":9.0}"#,
        "\n",
        r#"{"event":"epoch","phase":"faces","epoch":0,"train_loss":1.5,"valid_loss":1.25,"score":0.5,"scores":{"v":[0.6,0.5,0.5]},"best":true,"seconds":3.0}"#,
        "\n",
        r#"{"event":"epoch","phase":"joint","epoch":0,"train_loss":1.0,"valid_loss":null,"score":0.25,"scores":{},"best":false,"seconds":3.0}"#,
        "\n",
        r#"{"event":"ep"#,
    );

    #[test]
    fn epochs_are_found_among_other_lines() {
        let found = epochs(LOG).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].valid_loss, found[0].best), (Some(1.25), true));
        assert_eq!((found[1].valid_loss, found[1].score), (None, Some(0.25)));
        let phases: Vec<usize> = phases(&found).iter().map(|phase| phase.len()).collect();
        assert_eq!(phases, [1, 1]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = epochs("{\"event\":\"step\"}\nnonsense\n").unwrap_err();
        assert!(
            error.to_string().starts_with("line 2 of the log"),
            "{error}"
        );
    }
}
