//! A stretch of a recording as a recording of its own: what is bundled is cut from longer ones.

use super::{Event, Pid, ThreadIx, Trace, TraceBuilder};
use std::ops::Range;

impl Trace {
    /// The events with these indices, as a trace that starts at its own first event. Losses inside
    /// the stretch stay; the note of the metadata says what was cut.
    #[must_use]
    pub fn cut(&self, events: Range<usize>) -> Self {
        let range = events.start.min(self.len())..events.end.min(self.len());
        let mut builder = TraceBuilder::with_capacity(range.len());
        for i in range.clone() {
            let e = self.event(i);
            let mut named =
                |id| self.tasks.get(id).map_or(id, |t| builder.task(t.pid, t.name.as_bytes()));
            let (task, next) = (named(e.task), named(e.next));
            let actor = if e.actor == ThreadIx::NONE { Pid(-1) } else { self.tasks.pid(e.actor) };
            let e = Event { task, next, ..e };
            match self.runtime(i) {
                Some(runtime) => builder.push_runtime(e, actor, runtime),
                None => builder.push(e, actor),
            }
            if let Some((truth, row)) = self.truth().and_then(|t| Some((t, t.at(i)?))) {
                builder.truth(truth.fields(), row.values());
            }
        }
        let (from, to) = if range.is_empty() {
            (0, 0)
        } else {
            (self.time(range.start).0, self.time(range.end - 1).0)
        };
        for gap in self.gaps.iter().filter(|g| g.to.0 > from && g.from.0 < to) {
            builder.gap(*gap);
        }
        let mut meta = self.meta.clone();
        let part = format!("events {} to {} of {}", range.start + 1, range.end, self.len());
        meta.note = if meta.note.is_empty() { part } else { format!("{}; {part}", meta.note) };
        if !self.gaps.iter().any(|g| g.to.0 > from && g.from.0 < to) {
            meta.lost = vec![0; meta.lost.len()];
        }
        meta.start_ns += from;
        let part = builder.finish(meta);
        let switches = part.switch_count() as u64;
        let joined = part.truth().map_or(0, |t| t.len() as u64);
        part.with_meta(|meta| {
            if let Some(truth) = &mut meta.truth {
                (truth.switches, truth.joined) = (switches, joined);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CpuId, Nanos, TraceMeta};
    use super::*;

    #[test]
    fn a_stretch_keeps_its_events_and_starts_at_zero() {
        let mut builder = TraceBuilder::default();
        let (a, b) = (builder.task(Pid(7), b"a"), builder.task(Pid(8), b"b"));
        for i in 0..10 {
            let (task, next) = if i % 2 == 0 { (a, b) } else { (b, a) };
            builder.push(
                Event { task, next, ..Event::blank(Nanos(1_000 + 10 * i), CpuId(0)) },
                Pid(7),
            );
        }
        let whole = builder.finish(TraceMeta::default());
        let part = whole.cut(4..7);
        assert_eq!((part.len(), part.meta().start_ns, part.span()), (3, 1_040, Nanos(20)));
        assert_eq!(part.meta().note, "events 5 to 7 of 10");
        let name = |t: &Trace, i| t.tasks().get(t.event(i).task).map(|t| t.name.to_string());
        assert_eq!(
            (0..3).map(|i| name(&part, i)).collect::<Vec<_>>(),
            (4..7).map(|i| name(&whole, i)).collect::<Vec<_>>()
        );
        assert_eq!(whole.cut(8..99).len(), 2);
        assert!(whole.cut(50..60).is_empty());
    }
}
