//! What a run will be, known before it starts: its size, what an epoch walks through, and how fast
//! a run of the same kind was.

use super::runs::Step;
use super::{Data, TrainConfig};
use crate::dataset::chunks::chunks_of;
use crate::predictor::networks::{ModelConfig, Tensor};

/// Before so many steps a run says little about its speed.
const STEADY: usize = 10;
/// Events that a bundled recording is trained on, about: 2,900 to 9,800 in the seven categories
/// that this was taken from.
const EVENTS: usize = 6_000;

/// Numbers of a network of this size.
pub fn parameters(model: &ModelConfig) -> usize {
    model.tensors().iter().map(Tensor::count).sum()
}

/// What one epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Recordings that are trained on.
    pub recordings: usize,
    /// Events of their CPUs that lie in chunks with something to learn.
    pub events: usize,
    /// Steps of the optimiser.
    pub steps: usize,
}

impl Pass {
    /// Of this run on these data.
    pub fn of(config: &TrainConfig, data: &Data) -> Self {
        let chunks = chunks_of(&data.training, config.chunk);
        let events = chunks.iter().map(|chunk| {
            let tokens = data.training[chunk.recording].cpus[chunk.cpu].classes.len();
            chunk.length.min(tokens - chunk.start)
        });
        Self {
            recordings: data.training.len(),
            events: events.sum(),
            steps: chunks.len().div_ceil(config.batch.max(1)),
        }
    }

    /// About what it will be on so many recordings, which have not been read. A run that was here
    /// says how many steps an epoch has.
    pub fn ahead(known: &[Pace], config: &TrainConfig, recordings: usize) -> Self {
        let events = recordings * EVENTS;
        let steps = events.div_ceil(config.chunk.max(1)).div_ceil(config.batch.max(1));
        let [_, same] = key(config);
        let alike = |pace: &&Pace| {
            let sizes = pace.sizes == [config.batch, config.chunk];
            sizes && pace.key[1] == same && pace.per_epoch > 0
        };
        let known = known.iter().rev().find(alike).map(|pace| pace.per_epoch);
        Self { recordings, events, steps: known.unwrap_or(steps) }
    }
}

/// How fast a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The run's name.
    pub name: String,
    key: Key,
    /// Chunks of a step, events of a chunk.
    sizes: [usize; 2],
    /// Microseconds of a step, with validation and pauses in them.
    step_us: u64,
    /// Steps of an epoch.
    per_epoch: usize,
}

/// What the time of a step depends on, and what the number of steps does.
type Key = [String; 2];

fn key(c: &TrainConfig) -> Key {
    let step = format!("{:?} {} {} {}", c.model, c.batch, c.chunk, c.device);
    [step, format!("{:?} {:?} {:?} {:?}", c.traces, c.only, c.hold_out, c.kernels)]
}

impl Pace {
    /// Of a run that came so far, of so many steps in all; `None` where that says little.
    pub fn of(name: &str, config: &TrainConfig, last: &Step, steps: usize) -> Option<Self> {
        let says = last.step >= STEADY && last.wall_s.is_finite() && last.wall_s > 0.0;
        says.then(|| Self {
            name: name.to_owned(),
            key: key(config),
            sizes: [config.batch, config.chunk],
            step_us: (1e6 * last.wall_s / last.step as f64) as u64,
            per_epoch: steps / config.epochs.max(1),
        })
    }

    /// Seconds that a run of so many steps takes.
    pub fn seconds(&self, steps: usize) -> f64 {
        self.step_us as f64 * steps as f64 / 1e6
    }
}

/// The newest of these runs, the last one, whose steps are like those of `config`.
pub fn like<'p>(known: &'p [Pace], config: &TrainConfig) -> Option<&'p Pace> {
    let [step, _] = key(config);
    known.iter().rev().find(|pace| pace.key[0] == step)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    fn pace(name: &str, config: &TrainConfig, step: usize, wall_s: f64) -> Option<Pace> {
        let steps = 100 * config.epochs;
        Pace::of(name, config, &Step { step, wall_s, ..Step::default() }, steps)
    }

    #[test]
    fn the_newest_run_of_the_same_steps_says_how_long_one_takes() {
        let usual = TrainConfig::default();
        let longer = TrainConfig { epochs: usual.epochs + 1, ..usual.clone() };
        let large = TrainConfig { batch: usual.batch + 1, ..usual.clone() };
        let fewer = TrainConfig { only: vec!["hackbench".into()], ..usual.clone() };
        assert_eq!(pace("begun", &usual, STEADY - 1, 9.0), None);
        let runs = [
            pace("old", &usual, 100, 10.0),
            pace("new", &longer, 50, 10.0),
            pace("large", &large, 50, 20.0),
            pace("fewer", &fewer, 50, 5.0),
        ];
        let known: Vec<Pace> = runs.into_iter().flatten().collect();
        let named = |config| like(&known, config).map(|p| (p.name.as_str(), p.seconds(10)));
        assert_eq!(named(&usual), Some(("fewer", 1.0)), "whatever it is trained on");
        assert_eq!(named(&large), Some(("large", 4.0)));
        assert_eq!(named(&TrainConfig { chunk: 64, ..usual.clone() }), None);
        let ahead = |config: &TrainConfig| Pass::ahead(&known, config, 2).steps;
        assert_eq!(ahead(&usual), 100, "as in the runs with these recordings");
        let others = TrainConfig { kernels: vec!["6.1".into()], ..usual };
        assert_eq!(ahead(&others), (2 * EVENTS).div_ceil(256).div_ceil(8), "reckoned");
    }
}
