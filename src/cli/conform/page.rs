//! The picks of one recording against its rules, as JSON and as a page.

use super::super::table::{Page, Style};
use crate::app::time::{grouped, point};
use crate::conform::words::{key_name, name, sentence};
use crate::conform::{Broken, Cause, Level, Member, Report, Ruling, Scene, Whence};
use crate::trace::{SchedClass, Trace};
use serde_json::{Map, Value, json};

/// The picks of one recording in JSON.
pub fn object(trace: &Trace, r: &Report, limit: usize) -> Value {
    let explained: Map<String, Value> = Cause::ALL
        .iter()
        .map(|c| (c.label().to_owned(), r.explained[*c as usize].into()))
        .collect();
    let meta = trace.meta();
    json!({
        "workload": meta.workload, "kernel": meta.kernel, "class": trace.machine().class.value.label(),
        "truth": r.from == Whence::Recorded, "switches": r.switches, "joined": r.joined,
        "joined_share": if r.switches == 0 { 0.0 } else { r.joined as f64 / r.switches as f64 },
        "picks": r.picks, "consistent": r.consistent, "alone": r.alone, "explained": explained,
        "unexplained": r.unexplained, "share": r.share(),
        "list": r.list.iter().take(limit).map(|b| one(trace, b)).collect::<Vec<_>>(),
    })
}

fn one(trace: &Trace, broken: &Broken) -> Value {
    let mut value = scene(trace, &broken.scene);
    let level = broken.scene.decisive();
    let at = |l: &Level| if let Ruling::Broken(at) = l.ruling { at } else { None };
    let should = level.and_then(|l| Some(name(trace, &broken.scene, l.others.get(at(l)?)?)));
    value["should"] = should.into();
    value["by_ns"] = broken.by_ns.into();
    value
}

/// A pick in JSON.
pub fn scene(trace: &Trace, s: &Scene) -> Value {
    let member = |m: &Member| {
        json!({
            "task": name(trace, s, m), "lag_ns": m.lag_ns, "deadline_ns": m.deadline_ns, "eligible": m.eligible,
            "weight": m.weight, "delayed": m.delayed, "prev": m.prev,
        })
    };
    let level = |l: &Level| {
        json!({
            "groups": l.of_groups, "chosen": member(&l.chosen), "others": l.others.iter().map(member).collect::<Vec<_>>(),
            "count": l.count, "unseen": l.unseen, "exact": l.exact, "runs_on": l.marks.runs_on, "protected": l.marks.protected,
            "preferred": l.marks.buddy, "verdict": verdict(l.ruling),
        })
    };
    json!({
        "event": s.event, "time_ns": s.time.0, "cpu": s.cpu.0, "prev": trace.label_at(s.prev, s.event),
        "chosen": trace.label_at(s.chosen, s.event), "estimated": s.from == Whence::Estimated,
        "verdict": verdict(s.ruling), "sentence": sentence(trace, s),
        "levels": s.levels.iter().map(level).collect::<Vec<_>>(),
    })
}

fn verdict(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Consistent => "consistent",
        Ruling::Explained(cause) => cause.label(),
        Ruling::Broken(_) => "unexplained",
    }
}

/// What a cause means.
fn meaning(cause: Cause, class: SchedClass) -> &'static str {
    match cause {
        Cause::Idle => "nothing was queued",
        Cause::RealTime => "a class that goes before fair tasks",
        Cause::Protected => "a slice that was begun is protected until it is used up",
        Cause::Buddy if class == SchedClass::Cfs => "preferred, and within the wake-up granularity",
        Cause::Buddy => "a group whose task went to sleep is preferred",
        Cause::Yield => "the first had just yielded",
        Cause::Delayed => "the first was asleep and was taken off the queue",
        Cause::Group => "levels of groups that were not recorded",
        Cause::Unseen => "not decided: a state that was not seen may be before",
    }
}

/// The picks of one recording as a page; `limit` of those that are not explained are listed.
pub fn page(trace: &Trace, r: &Report, limit: usize) -> String {
    let class = trace.machine().class.value;
    let mut page = Page::new(Style::Text);
    page.heading(&title(trace, r));
    let recorded = r.from == Whence::Recorded;
    let last = if recorded { "not explained" } else { "the replay disagrees" };
    page.table(&verdicts(r, class, last));
    page.line(&r.share().map_or_else(
        || "no pick could be decided".to_owned(),
        |share| {
            let share = 100.0 * share;
            format!(
                "of the picks that could be decided {share:.3} % are as the rule says or explained"
            )
        },
    ));
    if !r.list.is_empty() && limit > 0 {
        let shown = r.list.len().min(limit);
        page.heading(&format!(
            "{}, the worst first ({shown} of {})",
            upper(last),
            grouped(r.unexplained)
        ));
        page.table(&list(trace, r, class, shown));
        page.line("koracle mistakes TRACE --why EVENT takes one apart");
    }
    page.out
}

/// The recording, its kernel, and from what its picks are judged.
fn title(trace: &Trace, r: &Report) -> String {
    let (meta, class) = (trace.meta(), trace.machine().class.value);
    let source = if r.from == Whence::Recorded {
        format!(
            "the kernel's own state at {} of {} switches",
            grouped(r.joined),
            grouped(r.switches)
        )
    } else {
        "no state was recorded: estimated by a replay of the events, which may be wrong".into()
    };
    let kernel = if meta.kernel.is_empty() { "kernel not known" } else { &meta.kernel };
    format!("{} · {kernel} · {} · {source}", meta.name, class.label())
}

/// How many picks are as the rule says, are explained, and are not; `last` names those.
fn verdicts(r: &Report, class: SchedClass, last: &str) -> Vec<Vec<String>> {
    let percent = |n: u64| {
        if r.picks == 0 {
            "–".into()
        } else {
            format!("{:.3}", 100.0 * n as f64 / r.picks as f64)
        }
    };
    let mut rows = vec![["", "picks", "%", ""].map(String::from).to_vec()];
    let mut row = |what: &str, n: u64, means: &str| {
        rows.push(vec![what.into(), grouped(n), percent(n), means.into()]);
    };
    row("picks", r.picks, "");
    let alone = format!("{} of them alone in the queue", grouped(r.alone));
    row("as the rule says", r.consistent, &alone);
    for cause in Cause::ALL.into_iter().filter(|c| r.explained[*c as usize] > 0) {
        row(&cause.label().replace('_', "-"), r.explained[cause as usize], meaning(cause, class));
    }
    let means = if r.from == Whence::Recorded {
        "by the rule another one should have come in"
    } else {
        "it would have taken another one"
    };
    row(last, r.unexplained, means);
    rows
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn list(trace: &Trace, r: &Report, class: SchedClass, shown: usize) -> Vec<Vec<String>> {
    let by = format!("by {}, µs", key_name(class));
    let mut head = vec!["event", "time", "CPU", "came in", "by the rule", by.as_str()];
    // CFS has no such thing.
    let eevdf = class != SchedClass::Cfs;
    head.extend(eevdf.then_some("it was eligible"));
    let mut rows = vec![head.into_iter().map(String::from).collect()];
    for broken in r.list.iter().take(shown) {
        let s = &broken.scene;
        let Some(level) = s.decisive() else { continue };
        let at = if let Ruling::Broken(at) = level.ruling { at } else { None };
        let should = at.and_then(|at| level.others.get(at));
        let mut row = vec![
            s.event.to_string(),
            point(s.time.0, 0),
            s.cpu.0.to_string(),
            name(trace, s, &level.chosen),
            should.map_or_else(|| "–".into(), |m| name(trace, s, m)),
            format!("{:.1}", broken.by_ns as f64 / 1e3),
        ];
        row.extend(
            eevdf.then(|| {
                if level.chosen.eligible == Some(false) { "no" } else { "yes" }.to_owned()
            }),
        );
        rows.push(row);
    }
    rows
}
