//! `koracle info`: what is in a recording.

use super::output;
use crate::dataset::opening;
use crate::features::Extractor;
use crate::ingest;
use crate::sched::runqueue::RunQueues;
use crate::text::shown;
use crate::trace::{CpuId, EventKind, Fact, Machine, Origin, Trace, TruthMeta};
use clap::ValueHint;
use color_eyre::eyre::Result;
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
    #[command(flatten)]
    machine: super::told::Machine,
}

/// How much of a recording there is to predict. The same figures as
/// [`crate::evaluate::score::Counts`] has, from the run queues alone: nobody is asked, so nobody
/// needs features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    decisions: u64,
    non_trivial: u64,
    covered: u64,
    idle: u64,
}

fn count(trace: &Trace, done: &dyn Fn(u64)) -> Counts {
    const STRIDE: usize = 1 << 16;
    let (mut queues, mut counts) = (RunQueues::of(trace), Counts::default());
    let warm = Extractor::WARM_UP.min(trace.len() / 10);
    for i in 0..trace.len() {
        if i % STRIDE == 0 {
            done(i as u64);
        }
        let Some(e) = trace.queue_event(i) else { continue };
        queues.observe(&e, trace);
        if e.kind != EventKind::Switch {
            queues.apply(&e, trace);
            continue;
        }
        queues.begin_switch(&e, trace.tasks());
        let next = trace.tasks().thread_on(e.next, e.cpu);
        if i >= warm && !trace.follows_unknown(i) {
            let candidates = queues.candidates(e.cpu);
            counts.decisions += 1;
            counts.non_trivial += u64::from(candidates.len() >= 2 && trace.knows_queues());
            counts.covered += u64::from(candidates.contains(&next));
            counts.idle += u64::from(queues.is_idle(next));
        }
        queues.finish_switch(&e, trace.tasks());
    }
    counts
}

/// Events of each kind that there are.
fn kinds(trace: &Trace) -> serde_json::Map<String, serde_json::Value> {
    let counts = EventKind::ALL.into_iter().zip(trace.kinds());
    counts.filter(|(_, n)| *n > 0).map(|(kind, n)| (kind.label().to_owned(), n.into())).collect()
}

/// What is known of the machine, and from where.
fn inference(m: &Machine) -> serde_json::Value {
    fn fact<T: serde::Serialize>(value: T, of: &Fact<impl Copy>) -> serde_json::Value {
        json!({ "value": value, "from": of.from.label(), "confidence": of.confidence })
    }
    json!({
        "class": fact(m.class.value.label(), &m.class),
        "hz": fact(m.hz.value, &m.hz),
        "slice_ns": fact(m.slice_ns.value, &m.slice_ns),
        "autogroup": fact(m.autogroup.value, &m.autogroup),
    })
}

/// What there is of the kernel's own state; null in most recordings.
fn truth(trace: &Trace) -> serde_json::Value {
    let Some(truth) = trace.truth() else { return serde_json::Value::Null };
    // Where no metadata say what was joined, all switches are held against it.
    let told = trace.meta().truth.clone().unwrap_or_else(|| TruthMeta {
        switches: trace.switch_count() as u64,
        joined: truth.len() as u64,
        ..TruthMeta::default()
    });
    json!({
        "joined": told.share(),
        "rows": truth.len(),
        "switches": told.switches,
        "lost": told.lost,
        "unmatched": told.unmatched,
        "apart_ns": told.apart_ns,
        "tool": told.tool,
        "fields": truth.fields().iter().map(|f| f.column()).collect::<Vec<_>>(),
        "missing": told.missing,
    })
}

/// The same in words.
fn rules(m: &Machine) -> String {
    fn from<T>(of: &Fact<T>) -> String {
        match of.from {
            Origin::Inferred => format!("inferred, {:.0} % sure", 100.0 * of.confidence),
            from => from.label().into(),
        }
    }
    let autogroup = if m.autogroup.value { "on" } else { "off" };
    format!(
        "{} ({}), {} Hz ({}), slice {:.2} ms ({}), autogroup {autogroup} ({})",
        m.class.value.label(),
        from(&m.class),
        m.hz.value,
        from(&m.hz),
        m.slice_ns.value as f64 / 1e6,
        from(&m.slice_ns),
        from(&m.autogroup)
    )
}

/// What must be known before the figures are believed, and why coverage is low where it is.
fn warnings(trace: &Trace, counts: &Counts) -> Vec<String> {
    let mut said = trace.caveats();
    let missed = counts.decisions - counts.covered;
    if missed * 50 > counts.decisions && trace.knows_queues() {
        said.push(format!(
            "coverage is low: in {missed} of {} decisions a task came in that no event had made \
             runnable on that CPU",
            counts.decisions
        ));
    }
    said
}

/// Prints the summary.
pub fn run(args: &Args) -> Result<()> {
    let mut opened = ingest::open(&args.trace)?;
    output::warn(&args.trace, &opened);
    let bar = output::progress(opened.trace.len() as u64, "counting");
    // Neither needs what the other finds.
    let (counts, machine) = rayon::join(
        || count(&opened.trace, &|n| bar.set_position(n)),
        || opening::machine(&opened.trace, &args.machine.told()),
    );
    bar.finish_and_clear();
    opened.trace.suppose(machine);
    let (trace, report) = (&opened.trace, &opened.report);
    // NaN, said as null, when there is nothing to predict.
    let share = |part: u64| part as f64 / counts.decisions as f64;
    let (coverage, idle) = (share(counts.covered), share(counts.idle));
    let trivial = share(counts.decisions - counts.non_trivial);
    let meta = trace.meta();
    let lost = output::lost(trace);
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
            "start_ns": meta.start_ns,
            "kinds": kinds(trace),
            "wakeups": trace.wakeups().label(),
            "unknown": (0..trace.cpus()).map(|c| trace.unknown_share(CpuId(c as u16))).collect::<Vec<_>>(),
            "contradictions": trace.contradictions(),
            "overwritten": report.overwritten,
            "warnings": report.warnings.iter().cloned().chain(warnings(trace, &counts)).collect::<Vec<_>>(),
            "threads": trace.tasks().thread_count().saturating_sub(trace.cpus()),
            "span_ns": trace.span().0,
            "kernel": meta.kernel,
            "emulated": meta.emulated,
            "scheduler": trace.machine().class.value.label(),
            "inference": inference(trace.machine()),
            "command": meta.command,
            "truth": truth(trace),
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
    let or = |text: &str| {
        if text.is_empty() { "not known".to_owned() } else { shown(text).into_owned() }
    };
    let mut text = String::new();
    writeln!(text, "name        {}", or(&meta.name))?;
    writeln!(
        text,
        "workload    {} ({}), run {}",
        or(&meta.workload),
        or(&meta.category),
        meta.run
    )?;
    writeln!(text, "command     {}", or(&meta.command))?;
    let emulated = if meta.emulated { ", on emulated CPUs: times are stretched" } else { "" };
    writeln!(text, "kernel      {}{emulated}", or(&meta.kernel))?;
    writeln!(text, "scheduler   {}", rules(trace.machine()))?;
    writeln!(text, "format      {}", report.format.words())?;
    writeln!(text, "span        {:.6} s", trace.span().secs())?;
    let each: Vec<String> =
        kinds(trace).into_iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    writeln!(text, "events      {}: {}", trace.len(), each.join(", "))?;
    let count = |n: usize, what: &str| output::count(n as u64, what);
    let percent = |share: f64| {
        if share.is_nan() { "–".to_owned() } else { format!("{:.2} %", 100.0 * share) }
    };
    writeln!(
        text,
        "switches    {} on {} {switches_per_cpu:?}",
        trace.switch_count(),
        count(trace.cpus(), "CPU")
    )?;
    writeln!(
        text,
        "lost        {} in {}",
        output::count(lost, "event"),
        count(trace.gaps().len(), "gap")
    )?;
    if report.overwritten > 0 {
        writeln!(
            text,
            "overwritten {} before the first one",
            output::count(report.overwritten, "event")
        )?;
    }
    let unknown: Vec<String> = (0..trace.cpus())
        .map(|c| trace.unknown_share(CpuId(c as u16)))
        .map(|share| format!("{:.1} %", 100.0 * share))
        .collect();
    writeln!(text, "unknown     [{}] of the CPUs' time", unknown.join(", "))?;
    let ordered = output::count(trace.reordered(), "event");
    writeln!(
        text,
        "skipped     {}; {ordered} put in order",
        output::count(meta.skipped, report.format.unit())
    )?;
    if let Some(rows) = trace.truth().map(|t| t.len() as u64) {
        let share =
            meta.truth.as_ref().map_or(rows as f64 / trace.switch_count() as f64, TruthMeta::share);
        let said = "with the kernel's own state";
        writeln!(
            text,
            "truth       {rows} switches {said}: {} of those while it was read",
            percent(share)
        )?;
    }
    let decisions = output::count(counts.decisions, "scored decision");
    writeln!(text, "coverage    {} of {decisions}", percent(coverage))?;
    writeln!(text, "trivial     {} (fewer than two candidates)", percent(trivial))?;
    writeln!(text, "idle        {} of decisions", percent(idle))?;
    for warning in warnings(trace, &counts) {
        writeln!(text, "note        {warning}")?;
    }
    output::stdout(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::catalog::Catalog;
    use crate::evaluate::score::score;
    use crate::job::Cancel;
    use std::path::Path;

    #[test]
    fn the_run_queues_alone_count_what_a_scoring_counts() {
        let catalog = Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")).unwrap();
        // One run of each workload.
        let entries: Vec<_> =
            catalog.entries.iter().filter(|e| e.name().ends_with("_run3")).collect();
        assert_eq!(entries.len(), catalog.entries.iter().filter(|e| e.run == 3).count());
        assert!(entries.len() >= 50);
        for entry in entries {
            let trace = crate::ingest::open(&catalog.path(entry)).unwrap().trace;
            let full = score(&trace, &mut [], &Cancel::new(), &|_| {}).unwrap();
            let found = count(&trace, &|_| {});
            assert!(found.non_trivial > 0, "{}", entry.name());
            let full = [full.decisions, full.non_trivial, full.covered, full.idle];
            assert_eq!(
                [found.decisions, found.non_trivial, found.covered, found.idle],
                full,
                "{}",
                entry.name()
            );
        }
    }
}
