//! How a run is shown: bars on a terminal, a line an epoch otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mesm_train::run::Event;

/// Time between two lines about steps where there is no terminal.
const QUIET: Duration = Duration::from_secs(30);

/// Shows events on the error stream.
pub(crate) struct Show {
    bar: Option<ProgressBar>,
    epochs: usize,
    steps: usize,
    last: Instant,
}

impl Show {
    /// Bars if the error stream is a terminal.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            bar: std::io::stderr().is_terminal().then(|| ProgressBar::new(1)),
            epochs: 0,
            steps: 0,
            last: Instant::now(),
        }
    }

    /// Shows one event.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Phase {
                phase,
                epochs,
                epoch,
                steps,
                step,
                valid_steps,
            } => {
                (self.epochs, self.steps) = (*epochs, *steps);
                let from = match (epoch, step) {
                    (0, 0) => String::new(),
                    _ => format!(", from epoch {} step {}", epoch + 1, step + 1),
                };
                self.line(&format!(
                    "phase {phase}: up to {epochs} epochs of {steps} steps, {valid_steps} validation batches{from}"
                ));
                self.length(*steps);
            }
            Event::Step {
                epoch,
                step,
                loss,
                rate,
                utterances_per_s,
                ..
            } => {
                let text = format!(
                    "epoch {}/{}, loss {loss:.4}, rate {rate:.1e}, {utterances_per_s:.1} utterances/s",
                    epoch + 1,
                    self.epochs
                );
                match &self.bar {
                    Some(bar) => {
                        bar.set_message(text);
                        bar.set_position(*step as u64 + 1);
                    }
                    None if self.last.elapsed() >= QUIET => {
                        self.last = Instant::now();
                        self.line(&format!("  step {}/{}: {text}", step + 1, self.steps));
                    }
                    None => {}
                }
            }
            Event::Valid { done, of } => {
                if let Some(bar) = &self.bar {
                    bar.set_message("validation");
                    bar.set_length(*of as u64);
                    bar.set_position(*done as u64);
                }
            }
            Event::Epoch {
                epoch,
                train_loss,
                valid_loss,
                scores,
                best,
                seconds,
                ..
            } => {
                let scores: Vec<String> = scores
                    .iter()
                    .map(|(name, scores)| {
                        let scores: Vec<String> = scores
                            .iter()
                            .map(|(metric, score)| format!("{metric} {score:.3}"))
                            .collect();
                        format!("{name}: {}", scores.join(", "))
                    })
                    .collect();
                self.line(&format!(
                    "  epoch {}: loss {train_loss:.4}, validation {valid_loss:.4}; {}{}; {seconds:.0} s",
                    epoch + 1,
                    scores.join("; "),
                    if *best { " (best so far)" } else { "" }
                ));
                self.length(self.steps);
            }
            Event::Ended {
                phase,
                epoch,
                score,
                weights,
            } => self.line(&format!(
                "phase {phase} ended: epoch {} is kept (score {score:.4}) in {weights}",
                epoch + 1
            )),
        }
    }

    fn length(&mut self, steps: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(steps as u64);
            bar.set_position(0);
            if let Ok(style) =
                ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} (left {eta})")
            {
                bar.set_style(style);
            }
        }
    }

    /// Shows a line of its own.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // A closed error stream is no reason to stop a run.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}

impl Default for Show {
    fn default() -> Self {
        Self::new()
    }
}
