//! Training steps.

use burn::module::Module;
use burn::optim::lr_scheduler::LrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrSchedulerConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use mesm::{Batch, Model};

use crate::{BenchError, Clock, Spread};

/// A model that learns, with its optimizer.
struct Learner {
    model: Model,
    optimizer: ModuleOptimizer,
}

impl Learner {
    /// Forward, the mean of the squared logits as a loss, backward, Adam.
    async fn step(mut self, batch: &Batch) -> Result<Self, BenchError> {
        let output = self.model.forward_async(batch).await?;
        let loss = (output.logits.clone() * output.logits).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let rates = ModuleLrSchedulerConfig::new(LrSchedulerConfig::Constant(1e-6))
            .init()
            .map_err(BenchError::Device)?
            .step();
        self.model = self.optimizer.step(rates, self.model, gradients);
        Ok(self)
    }
}

/// Seconds of whole training steps of each of the `models`, in turns. They and the batch are on a device that records
/// gradients.
///
/// # Errors
/// When a model or the device fails.
pub async fn training(
    models: Vec<Model>,
    batch: &Batch,
    rounds: usize,
    clock: Clock,
) -> Result<Vec<Spread>, BenchError> {
    let mut learners: Vec<Option<Learner>> = models
        .into_iter()
        .map(|model| {
            Some(Learner {
                model: model.train(),
                optimizer: AdamConfig::new().init(),
            })
        })
        .collect();
    let mut seconds = vec![Vec::with_capacity(rounds); learners.len()];
    for round in 0..=rounds {
        for (learner, seconds) in learners.iter_mut().zip(&mut seconds) {
            let Some(ready) = learner.take() else {
                continue;
            };
            let start = clock();
            *learner = Some(Box::pin(ready.step(batch)).await?);
            // The first step makes the optimizer's state.
            if round > 0 {
                seconds.push(clock() - start);
            }
        }
    }
    Ok(seconds.into_iter().map(Spread::of).collect())
}
