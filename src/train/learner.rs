//! What learns: the network, its optimiser and what the run has come to. Just that is what a
//! checkpoint saves, so that a run that goes on from one is the run that was stopped.

use super::batch::Batch;
use super::{Figures, Progress, Target, TrainConfig, TrainError, Validation};
use crate::predictor::dense::{Cut, Network};
use crate::predictor::networks::Question;
use burn::module::Module;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// A loss above this, in nats per decision, is no loss any more: a uniform guess among twenty costs
/// 3.
const HOPELESS: f32 = 1e3;

/// What a checkpoint knows besides the numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Steps done.
    pub step: usize,
    /// Epochs done, with their validation.
    pub epoch: usize,
    /// The best of them, from 1.
    pub best_epoch: usize,
    pub best_score: f64,
    pub validation: Validation,
    /// Seconds that the run took so far.
    pub wall_s: f64,
    /// How often it was resumed.
    pub session: usize,
}

impl State {
    pub(super) fn progress(&self) -> Progress {
        Progress {
            epoch: self.epoch,
            step: self.step,
            figures: Figures { wall_s: self.wall_s, ..Figures::default() },
            session: self.session,
            best_epoch: self.best_epoch,
            ..Progress::default()
        }
    }
}

/// See the module.
pub(super) struct Learner {
    pub state: State,
    pub model: Network,
    pub optimiser: ModuleOptimizer,
}

impl Learner {
    /// One that has learned nothing yet.
    pub(super) fn new(config: &TrainConfig, device: &Device) -> Result<Self, TrainError> {
        // Drawn on the CPU whatever the device, so that a seed means the same network everywhere.
        let mut model = Network::new(&config.model, config.seed, &Target::Cpu.open()?.autodiff());
        if config.device != Target::Cpu {
            model = model.fork(device);
        }
        let clipping = burn::grad_clipping::GradientClippingConfig::Norm(config.clip);
        let optimiser = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(config.weight_decay)
            .with_grad_clipping(Some(clipping))
            .init();
        Ok(Self { state: State::default(), model, optimiser })
    }

    /// One step down the gradient of `total`.
    pub(super) fn learn(mut self, total: &Tensor<1>, cuts: &[Cut], rate: f64) -> Self {
        let grads = self.model.gradients(total, cuts);
        self.model = self.optimiser.step(rate, self.model, grads);
        self
    }
}

/// What a batch costs.
pub(super) struct Losses {
    /// The weighted mean losses of both heads, added, for the gradient; `None`: nothing is scored
    /// in this batch.
    pub total: Option<Tensor<1>>,
    /// Each as a number: pick, forecast. NaN where nothing is scored.
    pub each: [f32; 2],
    /// Where the graph was cut.
    pub cuts: Vec<Cut>,
}

impl Losses {
    pub(super) fn new(
        model: &Network,
        batch: &Batch,
        forecast_weight: f32,
        device: &Device,
    ) -> Self {
        let floats =
            |v: &[f32]| Tensor::<1>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
        let ints =
            |v: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
        let (h, cuts) = model.trunk_cut(&batch.tokens, device);
        let mut total: Option<Tensor<1>> = None;
        let mut each = [f32::NAN; 2];
        let kinds = [
            (Question::Pick, &batch.picks, 1.0),
            (Question::Forecast, &batch.asks, forecast_weight),
        ];
        for (each, (of, asked, share)) in each.iter_mut().zip(kinds) {
            let n = asked.target.len();
            if n == 0 {
                continue;
            }
            let scores = model.scores(of, &h, &asked.questions, device);
            // [questions, widest]: rows are padded with candidate 0, pushed out of the softmax by a
            // large negative number.
            let z = scores.select(0, ints(&asked.place)).reshape([n, asked.widest]);
            let z = z + floats(&asked.mask).reshape([n, asked.widest]);
            let real = log_softmax(z, 1).gather(1, ints(&asked.target).reshape([n, 1]));
            let loss = (real.reshape([n]) * floats(&asked.weight)).sum().neg();
            *each = loss.clone().into_scalar();
            let loss = loss * share;
            total = Some(total.map_or(loss.clone(), |t| t + loss));
        }
        Self { total, each, cuts }
    }

    /// The loss that a run has diverged with, if it has.
    pub(super) fn diverged(&self) -> Option<f32> {
        let sum: f32 = self.total.clone()?.into_scalar();
        let value = self.each.iter().filter(|l| !l.is_nan()).sum::<f32>();
        let hopeless = !sum.is_finite() || sum > HOPELESS;
        hopeless.then_some(if value.is_finite() { sum } else { value })
    }
}
