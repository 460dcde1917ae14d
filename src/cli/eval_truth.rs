//! `koracle eval --truth`: how far the replay's state is off the kernel's own, where a recording
//! has it, and what the rule would pick with that state.

use super::door::say;
use super::output;
use super::table::{Page, Style};
use crate::app::time::{grouped, short, short_signed};
use crate::conform::{Bound, Errors, Group, Picks, Report, Spread, Whence, errors};
use crate::dataset::opening::StatedMachine;
use crate::trace::{SchedClass, Trace};
use color_eyre::eyre::{Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// The replay corrected by each pick, and left alone.
struct Both {
    corrected: Errors,
    alone: Errors,
}

/// Compares and prints.
pub fn run(paths: &[PathBuf], told: &StatedMachine, as_json: bool) -> Result<()> {
    let (mut all, mut page) = (Vec::new(), Page::new(Style::Text));
    for path in paths {
        let trace = Arc::new(output::open(path, told)?.trace);
        let picks = Picks::new(Arc::clone(&trace));
        let report = Report::of(&picks);
        if report.from != Whence::Recorded {
            say!(
                "koracle: note: {}: the kernel's own state was not recorded (koracle record \
                  --truth)",
                path.display()
            );
            continue;
        }
        let both = Both { corrected: errors(&picks, true), alone: errors(&picks, false) };
        all.push(object(&trace, report.share(), &both));
        print(&trace, &both, &mut page);
        page.line(&report.share().map_or_else(
            || "with the kernel's own state no pick can be decided".to_owned(),
            |share| {
                format!(
                    "with the kernel's own state the rule accounts for {:.2} % of the picks that \
                     can be decided",
                    100.0 * share
                )
            },
        ));
    }
    if all.is_empty() {
        bail!("no recording has the kernel's own state");
    }
    if as_json {
        output::json(&json!({ "traces": all }))
    } else {
        output::stdout(page.out.as_bytes())
    }
}

fn object(trace: &Trace, share: Option<f64>, both: &Both) -> Value {
    let spread = |s: &Spread| json!({ "p50_ns": s.p50, "p90_ns": s.p90, "bias_ns": s.bias });
    let group = |g: &Group, keys: &[(&str, &str)]| {
        let mut value = json!({
            "picks": g.picks, "missed": g.missed, "lag": spread(&g.lag), "deadline": spread(&g.deadline),
        });
        for (key, text) in keys {
            value[*key] = (*text).into();
        }
        value
    };
    let waits = |e: &Errors| {
        let one = |g: &Group| group(g, &[("queued_by", g.cause), ("waited", g.within)]);
        e.by_wait.iter().map(one).collect::<Vec<_>>()
    };
    let by = |groups: &[Group], key: &str| {
        groups.iter().map(|g| group(g, &[(key, g.within)])).collect::<Vec<_>>()
    };
    let further = |e: &Errors| json!({ "by_time": by(&e.by_time, "since_start"), "by_queue": by(&e.by_queue, "waiting") });
    let Both { corrected, alone } = both;
    json!({
        "trace": trace.meta().name, "kernel": trace.meta().kernel, "with_truth": share,
        "corrected": waits(corrected), "alone": waits(alone),
        "over": { "corrected": further(corrected), "alone": further(alone) },
        "among_several": bound(&corrected.several, &alone.several),
    })
}

fn bound(b: &Bound, alone: &Bound) -> Value {
    json!({
        "picks": b.picks, "corrected": b.replayed(), "alone": alone.replayed(),
        "upper_bound": {
            "with_the_kernels_state": b.share(), "decided": b.decided(), "right": b.right, "wrong": b.wrong,
            "corrected": b.replayed_decided(), "alone": alone.replayed_decided(),
        },
    })
}

fn key(trace: &Trace) -> &'static str {
    if trace.machine().class.value == SchedClass::Cfs { "vruntime" } else { "deadline" }
}

fn missed(g: &Group) -> String {
    format!("{:.1}", 100.0 * g.missed as f64 / g.picks.max(1) as f64)
}

fn print(trace: &Trace, both: &Both, page: &mut Page) {
    let meta = trace.meta();
    for (name, errors) in [("corrected", &both.corrected), ("left alone", &both.alone)] {
        page.heading(&format!(
            "{} · {} · the replay, {name}, against the kernel's own state",
            meta.name, meta.kernel
        ));
        waits(trace, &errors.by_wait, page);
    }
    let divided = [
        ("since the start", &both.corrected.by_time, &both.alone.by_time),
        ("waiting", &both.corrected.by_queue, &both.alone.by_queue),
    ];
    page.heading("The same by time since the start of the recording, and by how many wait");
    for (at, (what, corrected, alone)) in divided.into_iter().enumerate() {
        if at > 0 {
            page.line("");
        }
        beside(what, corrected, alone, page);
    }
    let percent =
        |share: Option<f64>| share.map_or_else(|| "–".into(), |s| format!("{:.2}", 100.0 * s));
    let (b, alone) = (&both.corrected.several, &both.alone.several);
    page.line(&format!(
        "of {} picks among several the replay makes {} % ({} % left alone)\n\
         upper bound: with the kernel's state: pick {} % of the {} % that can be decided; there \
         the replay makes {} %",
        grouped(b.picks),
        percent(b.replayed()),
        percent(alone.replayed()),
        b.share().map_or_else(|| "–".into(), |s| format!("{:.3}", 100.0 * s)),
        percent(b.decided()),
        percent(b.replayed_decided())
    ));
}

fn waits(trace: &Trace, groups: &[Group], page: &mut Page) {
    let head = ["queued by", "waited", "picks", "missed, %"].map(String::from);
    let errors = |of: &str| [format!("{of} off p50"), "p90".into(), "bias".into()];
    let mut rows =
        vec![head.into_iter().chain(errors("lag")).chain(errors(key(trace))).collect::<Vec<_>>()];
    for g in groups {
        let spread = |s: &Spread| [short(s.p50), short(s.p90), short_signed(s.bias)];
        let head = [g.cause.to_owned(), g.within.to_owned(), grouped(g.picks), missed(g)];
        rows.push(head.into_iter().chain(spread(&g.lag)).chain(spread(&g.deadline)).collect());
    }
    page.table(&rows);
}

/// One division of both replays side by side.
fn beside(what: &str, corrected: &[Group], alone: &[Group], page: &mut Page) {
    let of = |g: &Group| [missed(g), short(g.lag.p50), short(g.lag.p90), short_signed(g.lag.bias)];
    let head = [
        "corrected: missed, %",
        "lag off p50",
        "p90",
        "bias",
        "left alone: missed, %",
        "lag off p50",
        "p90",
        "bias",
    ];
    let head = [what, "picks"].into_iter().chain(head).map(String::from).collect();
    let mut rows = vec![head];
    // The same picks are in both.
    for (a, b) in corrected.iter().zip(alone) {
        rows.push(
            [a.within.to_owned(), grouped(a.picks)].into_iter().chain(of(a)).chain(of(b)).collect(),
        );
    }
    page.table(&rows);
}
