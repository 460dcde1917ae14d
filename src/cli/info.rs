//! `koracle info`: what is in a recording.

use super::output;
use crate::dataset::opening;
use crate::features::Extractor;
use crate::ingest::{self, Report};
use crate::sched::runqueue::RunQueues;
use crate::text::shown;
use crate::trace::{CpuId, EventKind, Fact, Machine, Origin, Trace, TruthMeta};
use clap::ValueHint;
use color_eyre::eyre::Result;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::{self, Write};
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
fn kinds(trace: &Trace) -> serde_json::Map<String, Value> {
    let counts = EventKind::ALL.into_iter().zip(trace.kinds());
    counts.filter(|(_, n)| *n > 0).map(|(kind, n)| (kind.label().to_owned(), n.into())).collect()
}

/// What is known of the machine, and from where.
fn inference(m: &Machine) -> Value {
    fn fact<T: serde::Serialize>(value: T, of: &Fact<impl Copy>) -> Value {
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
fn truth(trace: &Trace) -> Value {
    let Some(truth) = trace.truth() else { return Value::Null };
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
    let told = args.machine.told();
    output::warn(&args.trace, &opened);
    output::warn_of_told(&args.trace, &opened.trace, &told);
    let bar = output::progress(opened.trace.len() as u64, "counting");
    // Neither needs what the other finds.
    let (counts, machine) = rayon::join(
        || count(&opened.trace, &|n| bar.set_position(n)),
        || opening::machine(&opened.trace, &told),
    );
    bar.finish_and_clear();
    opened.trace.suppose(machine);
    let summary = Summary { trace: &opened.trace, report: &opened.report, counts };
    if args.json {
        return output::json(&summary.json());
    }
    output::stdout(summary.text()?.as_bytes())
}

/// What is printed, in either form.
struct Summary<'a> {
    trace: &'a Trace,
    report: &'a Report,
    counts: Counts,
}

impl Summary<'_> {
    /// A part of all decisions: NaN, said as null, when there is nothing to predict.
    fn share(&self, part: u64) -> f64 {
        part as f64 / self.counts.decisions as f64
    }

    fn coverage(&self) -> f64 {
        self.share(self.counts.covered)
    }

    fn trivial(&self) -> f64 {
        self.share(self.counts.decisions - self.counts.non_trivial)
    }

    fn idle(&self) -> f64 {
        self.share(self.counts.idle)
    }

    fn switches_per_cpu(&self) -> Vec<usize> {
        let cpus = 0..self.trace.cpus();
        cpus.map(|cpu| self.trace.cpu_switches(CpuId(cpu as u16)).len()).collect()
    }

    /// Of each CPU's time the share that nothing is known of.
    fn unknown(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.trace.cpus()).map(|c| self.trace.unknown_share(CpuId(c as u16)))
    }

    fn json(&self) -> Value {
        let Self { trace, report, counts } = self;
        let (meta, warnings) = (trace.meta(), warnings(trace, counts));
        json!({
            "name": meta.name,
            "workload": meta.workload,
            "category": meta.category,
            "run": meta.run,
            "events": trace.len(),
            "switches": trace.switch_count(),
            "switches_per_cpu": self.switches_per_cpu(),
            "cpus": trace.cpus(),
            "start_ns": meta.start_ns,
            "kinds": kinds(trace),
            "wakeups": trace.wakeups().label(),
            "unknown": self.unknown().collect::<Vec<_>>(),
            "contradictions": trace.contradictions().0,
            "pairs": trace.contradictions().1,
            "overwritten": report.overwritten,
            "warnings": report.warnings.iter().cloned().chain(warnings).collect::<Vec<_>>(),
            "threads": trace.tasks().thread_count().saturating_sub(trace.cpus()),
            "span_ns": trace.span().0,
            "kernel": meta.kernel,
            "emulated": meta.emulated,
            "scheduler": trace.machine().class.value.label(),
            "inference": inference(trace.machine()),
            "command": meta.command,
            "truth": truth(trace),
            "lost": output::lost(trace),
            "gaps": trace.gaps().len(),
            "skipped": meta.skipped,
            "reordered": trace.reordered(),
            "truncated": report.truncated,
            "format": report.format.label(),
            "bytes": report.bytes,
            "heap_bytes": trace.heap_bytes(),
            "decisions": counts.decisions,
            "non_trivial": counts.non_trivial,
            "coverage": self.coverage(),
            "trivial_share": self.trivial(),
            "idle_share": self.idle(),
            "bad_lines": report.bad.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        self.write_origin(&mut text)?;
        self.write_events(&mut text)?;
        self.write_losses(&mut text)?;
        self.write_truth(&mut text)?;
        self.write_decisions(&mut text)?;
        Ok(text)
    }

    /// What was recorded, where, and how it came here.
    fn write_origin(&self, text: &mut String) -> fmt::Result {
        let meta = self.trace.meta();
        writeln!(text, "name        {}", or_unknown(&meta.name))?;
        let (workload, category) = (or_unknown(&meta.workload), or_unknown(&meta.category));
        writeln!(text, "workload    {workload} ({category}), run {}", meta.run)?;
        writeln!(text, "command     {}", or_unknown(&meta.command))?;
        let emulated = if meta.emulated { ", on emulated CPUs: times are stretched" } else { "" };
        writeln!(text, "kernel      {}{emulated}", or_unknown(&meta.kernel))?;
        writeln!(text, "scheduler   {}", rules(self.trace.machine()))?;
        writeln!(text, "format      {}", self.report.format.words())
    }

    /// How much there is of it.
    fn write_events(&self, text: &mut String) -> fmt::Result {
        let trace = self.trace;
        writeln!(text, "span        {:.6} s", trace.span().secs())?;
        let each = kinds(trace).into_iter().map(|(kind, n)| format!("{n} {kind}"));
        let each: Vec<String> = each.collect();
        writeln!(text, "events      {}: {}", trace.len(), each.join(", "))?;
        let (switches, cpus) = (trace.switch_count(), output::count(trace.cpus() as u64, "CPU"));
        writeln!(text, "switches    {switches} on {cpus} {:?}", self.switches_per_cpu())
    }

    /// What is missing from it.
    fn write_losses(&self, text: &mut String) -> fmt::Result {
        let (trace, report) = (self.trace, self.report);
        let lost = output::count(output::lost(trace), "event");
        let gaps = output::count(trace.gaps().len() as u64, "gap");
        writeln!(text, "lost        {lost} in {gaps}")?;
        if report.overwritten > 0 {
            let events = output::count(report.overwritten, "event");
            writeln!(text, "overwritten {events} before the first one")?;
        }
        let unknown = self.unknown().map(|share| format!("{:.1} %", 100.0 * share));
        let unknown: Vec<String> = unknown.collect();
        writeln!(text, "unknown     [{}] of the CPUs' time", unknown.join(", "))?;
        let skipped = output::count(trace.meta().skipped, report.format.unit());
        let ordered = output::count(trace.reordered(), "event");
        writeln!(text, "skipped     {skipped}; {ordered} put in order")
    }

    /// What there is of the kernel's own state: in most recordings nothing.
    fn write_truth(&self, text: &mut String) -> fmt::Result {
        let Some(rows) = self.trace.truth().map(|t| t.len() as u64) else { return Ok(()) };
        let whole = || rows as f64 / self.trace.switch_count() as f64;
        let share = self.trace.meta().truth.as_ref().map_or_else(whole, TruthMeta::share);
        writeln!(
            text,
            "truth       {rows} switches with the kernel's own state: {} of those while it was read",
            percent(share)
        )
    }

    /// What there is to predict.
    fn write_decisions(&self, text: &mut String) -> fmt::Result {
        let decisions = output::count(self.counts.decisions, "scored decision");
        writeln!(text, "coverage    {} of {decisions}", percent(self.coverage()))?;
        writeln!(text, "trivial     {} (fewer than two candidates)", percent(self.trivial()))?;
        writeln!(text, "idle        {} of decisions", percent(self.idle()))?;
        for warning in warnings(self.trace, &self.counts) {
            writeln!(text, "note        {warning}")?;
        }
        Ok(())
    }
}

/// Foreign text made fit to show, or that there is none.
fn or_unknown(text: &str) -> Cow<'_, str> {
    if text.is_empty() { "not known".into() } else { shown(text) }
}

fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.2} %", 100.0 * share) }
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
