//! Where the time goes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time by step.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    steps: BTreeMap<&'static str, Duration>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            steps: BTreeMap::new(),
        }
    }
}

impl Stopwatch {
    /// Runs `work` and adds its time to `step`.
    pub fn time<T>(&mut self, step: &'static str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        *self.steps.entry(step).or_default() += started.elapsed();
        result
    }

    /// Milliseconds by step, to a microsecond, and `total` since the start.
    #[must_use]
    pub fn timings_ms(&self) -> BTreeMap<&'static str, f64> {
        let ms = |time: Duration| time.as_micros() as f64 / 1000.0;
        let mut timings: BTreeMap<_, _> = self
            .steps
            .iter()
            .map(|(step, time)| (*step, ms(*time)))
            .collect();
        timings.insert("total", ms(self.started.elapsed()));
        timings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up() {
        let mut watch = Stopwatch::default();
        for _ in 0..2 {
            watch.time("model", || std::thread::sleep(Duration::from_millis(2)));
        }
        let timings = watch.timings_ms();
        assert!(
            timings["model"] >= 4.0 && timings["total"] >= timings["model"],
            "{timings:?}"
        );
    }
}
