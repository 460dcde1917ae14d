//! `koracle eval --truth`: how far the replay's state is off the kernel's own, where a recording has it.

use super::door::say;
use super::output;
use super::table::{Page, Style};
use crate::app::time::{grouped, short, short_signed};
use crate::conform::{Group, Picks, Report, Spread, Whence, errors};
use crate::dataset::opening::Told;
use crate::trace::{SchedClass, Trace};
use color_eyre::eyre::{Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Compares and prints.
pub fn run(paths: &[PathBuf], told: &Told, as_json: bool) -> Result<()> {
    let (mut all, mut page) = (Vec::new(), Page::new(Style::Text));
    for path in paths {
        let trace = Arc::new(output::open(path, told)?.trace);
        let picks = Picks::new(Arc::clone(&trace));
        let report = Report::of(&picks);
        if report.from != Whence::Recorded {
            say!("koracle: note: {}: the kernel's own state was not recorded (koracle record --truth)", path.display());
            continue;
        }
        let replays = [("corrected", errors(&picks, true)), ("left alone", errors(&picks, false))];
        all.push(object(&trace, report.share(), &replays));
        for (name, groups) in &replays {
            print(&trace, name, groups, &mut page);
        }
        page.line(&format!(
            "with the kernel's own state the rule accounts for {:.2} % of the picks that can be decided",
            100.0 * report.share()
        ));
    }
    if all.is_empty() {
        bail!("no recording has the kernel's own state");
    }
    if as_json { output::json(&json!({ "traces": all })) } else { output::stdout(page.out.as_bytes()) }
}

fn object(trace: &Trace, share: f64, replays: &[(&str, Vec<Group>); 2]) -> Value {
    let spread = |s: &Spread| json!({ "p50_ns": s.p50, "p90_ns": s.p90, "bias_ns": s.bias });
    let group = |g: &Group| {
        json!({
            "queued_by": g.cause, "waited": g.waited, "picks": g.picks, "missed": g.missed,
            "lag": spread(&g.lag), "deadline": spread(&g.deadline),
        })
    };
    let of = |groups: &[Group]| groups.iter().map(group).collect::<Vec<_>>();
    json!({
        "trace": trace.meta().name, "kernel": trace.meta().kernel, "with_truth": share,
        "corrected": of(&replays[0].1), "alone": of(&replays[1].1),
    })
}

fn print(trace: &Trace, replay: &str, groups: &[Group], page: &mut Page) {
    let meta = trace.meta();
    page.heading(&format!("{} · {} · the replay, {replay}, against the kernel's own state", meta.name, meta.kernel));
    let key = if trace.machine().class.value == SchedClass::Cfs { "vruntime" } else { "deadline" };
    let head = ["queued by", "waited", "picks", "missed, %"].map(String::from);
    let errors = |of: &str| [format!("{of} off p50"), "p90".into(), "bias".into()];
    let mut rows = vec![head.into_iter().chain(errors("lag")).chain(errors(key)).collect::<Vec<_>>()];
    for g in groups {
        let spread = |s: &Spread| [short(s.p50), short(s.p90), short_signed(s.bias)];
        let missed = format!("{:.1}", 100.0 * g.missed as f64 / g.picks.max(1) as f64);
        let head = [g.cause.to_owned(), g.waited.to_owned(), grouped(g.picks), missed];
        rows.push(head.into_iter().chain(spread(&g.lag)).chain(spread(&g.deadline)).collect());
    }
    page.table(&rows);
}
