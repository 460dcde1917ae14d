//! How much memory a run takes: the recordings that it keeps, and a step's activations, gradients
//! and optimiser. Reckoned from the sizes; the factors are fitted to peaks of the process that were
//! measured, and are a little too large.

use super::{Bound, MIB, RESERVE, Room, size};
use crate::dataset::catalog::{Entry, Split};
use crate::dataset::chunks::SAMPLED;
use crate::dataset::chunks::chunks_of;
use crate::features::{CAND, THREAD};
use crate::train::{Data, Target, TrainConfig, Wrong, cost};
use std::path::PathBuf;

/// A recording in memory, about: the bundled ones take 6 MiB on average.
const RECORDING: u64 = 8 * MIB;
/// Candidates and forecasts per scored token, before the recordings are known.
const USUAL: [f64; 2] = [2.2, 0.2];
/// Where nothing can be found out about the machine, a step is meant to take so much at most.
const UNKNOWN: u64 = 8 << 30;
/// A run that takes more than this share of what there is can be hurt by whatever else runs.
const TIGHT: f64 = 0.7;

/// What one step works on.
struct Load {
    /// Of all sequences side by side, context and padding included.
    tokens: usize,
    candidates: usize,
    forecasts: usize,
}

/// Bytes that the largest step on these recordings takes beyond what is there before it.
pub(super) fn step(config: &TrainConfig, data: &Data) -> u64 {
    let context = config.model.receptive_field() - 1;
    let (mut span, mut candidates, mut forecasts) = (0, Vec::new(), Vec::new());
    for chunk in chunks_of(&data.training, config.chunk) {
        let cpu = &data.training[chunk.recording].cpus[chunk.cpu];
        let end = (chunk.start + chunk.length).min(cpu.classes.len());
        span = span.max(end - chunk.start.saturating_sub(context));
        candidates.push(
            cpu.picks.at[chunk.picks(cpu)].iter().map(|p| usize::from(p.count)).sum::<usize>(),
        );
        forecasts.push(chunk.asks(cpu).len());
    }
    let n = config.batch.min(candidates.len());
    let most = |mut counts: Vec<usize>| {
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.iter().take(n).sum()
    };
    bytes(
        config,
        &Load { tokens: n * span, candidates: most(candidates), forecasts: most(forecasts) },
    )
}

/// As [`step`], before the recordings are known.
pub(super) fn usual_step(config: &TrainConfig) -> u64 {
    let scored = (config.batch * config.chunk) as f64;
    let [candidates, forecasts] = USUAL.map(|share| (scored * share) as usize);
    let tokens = config.batch * (config.chunk + config.model.receptive_field() - 1);
    bytes(config, &Load { tokens, candidates, forecasts })
}

fn bytes(config: &TrainConfig, load: &Load) -> u64 {
    let m = &config.model;
    let trunk = load.tokens * m.channels * (m.blocks * m.kind.remembered() + 6);
    let picks = load.candidates * 3 * (CAND + m.hidden + m.hidden2);
    let asks = load.forecasts * SAMPLED[1] * 3 * (THREAD + m.forecast + m.forecast2);
    let parameters = cost::parameters(m);
    // Another device has memory of its own; what it is given passes through this one.
    let graph =
        if config.device == Target::Cpu { trunk + picks + asks } else { (picks + asks) / 3 };
    // Gradients and two moments; and when there is no graph, the copies that a checkpoint is made
    // of.
    4 * (graph.max(6 * parameters) + 5 * parameters) as u64
}

/// What a run will meet: the memory that is left, and the recordings that it can choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// `None`: nothing is known.
    pub room: Option<Room>,
    /// The recordings that are known of; others are weighed when they are read.
    pub recordings: Vec<Entry>,
    /// Where those are, as in [`TrainConfig::traces`].
    pub traces: Option<PathBuf>,
    /// Why there are no bundled recordings.
    pub missing: Option<String>,
}

impl Outlook {
    /// Recordings of a split that such a run reads, as far as they are known of.
    fn of(&self, split: Split, config: &TrainConfig) -> usize {
        let filter = config.filter(split);
        let known = self.recordings.iter().filter(|_| self.traces == config.traces);
        known.filter(|entry| filter.takes(entry)).count()
    }

    /// Recordings that such a run is fitted to; 0 where they are not known of.
    pub fn training(&self, config: &TrainConfig) -> usize {
        self.of(Split::Train, config)
    }

    fn recordings(&self, config: &TrainConfig) -> u64 {
        let read = [Split::Train, Split::Validation].map(|split| self.of(split, config));
        read.iter().sum::<usize>() as u64 * RECORDING
    }

    /// Refuses a run that has nothing to train on, and settings that cannot fit, at the one that
    /// weighs most; what there is to say of those that hardly do.
    pub fn check(&self, config: &TrainConfig) -> Result<Option<String>, Wrong> {
        if let Some(missing) = self.missing.as_ref().filter(|_| config.traces.is_none()) {
            let problem =
                format!("nothing to train on: {missing}; or name a folder of recordings here");
            return Err(Wrong { setting: "traces", problem });
        }
        let (step, kept) = (usual_step(config), self.recordings(config));
        let (free, of) = self.room.map_or((UNKNOWN, Bound::Machine), |room| (room.free, room.of));
        let need = step + kept + RESERVE;
        let all = size(need);
        let parts =
            format!("{} a step, {} recordings, {} to spare", size(step), size(kept), size(RESERVE));
        if need > free {
            let usual = TrainConfig::default();
            let setting = match () {
                () if kept > step => "only",
                () if config.batch > usual.batch => "batch",
                () if config.chunk > usual.chunk => "chunk",
                () if config.model.blocks > usual.model.blocks => "blocks",
                () => "channels",
            };
            let problem =
                format!("the run takes about {all} ({parts}), {} are left {of}", size(free));
            return Err(Wrong { setting, problem });
        }
        let tight = need as f64 > TIGHT * free as f64;
        Ok(tight.then(|| {
            format!("the run takes about {all} of the {} that are left {of} ({parts})", size(free))
        }))
    }
}
