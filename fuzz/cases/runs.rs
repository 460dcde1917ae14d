//! Folders of training runs: what is listed and exported of one, and a checkpoint that a run goes
//! on from.

use super::{parts, root};
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::ingest;
use kernel_oracle::predictor::networks::ModelConfig;
use kernel_oracle::train::{Control, Data, Stop, TrainConfig, run_controlled, runs};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

/// The files that are read, in the order of an input's parts.
const FILES: [&str; 8] = [
    "config.toml",
    "sessions.toml",
    "plan.json",
    "metrics_steps.csv",
    "metrics_epochs.csv",
    "metrics_workloads.csv",
    "ended.json",
    "run.lock",
];

/// A folder with these files.
pub fn folder(bytes: &[u8]) -> usize {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join("tcn-001");
    std::fs::create_dir(&folder).expect("room");
    for (name, part) in FILES.iter().zip(parts(bytes)) {
        std::fs::write(folder.join(name), part).expect("room");
    }
    let (list, problems) = runs::list(home.path()).expect("a readable folder");
    assert_eq!(list.len() + problems.len(), 1, "it is a run or it is told of");
    let Ok(run) = runs::open(&folder) else { return 0 };
    let _ = (run.best(), run.config.check(), run.state.label());
    let mut table = Vec::new();
    runs::export(&folder, &mut table).expect("what can be opened can be exported");
    let lines = table.split(|b| *b == b'\n').count() - 1;
    assert!(lines > runs::steps(&folder).len(), "a row for each step");
    lines
}

/// A run that was stopped after a step, and what it learns from.
struct Stopped {
    folder: TempDir,
    config: TrainConfig,
    data: Data,
    /// Its checkpoint, before anybody put another in its place.
    checkpoint: Vec<u8>,
    /// Tests run beside each other, and there is one folder.
    one: Mutex<()>,
}

static STOPPED: LazyLock<Stopped> = LazyLock::new(|| {
    let path = root().join("traces/hackbench-pipe-2g_run0.csv.zst");
    let trace = ingest::open(&path).expect("a bundled recording").trace.cut(0..2_600);
    let data =
        Data { training: vec![Recording::new(&trace, Keep::TRAINING)], validation: Vec::new() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = ModelConfig {
        channels: 2,
        kernel: 2,
        blocks: 1,
        hidden: 2,
        hidden2: 2,
        forecast: 1,
        forecast2: 1,
        ..ModelConfig::default()
    };
    let path = Some(folder.path().to_path_buf());
    let config =
        TrainConfig { model, epochs: 2, folder: path, resume: true, ..TrainConfig::default() };
    let mut stopped =
        Stopped { folder, config, data, checkpoint: Vec::new(), one: Mutex::default() };
    let control = Control::default();
    let _ = run_controlled(&stopped.config, &stopped.data, &control, &mut |p| {
        if p.stepped {
            control.stop(Stop::Leave);
        }
    });
    stopped.checkpoint =
        std::fs::read(stopped.folder.path().join("checkpoint")).expect("a run that can go on");
    stopped
});

/// A checkpoint of the stopped run, without its checksum. For seeds.
#[allow(dead_code)] // only the test that replays the corpora writes seeds
pub fn a_checkpoint() -> Vec<u8> {
    let mut bytes = STOPPED.checkpoint.clone();
    bytes.truncate(bytes.len() - 8);
    bytes
}

/// A checkpoint without its checksum, which would keep a fuzzer out. The run that goes on from it
/// is ended at once.
pub fn checkpoint(bytes: &[u8]) -> usize {
    let Stopped { folder, config, data, one, .. } = &*STOPPED;
    let _alone = one.lock().unwrap_or_else(PoisonError::into_inner);
    put(folder.path(), bytes);
    let control = Control::default();
    control.kill();
    let mut step = 0;
    let result = run_controlled(config, data, &control, &mut |p| step = p.step + 1);
    match result {
        Ok(_) | Err(kernel_oracle::train::TrainError::Cancelled) => step.max(1),
        Err(e) => {
            assert!(!e.to_string().is_empty());
            0
        }
    }
}

fn put(folder: &Path, bytes: &[u8]) {
    for old in ["checkpoint", "checkpoint.previous", "checkpoint.new", "sessions.toml"] {
        let _ = std::fs::remove_file(folder.join(old));
    }
    let whole = [bytes, &xxh3_64(bytes).to_le_bytes()].concat();
    std::fs::write(folder.join("checkpoint"), whole).expect("room");
}
