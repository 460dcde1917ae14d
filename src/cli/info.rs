//! `koracle info`: what is in a recording.

use super::output;
use crate::evaluate::score;
use crate::job::Cancel;
use crate::trace::CpuId;
use clap::ValueHint;
use color_eyre::eyre::{Result, eyre};
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Options of `info`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    trace: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints the summary.
pub fn run(args: &Args) -> Result<()> {
    let opened = output::open(&args.trace)?;
    let (trace, report) = (&opened.trace, &opened.report);
    let counts = score::score(trace, &mut [], &Cancel::new(), &|_| {}).ok_or_else(|| eyre!("cancelled"))?;
    let share = |part: u64| if counts.decisions == 0 { 0.0 } else { part as f64 / counts.decisions as f64 };
    let (coverage, idle) = (share(counts.covered), share(counts.idle));
    let trivial = share(counts.decisions - counts.non_trivial);
    let meta = trace.meta();
    let in_gaps: u64 = trace.gaps().iter().map(|g| g.lost).sum();
    let lost = meta.lost.iter().sum::<u64>().max(in_gaps);
    let threads = (0..trace.cpus()).map(|cpu| trace.cpu_switches(CpuId(cpu as u16)).len());
    let switches_per_cpu: Vec<usize> = threads.collect();
    if args.json {
        return output::json(&json!({
            "name": meta.name,
            "workload": meta.workload,
            "category": meta.category,
            "run": meta.run,
            "events": trace.len(),
            "switches": trace.switch_count(),
            "switches_per_cpu": switches_per_cpu,
            "cpus": trace.cpus(),
            "threads": trace.tasks().thread_count().saturating_sub(trace.cpus()),
            "span_ns": trace.span().0,
            "kernel": meta.kernel,
            "scheduler": meta.scheduler.label(),
            "command": meta.command,
            "lost": lost,
            "gaps": trace.gaps().len(),
            "skipped": meta.skipped,
            "reordered": trace.reordered(),
            "truncated": report.truncated,
            "format": report.format.label(),
            "bytes": report.bytes,
            "heap_bytes": trace.heap_bytes(),
            "decisions": counts.decisions,
            "non_trivial": counts.non_trivial,
            "coverage": coverage,
            "trivial_share": trivial,
            "idle_share": idle,
            "bad_lines": report.bad.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    let or = |text: &str| if text.is_empty() { "not known".to_owned() } else { text.to_owned() };
    let mut text = String::new();
    writeln!(text, "name        {}", or(&meta.name))?;
    writeln!(text, "workload    {} ({}), run {}", or(&meta.workload), or(&meta.category), meta.run)?;
    writeln!(text, "command     {}", or(&meta.command))?;
    writeln!(text, "kernel      {} ({})", or(&meta.kernel), meta.scheduler.label())?;
    writeln!(text, "format      {}", report.format.label())?;
    writeln!(text, "span        {:.6} s", trace.span().secs())?;
    writeln!(text, "events      {}", trace.len())?;
    writeln!(text, "switches    {} on {} CPUs {switches_per_cpu:?}", trace.switch_count(), trace.cpus())?;
    writeln!(text, "lost        {lost} events in {} gaps", trace.gaps().len())?;
    writeln!(text, "skipped     {} lines; {} events put in order", meta.skipped, trace.reordered())?;
    writeln!(text, "coverage    {:.2} % of {} scored decisions", 100.0 * coverage, counts.decisions)?;
    writeln!(text, "trivial     {:.2} % (fewer than two candidates)", 100.0 * trivial)?;
    writeln!(text, "idle        {:.2} % of decisions", 100.0 * idle)?;
    output::stdout(text.as_bytes())
}
