//! What a phase learns from, a batch at a time, by its place alone.

use std::sync::mpsc::sync_channel;
use std::thread;

use thiserror::Error;

use crate::utterances::Utterances;

/// Batches prepared ahead of the one at work.
const AHEAD: usize = 2;

/// A batch could not be made.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct LessonError(pub String);

/// Batches that depend on nothing but epoch and step, so that a run can be taken up anywhere.
pub trait Lessons: Sync {
    /// Batches of an epoch.
    fn steps(&self) -> usize;

    /// The batch of a step.
    ///
    /// # Errors
    /// When an item cannot be read; the message names it.
    fn utterances(&self, epoch: usize, step: usize) -> Result<Utterances, LessonError>;
}

/// Hands the batches of an epoch from `first` on to `work`, which says whether to go on. Later ones are prepared on
/// another thread meanwhile.
///
/// # Errors
/// The first of a batch or of `work`.
pub fn each<E: From<LessonError>>(
    lessons: &dyn Lessons,
    epoch: usize,
    first: usize,
    mut work: impl FnMut(usize, Utterances) -> Result<bool, E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (send, receive) = sync_channel(AHEAD);
        scope.spawn(move || {
            for step in first..lessons.steps() {
                let batch = lessons.utterances(epoch, step);
                let ended = batch.is_err();
                // Nobody listens any more when the work has ended early.
                if send.send((step, batch)).is_err() || ended {
                    break;
                }
            }
        });
        for (step, batch) in receive {
            if !work(step, batch?)? {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers;

    impl Lessons for Numbers {
        fn steps(&self) -> usize {
            6
        }

        fn utterances(&self, epoch: usize, step: usize) -> Result<Utterances, LessonError> {
            if (epoch, step) == (1, 4) {
                return Err(LessonError("row 4 is damaged".to_owned()));
            }
            Ok(Utterances {
                ids: vec![format!("{epoch}/{step}")],
                ..Utterances::default()
            })
        }
    }

    fn names(epoch: usize, first: usize, last: usize) -> Result<Vec<String>, LessonError> {
        let mut names = Vec::new();
        each(&Numbers, epoch, first, |step, batch| {
            names.extend(batch.ids);
            Ok::<_, LessonError>(step < last)
        })?;
        Ok(names)
    }

    #[test]
    fn batches_come_in_order_from_any_place() {
        assert_eq!(names(0, 3, 9).unwrap(), ["0/3", "0/4", "0/5"]);
        assert_eq!(names(0, 0, 1).unwrap(), ["0/0", "0/1"]);
    }

    #[test]
    fn a_damaged_item_ends_the_epoch() {
        assert_eq!(names(1, 0, 9).unwrap_err().to_string(), "row 4 is damaged");
    }
}
