//! How often the bundled network and two simple rules name the next task of a recording, where
//! there is a choice:
//! `cargo run --release --example score_a_model -- traces/hackbench-pipe-2g_run3.csv.zst`

use kernel_oracle::dataset::opening::{self, StatedMachine};
use kernel_oracle::evaluate::score::score;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::Weights;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path =
        std::env::args().nth(1).unwrap_or_else(|| "traces/hackbench-pipe-2g_run3.csv.zst".into());
    let trace = opening::open(Path::new(&path), &StatedMachine::default())?.trace;
    let network = StreamEngine::new(&Arc::new(Weights::bundled()?), trace.cpus());
    let mut predictors: Vec<Box<dyn Predictor>> = vec![
        Box::new(network),
        Box::new(Heuristic::new(Rule::Eevdf, 0)),
        Box::new(Heuristic::new(Rule::Fifo, 0)),
    ];
    let counts = score(&trace, &mut predictors, &Cancel::new(), &|_| {}).ok_or("cancelled")?;
    println!(
        "{} decisions, of which {} had more than one candidate",
        counts.decisions, counts.non_trivial
    );
    for (name, pick) in ["network", "eevdf", "fifo"].iter().zip(&counts.pick) {
        println!("{name:8} {:5.1} % right", 100.0 * pick.top1 as f64 / pick.asked.max(1) as f64);
    }
    Ok(())
}
