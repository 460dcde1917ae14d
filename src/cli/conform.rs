//! `koracle conform`: every pick against the rule of its scheduling class; a summary by cause, and
//! those that nothing explains.

mod all;
mod page;

pub use page::scene;

use super::door::say;
use super::output;
use crate::conform::{Picks, Report};
use crate::trace::Trace;
use all::Summary;
use clap::ValueHint;
use color_eyre::eyre::Result;
use page::{object, page};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `conform`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording, `-` for standard input; of several, or of a folder's, a summary by cause,
    /// workload and kernel.
    #[arg(value_name = "TRACE", required = true, value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
    /// List so many of the picks that nothing explains, the worst first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = super::values::whole::<usize>(0..=u64::MAX))]
    limit: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// Judges and prints.
pub fn run(args: &Args) -> Result<()> {
    let paths = output::within(&args.traces)?;
    if let [path] = &paths[..] {
        let (trace, report) = judged(path, args)?;
        return if args.json {
            output::json(&object(&trace, &report, args.limit))
        } else {
            output::stdout(page(&trace, &report, args.limit).as_bytes())
        };
    }
    let mut summary = Summary::default();
    for path in &paths {
        let (trace, report) = judged(path, args)?;
        summary.add(&trace, &report, args.limit);
    }
    if args.json { summary.json() } else { output::stdout(summary.page().as_bytes()) }
}

fn judged(path: &Path, args: &Args) -> Result<(Arc<Trace>, Report)> {
    let trace = Arc::new(output::open(path, &args.machine.told())?.trace);
    if !trace.knows_queues() {
        say!(
            "koracle: warning: {}: without wake-ups nobody knows who waits: most picks cannot be \
             judged",
            path.display()
        );
    }
    let report = Report::of(&Picks::new(Arc::clone(&trace)));
    Ok((trace, report))
}
