//! Filter expressions and model files.

use super::root;
use kernel_oracle::evaluate::mistakes::Table;
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::filter::{complete, parse};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::predictor::networks::ModelConfig;
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::trace::Trace;
use std::sync::{Arc, LazyLock};
use xxhash_rust::xxh3::xxh3_64;

/// The beginning of a real recording, and a little behind the events that are context only.
static TRACE: LazyLock<Trace> = LazyLock::new(|| {
    let path = root().join("traces/hackbench-pipe-2g_run0.csv.zst");
    ingest::open(&path).expect("a bundled recording").trace.cut(0..2_400)
});

/// Its decisions, answered by two rules.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut model, mut other) = (Heuristic::new(Rule::Fifo, 0), Heuristic::new(Rule::Lifo, 0));
    let table =
        collect(&TRACE, "fuzz".into(), &mut model, Some(&mut other), &Cancel::new(), &|_| ());
    table.filter(|t| t.len() > 20).expect("decisions")
});

/// A byte for the place of the cursor, then an expression.
pub fn filter(bytes: &[u8]) -> usize {
    let Some((at, text)) = bytes.split_first() else { return 0 };
    let text = String::from_utf8_lossy(text);
    let length = text.chars().count();
    let at = usize::from(*at) % (length + 1);
    let completion = complete(&TABLE, &text, at);
    assert!(completion.start <= completion.end && completion.end == at);
    if let Ok(expr) = kernel_oracle::stats::column::parse(&text) {
        assert_eq!(kernel_oracle::stats::column::parse(&expr.to_string()), Ok(expr));
    }
    match parse(&text) {
        Ok(expr) => {
            let rows = expr.rows(&TABLE);
            assert_eq!(parse(&expr.to_string()).as_ref(), Ok(&expr), "as it is written");
            assert!(rows.count() <= TABLE.len());
            1 + rows.count()
        }
        Err(e) => {
            assert!(e.start < e.end && e.start <= length, "{e}");
            assert!(!e.problem.is_empty() && e.pointer().trim_start().starts_with('^'));
            0
        }
    }
}

/// The smallest model of today's layout, without its checksum. For seeds.
#[allow(dead_code)] // only the test that replays the corpora writes seeds
pub fn a_model() -> Vec<u8> {
    let small = ModelConfig {
        channels: 1,
        kernel: 2,
        blocks: 1,
        hidden: 1,
        hidden2: 1,
        forecast: 1,
        ..ModelConfig::default()
    };
    let config = ModelConfig { forecast2: 1, ..small };
    let mut next = 1_u32;
    let mut number = || {
        next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Above zero, since a temperature is.
        ((next >> 24) + 1) as f32 / 256.0
    };
    let shapes = config.shapes().into_iter();
    let tensors = shapes
        .map(|(name, shape)| (name, (0..shape.iter().product()).map(|_| number()).collect()))
        .collect();
    let weights = Weights::new(config, Provenance::default(), tensors).expect("its own shapes");
    let mut bytes = weights.to_bytes();
    bytes.truncate(bytes.len() - 8);
    bytes
}

/// A model file without its checksum, which would keep a fuzzer out.
pub fn model(bytes: &[u8]) -> usize {
    // As they are, and as somebody writes them who knows how to sum up.
    let _ = Weights::from_bytes(bytes);
    let whole = [bytes, &xxh3_64(bytes).to_le_bytes()].concat();
    let Ok(weights) = Weights::from_bytes(&whole) else { return 0 };
    let again = Weights::from_bytes(&weights.to_bytes()).map(|w| w.to_bytes());
    assert_eq!(again.ok(), Some(weights.to_bytes()), "written and read again");
    let floats = weights.parameters();
    let mut engine = StreamEngine::new(&Arc::new(weights), TRACE.cpus());
    let part = TRACE.cut(0..120);
    collect(&part, "fuzz".into(), &mut engine, None, &Cancel::new(), &|_| ())
        .expect("nobody cancelled");
    floats
}
