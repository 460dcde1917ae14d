//! `koracle bench`: what this machine needs for a decision, for reading, for a frame. One thread,
//! but for text, which is read on all.

pub(super) mod decisions;
mod early;
mod mistakes;
mod screens;
mod whole;

use super::door::say;
use super::output;
use crate::dataset::catalog::{self, Catalog};
use crate::dataset::chunks::{Keep, Recording};
use crate::features::{Decision, Extractor, Forecast, Outcome, Sink, Token};
use crate::predictor::Predictor;
use crate::predictor::networks::{Kind, ModelConfig};
use crate::trace::{CpuId, Event, Nanos, Pid, TaskId, Trace, TraceBuilder, TraceMeta};
use crate::train::{Probe, TrainConfig};
use crate::{ingest, job, ui};
use color_eyre::eyre::{Result, eyre};
use serde_json::json;
use std::time::Instant;

/// Of several readings of the same bytes the fastest counts: the machine does other things too.
const READINGS: usize = 3;
/// Recordings that decisions are measured on; the last one has long queues, and is for
/// [`decisions::report`] alone.
const RECORDINGS: [&str; 3] =
    ["hackbench-pipe-2g_run3", "sysbench-threads-8t_run3", "hackbench-socket-4g_run3"];
/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The TCN's model file, or a run of one; without it, the bundled one.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["training", "screens", "steps"], value_hint = clap::ValueHint::FilePath)]
    model: Option<std::path::PathBuf>,
    /// Measure also how fast each kind of network trains.
    #[arg(long, conflicts_with_all = ["training", "screens", "steps"])]
    train: bool,
    /// Measure frames on this recording; without it, on a bundled one repeated until it has a
    /// million events.
    #[arg(long, value_name = "TRACE", value_hint = clap::ValueHint::FilePath)]
    frames: Option<std::path::PathBuf>,
    /// Measure only the interface, while so many networks train on the bundled recordings and the
    /// recording of `--frames` plays: frames, keys, pauses.
    #[arg(long, value_name = "RUNS", requires = "frames", value_parser = super::values::whole::<u64>(1..=64))]
    training: Option<u64>,
    #[command(flatten)]
    screens: Measured,
    /// Measure only training steps of a network of this kind, on ready-made batches of the bundled
    /// recordings.
    #[arg(long, value_name = "KIND", conflicts_with_all = ["training", "frames"])]
    steps: Option<Kind>,
    /// Measure only decisions of the TCN.
    #[arg(long, conflicts_with_all = ["training", "frames", "screens", "steps", "train"])]
    decisions: bool,
    #[command(flatten)]
    stepped: Stepped,
    /// Seconds that `--training` takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, requires = "training", value_parser = super::values::whole::<u64>(1..=3_600))]
    seconds: u64,
}

/// The recording whose screens are measured, and what it is made into.
#[derive(Debug, clap::Args)]
struct Measured {
    /// Measure only opening this recording, its tables of waits and tasks, and frames of the
    /// screens that show them.
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["training", "frames", "steps"], value_hint = clap::ValueHint::FilePath)]
    screens: Option<std::path::PathBuf>,
    /// With `--screens`: the recording side by side until there are so many CPUs, each copy with
    /// threads of its own.
    #[arg(long, value_name = "N", requires = "screens", value_parser = super::values::whole::<u16>(1..=8192))]
    cpus: Option<u16>,
    /// With `--screens`: repeated until there are so many events.
    #[arg(long, value_name = "N", requires = "screens", value_parser = super::values::whole::<u64>(1..=u64::MAX))]
    events: Option<u64>,
}

/// What training steps are measured on, and where their batches go.
#[derive(Debug, clap::Args)]
struct Stepped {
    /// Write the batches of `--steps` to this file, for another program to train on.
    #[arg(long, value_name = "FILE", requires = "steps", value_hint = clap::ValueHint::FilePath)]
    batches: Option<std::path::PathBuf>,
    /// Channels of the network of `--steps`, if not the usual ones.
    #[arg(long, requires = "steps", value_parser = super::values::whole::<usize>(0..=u64::MAX))]
    channels: Option<usize>,
    /// Blocks (layers of an LSTM) of the network of `--steps`, if not the usual ones.
    #[arg(long, requires = "steps", value_parser = super::values::whole::<usize>(0..=u64::MAX))]
    blocks: Option<usize>,
}

/// All tokens of a recording.
#[derive(Default)]
struct Tokens(Vec<(CpuId, Token)>);

impl Sink for Tokens {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.0.push((cpu, *token));
    }
    fn decision(&mut self, _: &Decision<'_>) {}
    fn outcome(&mut self, _: &Outcome) {}
    fn forecast(&mut self, _: &Forecast<'_>) {}
}

/// Nanoseconds per token of the trunk alone, over blocks of 256 tokens.
pub(super) fn trunk<E: Predictor>(trace: &Trace, mut engine: E) -> Vec<u64> {
    let mut tokens = Tokens::default();
    let mut extractor = Extractor::new(trace);
    for i in 0..trace.len() {
        extractor.step(trace, i, &mut tokens);
    }
    let block = |block: &[(CpuId, Token)]| {
        let start = Instant::now();
        for (cpu, token) in block {
            engine.token(*cpu, token);
        }
        start.elapsed().as_nanos() as u64 / block.len() as u64
    };
    tokens.0.chunks(256).map(block).collect()
}

/// Median and 99th percentile.
pub(super) fn quantiles(mut of: Vec<u64>) -> (u64, u64) {
    of.sort_unstable();
    let at = |q: f64| {
        of.get(((of.len() as f64 * q) as usize).min(of.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    (at(0.5), at(0.99))
}

/// The same recording `beside` times at once, each copy on CPUs of its own and with threads of its
/// own, again and again until there are `events`.
fn laid_out(trace: &Trace, events: usize, beside: usize) -> Trace {
    let mut builder = TraceBuilder::with_capacity(events + trace.len() * beside);
    let (tasks, cpus) = (trace.tasks(), trace.cpus());
    let most = tasks.iter().map(|(_, t)| t.pid.0).max().unwrap_or(0).saturating_add(1);
    let pid = |pid: Pid, copy: usize| if pid.0 > 0 { Pid(pid.0 + most * copy as i32) } else { pid };
    let mut copies = Vec::new();
    for copy in 0..beside {
        copies.push(
            tasks
                .iter()
                .map(|(_, t)| builder.task(pid(t.pid, copy), t.name.as_bytes()))
                .collect::<Vec<TaskId>>(),
        );
    }
    let mut shift = 0;
    while builder.len() < events && !trace.is_empty() {
        for e in trace.events() {
            let actor = if tasks.is_idle(e.actor) { Pid(0) } else { tasks.pid(e.actor) };
            for (copy, ids) in copies.iter().enumerate() {
                let id = |t: TaskId| ids.get(t.0 as usize).copied().unwrap_or(TaskId::NONE);
                let on = |cpu: CpuId| {
                    if cpu == CpuId::NONE { cpu } else { CpuId(cpu.0 + (copy * cpus) as u16) }
                };
                let (task, next, cpu) = (id(e.task), id(e.next), on(e.cpu));
                let (from_cpu, to_cpu) = (on(e.from_cpu), on(e.to_cpu));
                let moved =
                    Event { time: Nanos(e.time.0 + shift), task, next, cpu, from_cpu, to_cpu, ..e };
                builder.push(moved, pid(actor, copy));
            }
        }
        shift += trace.span().0 + 1_000;
    }
    let cpus = (cpus * beside) as u16;
    builder.finish(TraceMeta {
        name: "repeated".into(),
        cpus,
        lost: Vec::new(),
        ..trace.meta().clone()
    })
}

/// Batches that training steps are measured on.
const BATCHES: usize = 60;

/// Measures training steps on one thread and prints.
fn steps(args: &Args, kind: Kind) -> Result<()> {
    let dir = catalog::bundled_dir().ok_or_else(|| eyre!(catalog::NOT_FOUND))?;
    let catalog = Catalog::load(&dir)?;
    let usual = ModelConfig::of(kind);
    let model = ModelConfig {
        channels: args.stepped.channels.unwrap_or(usual.channels),
        blocks: args.stepped.blocks.unwrap_or(usual.blocks),
        ..usual
    };
    let config = TrainConfig { model, ..TrainConfig::default() };
    config.check().map_err(super::wrong)?;
    let these =
        |e: &&catalog::Entry| RECORDINGS[..2].iter().any(|r| r.replace("run3", "run0") == e.name());
    let mut recordings = Vec::new();
    for entry in catalog.entries.iter().filter(these) {
        recordings.push(Recording::new(&ingest::open(&catalog.path(entry))?.trace, Keep::TRAINING));
    }
    let probe = Probe::new(&config, &recordings, BATCHES);
    if let Some(path) = &args.stepped.batches {
        output::write(path, |to| Ok(probe.export(to)?))?;
    }
    // The first round warms up.
    let seconds = job::on_one_thread(|| probe.run(READINGS))??
        .into_iter()
        .skip(1)
        .fold(f64::INFINITY, f64::min);
    let tokens = probe.tokens();
    output::json(&json!({
        "model": model, "batches": BATCHES, "tokens": tokens, "seconds": seconds,
        "events_per_s": (tokens as f64 / seconds).round(), "threads": 1,
    }))
}

/// Measures the interface beside trainings and prints.
fn busy(args: &Args, trace: &std::path::Path, runs: u64) -> Result<()> {
    let home = tempfile::tempdir()?;
    say!("koracle: reading recordings, then {} s with {runs} trainings", args.seconds);
    let time = std::time::Duration::from_secs(args.seconds);
    let size = (200, 50);
    let busy =
        ui::bench_busy(trace, runs, home.path().into(), time, size).map_err(|e| eyre!("{e}"))?;
    let ms = |ns: u64| (ns as f64 / 1e3).round() / 1e3;
    let of = |times: Vec<u64>| {
        let (most, n) = (times.iter().copied().max().unwrap_or(0), times.len());
        let (p50, p99) = quantiles(times);
        json!({ "p50": ms(p50), "p99": ms(p99), "max": ms(most), "n": n })
    };
    let result = json!({
        "runs": runs, "seconds": args.seconds, "size": [size.0, size.1],
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "frame_ms": of(busy.frames), "key_to_screen_ms": of(busy.keys), "pause_ms": of(busy.pauses),
        "steps": busy.steps, "events_per_s": busy.events_per_s.iter().map(|x| x.round()).collect::<Vec<_>>(),
    });
    output::json(&result)
}

/// Measures and prints.
pub fn run(args: &Args) -> Result<()> {
    if let Some(kind) = args.steps {
        return steps(args, kind);
    }
    if let Some(path) = &args.screens.screens {
        return screens::measure(path, args);
    }
    if let (Some(runs), Some(trace)) = (args.training, &args.frames) {
        return busy(args, trace, runs);
    }
    whole::measure(args)
}
