//! A pick in words: the rule, and how it led to the one that came in.

use super::ruling::{Cause, Ruling};
use super::scene::{Level, Member, Scene, Whence, Who};
use crate::trace::{SchedClass, Trace};

/// What the two sides of the axis are.
pub fn axis_name(class: SchedClass) -> &'static str {
    if class == SchedClass::Cfs { "    ran more │ ran less" } else { "ran too much │ is owed" }
}

/// What the rule goes by.
pub fn key_name(class: SchedClass) -> &'static str {
    if class == SchedClass::Cfs { "vruntime" } else { "deadline" }
}

/// Who it is.
pub fn name(trace: &Trace, scene: &Scene, member: &Member) -> String {
    let group = |of| format!("group of {}", trace.label_at(of, scene.event));
    match member.who {
        Who::Thread(thread) => trace.label_at(thread, scene.event),
        Who::Group if member.prev => group(scene.prev),
        Who::Group => group(scene.chosen),
        Who::First => "the first of the queue".into(),
        Who::Rest => "one that was not seen".into(),
    }
}

/// Virtual time without a sign.
fn span(ns: i64) -> String {
    let ns = ns.unsigned_abs();
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        _ => format!("{:.2} ms", ns as f64 / 1e6),
    }
}

/// Who it is, in a sentence.
fn spoken(trace: &Trace, scene: &Scene, member: &Member) -> String {
    let name = name(trace, scene, member);
    if member.who == Who::Group { format!("the {name}") } else { name }
}

/// The rule and how it led to this pick; for a reader who does not know the scheduler.
pub fn sentence(trace: &Trace, scene: &Scene) -> String {
    let chosen = trace.label_at(scene.chosen, scene.event);
    let text = match (scene.ruling, scene.decisive()) {
        (Ruling::Explained(Cause::Idle), _) => {
            return "Nothing that can run is queued on this CPU: it goes idle.".into();
        }
        (Ruling::Explained(Cause::RealTime), _) => {
            return format!(
                "{chosen} is of a class (real-time, deadline or stop) that goes before \
                            all fair tasks."
            );
        }
        (Ruling::Explained(Cause::Group), _) => format!(
            "{chosen} is in a group inside a group; only the two lowest levels are recorded, and \
             those above decided too."
        ),
        (_, None) => return format!("What competed with {chosen} was not seen."),
        (Ruling::Broken(Some(at)), Some(level))
            if scene.from == Whence::Estimated && scene.by_ns() == 0 && at < level.others.len() =>
        {
            let other = spoken(trace, scene, &level.others[at]);
            let (end, cfs) = (broken(scene), scene.class == SchedClass::Cfs);
            let buddy = if cfs { ", and a buddy goes first" } else { "" };
            format!(
                "the replay takes {other} before {chosen} for another reason than these numbers: \
                 those of different groups cannot be compared{buddy}. {end}"
            )
        }
        (_, Some(level)) if scene.class == SchedClass::Cfs => cfs(trace, scene, level),
        (_, Some(level)) => eevdf(trace, scene, level),
    };
    let groups = scene.levels.iter().find(|l| l.of_groups && l.count > 1);
    let above = match (groups, scene.decisive()) {
        (Some(groups), Some(level)) if !level.of_groups => between_groups(trace, scene, groups),
        _ => String::new(),
    };
    let estimated =
        if scene.from == Whence::Estimated { "Estimated from the events: " } else { "" };
    capital(&format!("{estimated}{above}{text}"))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    // Names of tasks stay as they are.
    match chars.next() {
        Some(c @ ('o' | 't' | 'n'))
            if ["of ", "the ", "one ", "not "].iter().any(|word| text.starts_with(word)) =>
        {
            c.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// What came of the groups, before the task is told.
fn between_groups(trace: &Trace, scene: &Scene, level: &Level) -> String {
    let group = name(trace, scene, &level.chosen);
    let others = level.others.iter().any(|m| matches!(m.who, Who::Group | Who::First | Who::Rest));
    let beside = if others { "other groups" } else { "tasks outside" };
    match level.ruling {
        Ruling::Explained(Cause::Buddy) => {
            format!("First the groups: the {group} was to be preferred. In it: ")
        }
        Ruling::Explained(Cause::Protected) => {
            format!("First the groups: the {group} runs on, for its slice is protected. In it: ")
        }
        _ => {
            format!("First the groups: the {group} comes before {beside} by the same rule. In it: ")
        }
    }
}

fn eevdf(trace: &Trace, scene: &Scene, level: &Level) -> String {
    let chosen = spoken(trace, scene, &level.chosen);
    let named = |at: usize| spoken(trace, scene, &level.others[at]);
    let key = |m: &Member| m.deadline_ns.unwrap_or(i64::MAX);
    let mine = key(&level.chosen);
    match level.ruling {
        Ruling::Broken(Some(at)) if key(&level.others[at]) >= mine && level.forbids() => {
            let (other, end) = (named(at), broken(scene));
            format!(
                "{chosen} had run more than its share: by the rule it was not eligible, but \
                 {other} was. {end}"
            )
        }
        Ruling::Broken(Some(at)) => {
            let by = span(mine.saturating_sub(key(&level.others[at])));
            let end = broken(scene);
            format!(
                "{} is eligible and its virtual deadline is {by} earlier than that of {chosen}: by \
                 the rule it should have come in. {end}",
                named(at)
            )
        }
        Ruling::Broken(None) => {
            let end = broken(scene);
            format!("{chosen} had run more than its share: by the rule it was not eligible. {end}")
        }
        Ruling::Explained(Cause::Protected) => format!(
            "{chosen} runs on: one that has begun a slice is protected until it is used up, \
             whoever has an earlier deadline."
        ),
        Ruling::Explained(Cause::Buddy) => format!(
            "{chosen} is preferred: one of its tasks went to sleep here before its time was used \
             up, and it is eligible; so the earlier deadlines of others do not count."
        ),
        Ruling::Explained(Cause::Delayed) => {
            let asleep = level
                .others
                .iter()
                .filter(|m| m.delayed && m.eligible == Some(true) && key(m) < mine);
            let first =
                asleep.min_by_key(|m| key(m)).map_or_else(String::new, |m| spoken(trace, scene, m));
            format!(
                "{first} comes first by the rule, but it is asleep and was only left on the queue \
                 until its lag was used up (delayed dequeue): it was taken off, and {chosen} is \
                 next."
            )
        }
        Ruling::Explained(_) => unseen(&chosen, level),
        Ruling::Consistent if level.count <= 1 || level.others.is_empty() => {
            format!("{chosen} is alone in its queue.")
        }
        Ruling::Consistent => earliest(trace, scene, level),
    }
}

/// As the rule says.
fn earliest(trace: &Trace, scene: &Scene, level: &Level) -> String {
    let chosen = spoken(trace, scene, &level.chosen);
    let key = |m: &Member| m.deadline_ns.unwrap_or(i64::MAX);
    let mine = key(&level.chosen);
    let may = level.others.iter().filter(|m| m.eligible == Some(true) && !m.delayed);
    let (eligible, next) = (1 + may.clone().count(), may.map(key).filter(|k| *k != i64::MAX).min());
    let earlier = level
        .others
        .iter()
        .filter(|m| m.eligible == Some(false) && key(m) < mine)
        .min_by_key(|m| key(m));
    let text = format!(
        "of {} that compete {eligible} {} eligible (not run more than their share); ",
        level.count,
        if eligible == 1 { "is" } else { "are" }
    );
    let who = match next {
        _ if eligible == 1 => format!("it is {chosen}, so it comes in."),
        Some(next) if next > mine => {
            format!(
                "of these {chosen} has the earliest virtual deadline, {} before the next.",
                span(next.saturating_sub(mine))
            )
        }
        Some(next) if next < mine => {
            format!(
                "{chosen} comes before those with an earlier deadline, for its group came first."
            )
        }
        _ => format!("of these {chosen} has the earliest virtual deadline."),
    };
    let but = earlier.map(|m| {
        format!(
            " {} has a deadline that is {} earlier, but has run {} more than its share: it is not \
             eligible and has to wait.",
            capital(&spoken(trace, scene, m)),
            span(mine.saturating_sub(key(m))),
            span(m.lag_ns.unwrap_or(0))
        )
    });
    let unsure = level.others.iter().any(|m| m.eligible != Some(false) && m.deadline_ns.is_none());
    let leads = if unsure && level.first_ns.is_some() {
        " It is the first of the queue's tree, which is kept by deadlines: nobody whose deadline \
         was not seen is before it."
    } else {
        ""
    };
    text + &who + &but.unwrap_or_default() + leads
}

fn cfs(trace: &Trace, scene: &Scene, level: &Level) -> String {
    let chosen = spoken(trace, scene, &level.chosen);
    let lag = level.chosen.lag_ns.unwrap_or(0);
    let first = level.others.iter().filter(|m| m.lag_ns.is_some()).max_by_key(|m| m.lag_ns);
    let (who, behind) = match first {
        Some(m) => (spoken(trace, scene, m), m.lag_ns.unwrap_or(0).saturating_sub(lag)),
        None => (String::new(), 0),
    };
    let (by, granularity) = (span(behind), span(level.granularity_ns));
    match level.ruling {
        Ruling::Broken(_) => {
            let end = broken(scene);
            let far = if level.granularity_ns > 0 {
                format!(", more than the wake-up granularity of {granularity}")
            } else {
                String::new()
            };
            format!(
                "{who} has run {by} less (virtual time) than {chosen}{far}: by the rule it should \
                 have come in. {end}"
            )
        }
        Ruling::Explained(Cause::Yield) => format!(
            "{who} has the smallest virtual run time, but it has just given up the CPU: {chosen} \
             is the next and only {by} behind it, within the wake-up granularity of {granularity}."
        ),
        Ruling::Explained(Cause::Buddy) => format!(
            "{who} has the smallest virtual run time, but {chosen} was to be preferred (a buddy: \
             one that was preempted by a wake-up, or whose group just slept) and is only {by} \
             behind it, which the wake-up granularity allows."
        ),
        Ruling::Explained(_) => unseen(&chosen, level),
        Ruling::Consistent if level.count <= 1 || level.others.is_empty() => {
            format!("{chosen} is alone in its queue.")
        }
        Ruling::Consistent => {
            let more = if behind == 0 {
                "as the next has".into()
            } else {
                format!("{} less than the next", span(behind))
            };
            format!(
                "{chosen} has the smallest virtual run time of {} that compete (the leftmost), \
                 {more}.",
                level.count
            )
        }
    }
}

fn unseen(chosen: &str, level: &Level) -> String {
    let n = level.unseen.max(1);
    let who =
        if n == 1 { "one that competes has".into() } else { format!("{n} that compete have") };
    format!("not decided, for {who} a state that was not seen and may be before {chosen}.")
}

fn broken(scene: &Scene) -> &'static str {
    match scene.from {
        Whence::Recorded => "Nothing that was recorded explains this pick.",
        Whence::Estimated => "The replay disagrees; it knows the events alone and may be wrong.",
    }
}
