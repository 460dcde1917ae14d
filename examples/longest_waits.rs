//! The three longest waits of a recording, and who had the CPU instead:
//! `cargo run --release --example longest_waits -- traces/cfs/nginx-ab_run3.csv.zst`

use kernel_oracle::dataset::opening::{self, StatedMachine};
use kernel_oracle::stats::Table;
use kernel_oracle::stats::blame::had_the_cpu;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "traces/cfs/nginx-ab_run3.csv.zst".into());
    let trace = Arc::new(opening::open(Path::new(&path), &StatedMachine::default())?.trace);
    let table = Table::new(trace.meta().name.clone(), Arc::clone(&trace));
    for row in table.worst(0..table.waits.len(), 3) {
        let (wait, event) = (table.waits.get(row), table.event(row));
        println!("{} waited {} ns", trace.label_at(wait.thread, event), table.waits.ns(row));
        for (thread, ns) in had_the_cpu(&table, row, 3).ran {
            println!("    {} ran {ns} ns", trace.label_at(thread, event));
        }
    }
    Ok(())
}
