//! Several threads that cut utterances, and one that takes them in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::cut::Cutter;
use super::utterance::Utterance;
use crate::manifest::{FaceFinder, Failure, ManifestError, Parts};

/// Rows that each thread has ready ahead of the one that writes.
const AHEAD: usize = 2;

/// Makes what finds faces, one for each thread.
pub type Finders<'a> = dyn Fn() -> Box<dyn FaceFinder> + Sync + 'a;

/// Cuts `jobs` with so many threads and hands the results to `take` in the order of the jobs, until it fails.
///
/// # Errors
/// Those of `take`, and of a cut that ends the making.
pub(super) fn cut_in_order(
    jobs: &[&Utterance],
    threads: usize,
    finders: &Finders<'_>,
    mut take: impl FnMut(usize, Result<Parts, Failure>) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    let threads = threads.clamp(1, jobs.len().max(1));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut ready: Vec<Receiver<Result<Parts, Failure>>> = Vec::new();
        for first in 0..threads {
            let (send, receive) = sync_channel(AHEAD);
            ready.push(receive);
            let (jobs, ended) = (jobs, &ended);
            scope.spawn(move || {
                let mut cutter = Cutter::new(finders());
                // Each thread has its own jobs, so that what is ahead stays bounded without a queue to sort.
                for job in jobs.iter().skip(first).step_by(threads) {
                    if ended.load(Ordering::Relaxed) || send.send(cutter.cut(job)).is_err() {
                        break;
                    }
                }
            });
        }
        let outcome = (0..jobs.len()).try_for_each(|number| {
            let cut = ready[number % threads].recv();
            let cut = cut.map_err(|_| ManifestError::Faces {
                reason: "a thread that cuts utterances ended early".to_owned(),
            })?;
            take(number, cut)
        });
        ended.store(true, Ordering::Relaxed);
        drop(ready);
        outcome
    })
}
