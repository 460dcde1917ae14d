//! Which of a few colours each task has. The tasks that ran most in the visible window have one of
//! their own; a task keeps its colour while it is among them. All others have the colour that their
//! name and pid give, which others may share.

use crate::replay::lod::Pyramid;
use crate::trace::{ThreadIx, Trace};
use std::collections::HashMap;

use super::View;

/// So many colours there are.
pub const COLOURS: usize = 18;
/// Names of one thread that are looked at.
const NAMES: usize = 16;

/// A task of the visible window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Who.
    pub thread: ThreadIx,
    /// An event at which it is called as it was for most of that time.
    pub event: usize,
    /// Share of the CPUs' known time in which it ran, 0..1.
    pub share: f32,
    /// It may have run longer: more tasks ran than are summed up.
    pub least: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Colours {
    of: HashMap<ThreadIx, u8>,
    /// The tasks that ran most in the visible window, in this order; at most [`COLOURS`].
    pub seen: Vec<Seen>,
    /// Tasks that ran there too, at least: they share those colours.
    pub others: usize,
    /// The window that this was found for.
    view: Option<View>,
}

/// The colour that name and pid give: the same in every session.
fn own(trace: &Trace, thread: ThreadIx) -> u8 {
    let tasks = trace.tasks();
    // FNV-1a.
    let name = tasks.thread_name(thread).bytes();
    let pid = tasks.pid(thread).0.to_le_bytes();
    let hash = name
        .chain(pid)
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    ((hash ^ (hash >> 32)) % COLOURS as u64) as u8
}

/// An event at which a thread has the name under which it ran longest in the window.
fn named_at(trace: &Trace, pyramid: &Pyramid, view: View, thread: ThreadIx) -> usize {
    let times = trace.times();
    let names = trace.names_of(thread);
    // Those that it has in the window: the one that reaches into it, and later ones.
    let before = |at: u64| names.partition_point(|(e, _)| times[*e as usize] <= at);
    let (first, end) = (before(view.start).saturating_sub(1), before(view.end()));
    let ran = |i: usize| {
        let time = |i: usize| names.get(i).map_or(view.end(), |(e, _)| times[*e as usize]);
        let from = time(i).max(view.start);
        let width = time(i + 1).min(view.end()).saturating_sub(from);
        let threads = pyramid.longest(trace, from, width).threads;
        threads.iter().find(|(of, _)| *of == thread).map_or(0, |(_, ns)| *ns)
    };
    let shown = first.max(end.saturating_sub(NAMES))..end;
    // Most have one name: nothing is summed up for them. Of equals the last one.
    let most = if shown.len() > 1 { shown.max_by_key(|i| ran(*i)) } else { None };
    let most = most.unwrap_or(first);
    names.get(most).map_or(0, |(event, _)| *event as usize)
}

impl Colours {
    /// Those that somebody else chose.
    pub fn chosen(of: HashMap<ThreadIx, u8>) -> Self {
        Self { of, ..Self::default() }
    }

    /// A task's colour; none for idle and for nobody.
    pub fn of(&self, trace: &Trace, thread: ThreadIx) -> Option<u8> {
        if thread == ThreadIx::NONE || trace.tasks().is_idle(thread) {
            return None;
        }
        Some(self.of.get(&thread).copied().unwrap_or_else(|| own(trace, thread)))
    }

    /// Gives colours to what is visible now.
    pub fn look(&mut self, trace: &Trace, pyramid: &Pyramid, view: View) {
        if self.view.replace(view) == Some(view) {
            return;
        }
        let longest = pyramid.longest(trace, view.start, view.width);
        let known = longest.known.max(1) as f32;
        let mut seen = longest.threads;
        seen.sort_unstable_by_key(|&(thread, ns)| (std::cmp::Reverse(ns), thread));
        self.others = seen.len().saturating_sub(COLOURS);
        seen.truncate(COLOURS);
        let least = longest.missing as f32 / known >= 0.005;
        let seen = seen.into_iter().map(|(thread, ns)| {
            let event = named_at(trace, pyramid, view, thread);
            Seen { thread, event, share: ns as f32 / known, least }
        });
        self.seen = seen.collect();
        self.assign(trace);
    }

    fn assign(&mut self, trace: &Trace) {
        let mut taken = [false; COLOURS];
        let mut new = Vec::new();
        for seen in &self.seen {
            // The one it had before, or the one it would have alone.
            match self.of.get(&seen.thread) {
                Some(&colour) if !taken[usize::from(colour)] => taken[usize::from(colour)] = true,
                _ => new.push(seen.thread),
            }
        }
        for thread in new {
            let own = usize::from(own(trace, thread));
            let free =
                (0..COLOURS).map(|i| (own + i * 7) % COLOURS).find(|&c| !taken[c]).unwrap_or(own);
            taken[free] = true;
            self.of.insert(thread, free as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{CpuId, Event, Nanos, Pid, TraceBuilder, TraceMeta};

    /// A CPU on which tasks run one after the other, each as often as it is named.
    fn trace(stints: impl Iterator<Item = i32>) -> Trace {
        let mut b = TraceBuilder::default();
        let mut prev = 0;
        for (t, pid) in stints.enumerate() {
            let (task, next) = (b.task(Pid(prev), b"t"), b.task(Pid(pid), b"t"));
            let event = Event {
                task,
                next,
                prio: 120,
                next_prio: 120,
                ..Event::blank(Nanos(t as u64 * 1_000), CpuId(0))
            };
            b.push(event, Pid(prev));
            prev = pid;
        }
        b.finish(TraceMeta::default())
    }

    #[test]
    fn what_is_visible_has_colours_that_differ_and_keeps_them_while_one_scrolls() {
        let trace = trace((0..600).map(|i| 1 + i / 100 * 3 + i % 5));
        let pyramid = Pyramid::build(&trace);
        let view = View::fit(trace.span().0);
        let mut colours = Colours::default();
        let mut before: HashMap<ThreadIx, u8> = HashMap::new();
        for step in 0..100 {
            colours.look(&trace, &pyramid, view.at(step * 5_000, 90_000));
            let now: Vec<u8> =
                colours.seen.iter().filter_map(|s| colours.of(&trace, s.thread)).collect();
            let mut apart = now.clone();
            apart.sort_unstable();
            apart.dedup();
            assert_eq!(
                (apart.len(), now.len()),
                (colours.seen.len(), colours.seen.len()),
                "all differ: {now:?}"
            );
            let kept: HashMap<ThreadIx, u8> =
                colours.seen.iter().map(|s| s.thread).zip(now).collect();
            for (thread, colour) in &kept {
                assert!(
                    before.get(thread).is_none_or(|had| had == colour),
                    "{thread:?} changed its colour"
                );
            }
            before = kept;
        }
        assert_eq!(colours.of(&trace, ThreadIx(0)), None, "idle has none");
    }

    /// A shell that soon becomes another program is called as that one, as the lanes call it.
    #[test]
    fn a_task_is_called_as_it_was_for_most_of_the_window() {
        let mut b = TraceBuilder::default();
        let at = |ns| Event::blank(Nanos(ns), CpuId(0));
        let [idle, sh, awk] = [(0, "t"), (5, "sh"), (5, "awk")];
        for (ns, out, next) in [(0, idle, sh), (100, sh, idle), (200, idle, awk), (900, awk, idle)]
        {
            let (task, next) =
                (b.task(Pid(out.0), out.1.as_bytes()), b.task(Pid(next.0), next.1.as_bytes()));
            b.push(Event { task, next, prio: 120, next_prio: 120, ..at(ns) }, Pid(out.0));
        }
        let trace = b.finish(TraceMeta::default());
        let pyramid = Pyramid::build(&trace);
        let called = |start, width| {
            let mut colours = Colours::default();
            colours.look(&trace, &pyramid, View::fit(trace.span().0).at(start, width));
            let seen = colours.seen[0];
            trace.name_at(seen.thread, seen.event).to_owned()
        };
        assert_eq!([called(0, 900), called(0, 150), called(0, 250)], ["awk", "sh", "sh"]);
    }

    #[test]
    fn shares_are_those_of_the_window() {
        let trace = trace((0..101).map(|i| if i % 4 == 0 { 7 } else { 8 }));
        let mut colours = Colours::default();
        colours.look(&trace, &Pyramid::build(&trace), View::fit(trace.span().0));
        let shares: Vec<(i32, f32, bool)> = colours
            .seen
            .iter()
            .map(|s| (trace.tasks().pid(s.thread).0, s.share, s.least))
            .collect();
        assert_eq!(shares.iter().map(|s| (s.0, s.2)).collect::<Vec<_>>(), [(8, false), (7, false)]);
        assert!(
            (shares[0].1 - 0.75).abs() < 0.01 && (shares[1].1 - 0.25).abs() < 0.01,
            "{shares:?}"
        );
    }
}
