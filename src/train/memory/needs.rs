//! How much memory a run takes: the recordings that it keeps, and a step's activations, gradients
//! and optimiser. Reckoned from the sizes; the factors are fitted to peaks of the process that were
//! measured, and are a little too large.

use super::{Bound, RESERVE, Room, size};
use crate::dataset::catalog::{Catalog, Entry, Split};
use crate::dataset::chunks::SAMPLED;
use crate::dataset::chunks::chunks_of;
use crate::features::{CAND, THREAD};
use crate::train::{Data, Target, TrainConfig, Wrong, cost};
use std::path::PathBuf;

/// Bytes that are kept of a recording for each byte of its packed file, and bytes that it takes
/// while it is read: all its events and questions, before most of the questions are left out.
const KEPT: u64 = 32;
const READ: u64 = 650;
/// Bytes of a packed recording whose file is not known: the bundled ones' mean.
const USUAL_SIZE: u64 = 62 << 10;
/// So many times larger is a file that is not packed.
const UNPACKED: u64 = 10;
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
    let picks = load.candidates * (3 * CAND + 4 * (m.hidden + m.hidden2));
    let asks = load.forecasts * SAMPLED[1] * (3 * THREAD + 4 * (m.forecast + m.forecast2));
    let parameters = cost::parameters(m);
    // Another device has memory of its own; what it is given passes through this one.
    let graph =
        if config.device == Target::Cpu { trunk + picks + asks } else { (picks + asks) / 3 };
    // Gradients and two moments; and when there is no graph, the copies that a checkpoint is made
    // of.
    4 * (graph.max(6 * parameters) + 5 * parameters) as u64
}

/// Bytes that each recording's file has, or would have when it was packed.
pub fn sizes(catalog: &Catalog) -> Vec<u64> {
    let size = |entry: &Entry| {
        let path = catalog.path(entry);
        let size = std::fs::metadata(&path).map_or(USUAL_SIZE, |file| file.len());
        let is_packed =
            path.extension().is_some_and(|end| ["zst", "gz", "xz"].iter().any(|e| end == *e));
        if is_packed { size } else { size / UNPACKED }
    };
    catalog.entries.iter().map(size).collect()
}

/// What a run will meet: the memory that is left, and the recordings that it can choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// `None`: nothing is known.
    pub room: Option<Room>,
    /// The recordings that are known of; others are weighed when they are read.
    pub recordings: Vec<Entry>,
    /// Bytes of each one's packed file ([`sizes`]); of those behind the end nothing is known.
    pub sizes: Vec<u64>,
    /// So many are read at once; 0 is one.
    pub readers: usize,
    /// Where those are, as in [`TrainConfig::traces`].
    pub traces: Option<PathBuf>,
    /// Why there are no bundled recordings.
    pub missing: Option<String>,
}

impl Outlook {
    /// Sizes of the recordings of a split that such a run reads, as far as they are known of.
    fn of(&self, split: Split, config: &TrainConfig) -> impl Iterator<Item = u64> {
        let filter = config.filter(split);
        let known = self.recordings.iter().enumerate().filter(|_| self.traces == config.traces);
        let size = |i: usize| self.sizes.get(i).copied().unwrap_or(USUAL_SIZE);
        known.filter(move |(_, entry)| filter.takes(entry)).map(move |(i, _)| size(i))
    }

    /// Recordings that such a run is fitted to; 0 where they are not known of.
    pub fn training(&self, config: &TrainConfig) -> usize {
        self.of(Split::Train, config).count()
    }

    /// What is kept of them, and what the largest take while they are read: what reading gave back
    /// is in pieces, and hardly serves the steps.
    pub(super) fn recordings(&self, config: &TrainConfig) -> u64 {
        let splits = [Split::Train, Split::Validation].into_iter();
        let mut sizes: Vec<u64> = splits.flat_map(|split| self.of(split, config)).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let at_once = sizes.iter().take(self.readers.max(1)).sum::<u64>();
        sizes.iter().sum::<u64>() * KEPT + at_once * READ
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
