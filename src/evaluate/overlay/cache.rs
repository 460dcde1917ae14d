//! Predictions of a whole trace, kept on disk for the same trace and model. A file that is damaged,
//! cut or of another version is the same as none. Nothing of the trace itself is kept.

use super::{BASELINES, Chunk, Guess, Prediction};
use crate::export;
use crate::features::layout_hash;
use crate::places::User;
use crate::trace::{CpuId, ThreadIx, Trace};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Changes whenever the bytes of a record, or what the pass computes, change.
const VERSION: u64 = 7;
const MAGIC: u64 = u64::from_le_bytes(*b"koracle\x01");
/// Bytes of one prediction.
const RECORD: usize = 2 + 1 + 4 + 2 * 14 + 4 * BASELINES.len();
/// Magic, key, checksum of the records, number of CPUs.
const HEADER: usize = 32;

/// Where predictions are kept: `koracle/predictions` in the user's cache folder (XDG). `None`
/// without a home.
pub fn cache_dir() -> Option<PathBuf> {
    Some(User::Cache.folder()?.join("predictions"))
}

/// The place of one trace's predictions by one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    path: PathBuf,
    key: u64,
}

impl Cache {
    /// In `dir`, for this trace and a model with this checksum.
    pub fn new(dir: &Path, trace: &Trace, model: u64) -> Self {
        let mut hash = Xxh3::new();
        let machine = trace.machine();
        let rules =
            [machine.slice_ns.value, machine.hz.value.into(), machine.autogroup.value.into()];
        let what = [VERSION, model, layout_hash(), trace.cpus() as u64, trace.len() as u64];
        for x in what.into_iter().chain(rules) {
            hash.update(&x.to_le_bytes());
        }
        // Where ticks come, and what resets the run queues.
        for x in [trace.meta().start_ns, trace.gaps().len() as u64] {
            hash.update(&x.to_le_bytes());
        }
        for gap in trace.gaps() {
            for x in [u64::from(gap.cpu.0), gap.from.0, gap.to.0] {
                hash.update(&x.to_le_bytes());
            }
        }
        hash.update(machine.class.value.label().as_bytes());
        for (_, task) in trace.tasks().iter() {
            hash.update(&task.pid.0.to_le_bytes());
            hash.update(task.name.as_bytes());
            hash.update(&[0]);
        }
        let mut row = Vec::with_capacity(64);
        for e in trace.events() {
            row.clear();
            row.extend_from_slice(&e.time.0.to_le_bytes());
            for id in [e.task.0, e.next.0, e.actor.0] {
                row.extend_from_slice(&id.to_le_bytes());
            }
            for x in [
                e.cpu.0,
                e.from_cpu.0,
                e.to_cpu.0,
                e.state.0,
                e.prio as u16,
                e.next_prio as u16,
                e.kind as u16,
            ] {
                row.extend_from_slice(&x.to_le_bytes());
            }
            hash.update(&row);
        }
        let key = hash.digest();
        Self { path: dir.join(format!("{key:016x}.zst")), key }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All predictions of `trace`, if they are there and whole.
    pub fn load(&self, trace: &Trace) -> Option<Chunk> {
        let packed = std::fs::read(&self.path).ok()?;
        let bytes = zstd::bulk::decompress(&packed, HEADER + trace.switch_count() * RECORD).ok()?;
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let expected = [MAGIC, self.key, xxh3_64(body), trace.cpus() as u64];
        if header != expected.map(u64::to_le_bytes).concat()
            || body.len() != trace.switch_count() * RECORD
        {
            return None;
        }
        let mut records = body.chunks_exact(RECORD).map(decode);
        let per_cpu = (0..trace.cpus()).map(|cpu| {
            let n = trace.cpu_switches(CpuId(cpu as u16)).len();
            records.by_ref().take(n).collect()
        });
        Some(Chunk { per_cpu: per_cpu.collect(), end: trace.len() })
    }

    /// Writes all predictions beside the place and moves them there.
    pub fn save(&self, all: &Chunk) -> std::io::Result<()> {
        let mut body = Vec::with_capacity(all.per_cpu.iter().map(Vec::len).sum::<usize>() * RECORD);
        all.per_cpu.iter().flatten().for_each(|p| encode(p, &mut body));
        let header = [MAGIC, self.key, xxh3_64(&body), all.per_cpu.len() as u64];
        let bytes = [header.map(u64::to_le_bytes).concat(), body].concat();
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        export::write_whole(&self.path, &zstd::bulk::compress(&bytes, 1)?)
    }
}

fn encode(p: &Prediction, to: &mut Vec<u8>) {
    to.extend_from_slice(&p.queue.to_le_bytes());
    let flags = [p.trivial, p.covered, p.pick.scored, p.forecast.scored];
    to.push(flags.iter().rev().fold(0, |all, flag| all << 1 | u8::from(*flag)));
    to.extend_from_slice(&p.real.0.to_le_bytes());
    for g in [p.pick, p.forecast] {
        to.extend_from_slice(&g.thread.0.to_le_bytes());
        to.extend_from_slice(&g.p.to_le_bytes());
        to.extend_from_slice(&g.p_real.to_le_bytes());
        to.extend_from_slice(&g.rank.to_le_bytes());
    }
    p.baselines.iter().for_each(|t| to.extend_from_slice(&t.0.to_le_bytes()));
}

fn decode(record: &[u8]) -> Prediction {
    let u16_at = |i: usize| u16::from_le_bytes([record[i], record[i + 1]]);
    let u32_at =
        |i: usize| u32::from_le_bytes([record[i], record[i + 1], record[i + 2], record[i + 3]]);
    let flag = |bit: u8| record[2] >> bit & 1 != 0;
    let guess = |i: usize, bit: u8| Guess {
        thread: ThreadIx(u32_at(i)),
        p: f32::from_bits(u32_at(i + 4)),
        p_real: f32::from_bits(u32_at(i + 8)),
        rank: u16_at(i + 12),
        scored: flag(bit),
    };
    Prediction {
        queue: u16_at(0),
        trivial: flag(0),
        covered: flag(1),
        real: ThreadIx(u32_at(3)),
        pick: guess(7, 2),
        forecast: guess(21, 3),
        baselines: std::array::from_fn(|i| ThreadIx(u32_at(35 + 4 * i))),
    }
}
