//! A pick as a picture: all that competed for it on an axis of lag.

use super::ruling::Ruling;
use super::scene::{Level, Member, Scene, Whence, Who};
use super::words::{key_name, name, sentence};
use crate::trace::{SchedClass, Trace};

/// Cells of the axis, the average in the middle.
pub const AXIS: usize = 25;

/// One that competed, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Who.
    pub name: String,
    /// Its thread, if it is one.
    pub who: Who,
    /// Lag, virtual ns.
    pub lag_ns: Option<i64>,
    /// Deadline (CFS: virtual run time), virtual ns, from where lag is measured.
    pub key_ns: Option<i64>,
    /// [`AXIS`] cells: its place by lag, those that are owed time to the right.
    pub axis: String,
    /// What else there is to say.
    pub note: String,
    /// It came in.
    pub chosen: bool,
}

/// A level, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// In a few words.
    pub title: String,
    /// Those that competed.
    pub lines: Vec<Line>,
    /// Who is not among them.
    pub rest: Option<String>,
}

/// A pick, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Whose rule.
    pub class: SchedClass,
    /// What the rule goes by.
    pub key: &'static str,
    /// See [`sentence`].
    pub sentence: String,
    /// From the root down.
    pub levels: Vec<Shown>,
}

impl Picture {
    /// Of a pick, with at most `most` on each level.
    pub fn of(trace: &Trace, scene: &Scene, most: usize) -> Self {
        let level = |l: &Level| {
            let (lines, left) = lines(trace, scene, l, most);
            let by_deadline = scene.class != SchedClass::Cfs;
            let untold =
                |m: &&Member| m.lag_ns.is_none() || (by_deadline && m.deadline_ns.is_none());
            let listed = l.others.iter().filter(untold).count();
            let rest = match (left, l.unseen.saturating_sub(listed)) {
                (0, 0) => None,
                (left, 0) => Some(format!("and {left} more")),
                (0, unseen) => Some(format!("and {unseen} whose state was not seen")),
                (left, unseen) => {
                    Some(format!("and {left} more, and {unseen} whose state was not seen"))
                }
            };
            Shown { title: title(scene, l), lines, rest }
        };
        let levels = scene.levels.iter().map(level).collect();
        Self {
            class: scene.class,
            key: key_name(scene.class),
            sentence: sentence(trace, scene),
            levels,
        }
    }
}

/// A level in a few words.
fn title(scene: &Scene, level: &Level) -> String {
    let what = if level.of_groups { "groups, and tasks beside them" } else { "tasks in one queue" };
    let from = match scene.from {
        Whence::Recorded => "recorded",
        Whence::Estimated => "estimated",
    };
    format!("{what} · {} compete · {from}", level.count.max(1 + level.others.len()))
}

/// The one that came in and those before it by the rule, then the next ones; at most `most`, and
/// how many are left out.
fn lines(trace: &Trace, scene: &Scene, level: &Level, most: usize) -> (Vec<Line>, usize) {
    let cfs = scene.class == SchedClass::Cfs;
    let key = |m: &Member| if cfs { m.lag_ns.map(i64::wrapping_neg) } else { m.deadline_ns };
    let mut all: Vec<&Member> = level.others.iter().chain([&level.chosen]).collect();
    all.sort_by_key(|m| (key(m).is_none(), key(m), !std::ptr::eq(*m, &raw const level.chosen)));
    let at = all.iter().position(|m| std::ptr::eq(*m, &raw const level.chosen)).unwrap_or(0);
    let left = all.len().saturating_sub(most);
    // Those around the one that came in.
    let from = at.saturating_sub(most.saturating_sub(3)).min(left);
    // The sentence may be about the first, and about the one that should have come in.
    let should =
        if let Ruling::Broken(Some(at)) = level.ruling { level.others.get(at) } else { None };
    let told = [Some(&level.chosen), should, all.first().copied()].into_iter().flatten();
    let mut shown: Vec<&Member> = Vec::new();
    for m in told.chain(all[from..].iter().copied()) {
        if shown.len() < most && !shown.iter().any(|s| std::ptr::eq(*s, m)) {
            shown.push(m);
        }
    }
    shown.sort_by_key(|m| all.iter().position(|a| std::ptr::eq(*a, *m)));
    let widest = shown.iter().filter_map(|m| m.lag_ns).map(i64::unsigned_abs).max().unwrap_or(0);
    let line = |m: &&Member| {
        let chosen = std::ptr::eq(*m, &raw const level.chosen);
        Line {
            name: name(trace, scene, m),
            who: m.who,
            lag_ns: m.lag_ns,
            key_ns: key(m),
            axis: axis(m, widest, chosen),
            note: note(level, m, chosen, cfs),
            chosen,
        }
    };
    (shown.iter().map(line).collect(), left)
}

/// `●` who came in, `○` another, `·` who may not be taken, `z` who sleeps.
fn axis(m: &Member, widest: u64, chosen: bool) -> String {
    let middle = AXIS / 2;
    let mut cells = vec![' '; AXIS];
    cells[middle] = '│';
    if let Some(lag) = m.lag_ns {
        let reach = i128::from(widest.max(1));
        let half = i128::from(lag.signum()) * reach;
        let moved = (i128::from(lag) * middle as i128 * 2 + half) / (2 * reach);
        let place = (middle as i128 + moved).clamp(0, AXIS as i128 - 1) as usize;
        cells[place] = match () {
            () if chosen => '●',
            () if m.delayed => 'z',
            () if m.eligible == Some(false) => '·',
            () => '○',
        };
    }
    cells.into_iter().collect()
}

fn note(level: &Level, m: &Member, chosen: bool, cfs: bool) -> String {
    let mut notes = Vec::new();
    if chosen {
        notes.push("came in");
    }
    if m.lag_ns.is_none() {
        notes.push("state not seen");
    }
    if m.eligible == Some(false) && !cfs {
        notes.push("not eligible");
    }
    if m.gone {
        notes.push("asleep, taken off");
    } else if m.delayed {
        notes.push("asleep, still queued");
    }
    if m.prev {
        notes.push("just left");
    }
    if chosen && level.marks.runs_on && level.marks.protected {
        notes.push("protected");
    }
    if chosen && level.marks.buddy {
        notes.push("preferred");
    }
    notes.join(", ")
}
