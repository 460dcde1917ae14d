//! Training steps on ready-made batches, timed: for comparing with another framework on the very
//! same numbers.

use super::batch::{Balance, Batch, normalisation};
use super::learner::Losses;
use super::{DeviceError, TrainConfig};
use crate::dataset::chunks::{Dice, Recording, chunks_of};
use crate::predictor::dense::Network;
use burn::optim::AdamWConfig;
use serde_json::json;
use std::io::{self, Write};
use std::time::Instant;

/// Batches of the first epoch and a network to fit to them.
pub struct Probe {
    config: TrainConfig,
    batches: Vec<Batch>,
}

impl Probe {
    /// The first `count` batches of `recordings` in the order of the first epoch.
    pub fn new(config: &TrainConfig, recordings: &[Recording], count: usize) -> Self {
        let mut order = chunks_of(recordings, config.chunk);
        Dice(config.seed ^ (1 << 32)).shuffle(&mut order);
        let (fixed, balance) =
            (normalisation(recordings), Balance::new(recordings, config.balance));
        let context = config.model.receptive_field() - 1;
        let chunks = order.chunks(config.batch.max(1)).take(count);
        let batches =
            chunks.map(|c| Batch::new(c, recordings, context, &fixed, &balance)).collect();
        Self { config: config.clone(), batches }
    }

    /// Tokens of all batches, context included.
    pub fn tokens(&self) -> usize {
        self.batches.iter().map(|b| b.tokens.classes[0].len()).sum()
    }

    /// Forward, backward and step over all batches, `rounds` times: seconds of each round.
    pub fn run(&self, rounds: usize) -> Result<Vec<f64>, DeviceError> {
        let device = self.config.device.open()?.autodiff();
        let mut model = Network::new(&self.config.model, self.config.seed, &device);
        let mut optimiser = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(self.config.weight_decay)
            .with_grad_clipping(Some(burn::grad_clipping::GradientClippingConfig::Norm(
                self.config.clip,
            )))
            .init();
        let mut seconds = Vec::new();
        for _ in 0..rounds {
            let start = Instant::now();
            for batch in &self.batches {
                let weight = self.config.forecast_weight;
                let losses = Losses::new(&model, batch, weight, &device);
                if let Some(total) = losses.total {
                    let _: f32 = total.clone().into_scalar();
                    let grads = model.gradients(&total, &losses.cuts);
                    model = optimiser.step(self.config.learning_rate, model, grads);
                }
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(seconds)
    }

    /// Writes the network's shapes and all batches: a line of JSON, then for each batch a line of
    /// JSON with the lengths of its arrays and the arrays, little-endian, four bytes each, in the
    /// order of the lengths.
    pub fn export(&self, to: &mut dyn Write) -> io::Result<()> {
        let shapes = self.config.model.shapes();
        let head = json!({
            "model": self.config.model, "tensors": shapes, "batches": self.batches.len(),
            "learning_rate": self.config.learning_rate, "weight_decay": self.config.weight_decay,
            "clip": self.config.clip, "forecast_weight": self.config.forecast_weight,
        });
        writeln!(to, "{head}")?;
        for b in &self.batches {
            let [kind, rank, state] = &b.tokens.classes;
            let (p, a) = (&b.picks, &b.asks);
            let ints = [
                ("kind", kind),
                ("rank", rank),
                ("state", state),
                ("pick.rows", &p.questions.rows),
                ("pick.of", &p.questions.of),
                ("pick.place", &p.place),
                ("pick.target", &p.target),
                ("forecast.rows", &a.questions.rows),
                ("forecast.of", &a.questions.of),
                ("forecast.place", &a.place),
                ("forecast.target", &a.target),
            ];
            let floats = [
                ("x", &b.tokens.x),
                ("pick.query", &p.questions.query),
                ("pick.candidates", &p.questions.candidates),
                ("pick.mask", &p.mask),
                ("pick.weight", &p.weight),
                ("forecast.query", &a.questions.query),
                ("forecast.candidates", &a.questions.candidates),
                ("forecast.mask", &a.mask),
                ("forecast.weight", &a.weight),
            ];
            let int_lengths: Vec<_> = ints.iter().map(|(name, v)| (name, v.len())).collect();
            let float_lengths: Vec<_> = floats.iter().map(|(name, v)| (name, v.len())).collect();
            let head = json!({
                "sequences": b.tokens.sequences, "widest": [p.widest, a.widest], "ints": int_lengths, "floats": float_lengths,
            });
            writeln!(to, "{head}")?;
            for (_, values) in ints {
                to.write_all(&values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
            }
            for (_, values) in floats {
                to.write_all(&values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
            }
        }
        Ok(())
    }
}
