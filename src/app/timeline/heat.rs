//! The columns of a heat map: how much one CPU had, or several together, of use, of misses, of
//! queue.

use super::Timeline;
use super::rows::Heat;
use crate::app::answers::Score;
use crate::replay::levels::Merge;
use crate::replay::load::{Column, Load};
use crate::trace::CpuId;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// It lies outside the recording.
    Outside,
    /// The recording says nothing.
    Unknown,
    /// The predictions that it needs are not there yet.
    Pending,
    /// There was nothing to count.
    Nothing,
    /// So much of what there can be, 0..1.
    Share(f32),
}

/// Sums of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Warm {
    /// How busy.
    pub load: Load,
    /// Decisions and misses.
    pub score: Score,
    /// Longest queue.
    pub queue: u16,
    /// Predictions are missing.
    pending: bool,
    /// CPUs for which the column lies inside the recording.
    inside: u32,
}

impl Warm {
    /// Puts two together.
    pub fn add(&mut self, other: &Self) {
        self.load.merge(&other.load);
        self.score.merge(&other.score);
        self.queue = self.queue.max(other.queue);
        self.pending |= other.pending;
        self.inside += other.inside;
    }

    /// The share of the time in view that is known, of a sum of columns of which `cols` fit.
    pub fn known(&self, t: &Timeline, cols: usize) -> f32 {
        let all = self.inside as f32 * column_ns(t, cols);
        if all > 0.0 { (self.load.known / all).min(1.0) } else { 0.0 }
    }

    /// How much of this there was.
    pub fn value(&self, t: &Timeline, kind: Heat) -> Value {
        match kind {
            _ if self.inside == 0 => Value::Outside,
            Heat::Use => self.load.share().map_or(Value::Unknown, Value::Share),
            _ if self.pending => Value::Pending,
            Heat::Misses => self.score.miss_share().map_or(Value::Nothing, Value::Share),
            Heat::Queue if self.load.known <= 0.0 => Value::Unknown,
            Heat::Queue => {
                Value::Share(f32::from(self.queue) / f32::from(t.answers.max_queue.max(1)))
            }
        }
    }
}

/// A column's time, on average.
fn column_ns(t: &Timeline, cols: usize) -> f32 {
    t.view.width as f32 / cols.max(1) as f32
}

/// The columns of the visible window for these CPUs together.
pub fn columns(t: &Timeline, cpus: &[usize], cols: usize) -> Vec<Warm> {
    let mut all = vec![Warm::default(); cols];
    for &cpu in cpus {
        let id = CpuId(cpu as u16);
        let window = (t.view.start, t.view.width, cols);
        // Buckets are of the current model alone.
        let another = t.rows.heat == Heat::Misses && t.answers.live().is_some();
        let done = !another
            && t.loaded
                .pyramid
                .columns(t.trace(), id, window, |col, column| one(t, cpu, &mut all[col], &column));
        if !done {
            // So many switches that only sums of them are cheap.
            let cells = t.loaded.pyramid.cells(t.trace(), id, t.view.start, t.view.width, cols);
            for (warm, cell) in all.iter_mut().zip(cells) {
                let known = (1.0 - cell.unknown) * column_ns(t, cols);
                let load = Load { busy: cell.busy * known, known };
                let column = Column {
                    load,
                    switches: cell.first..cell.end,
                    buckets: None,
                    outside: cell.outside,
                };
                one(t, cpu, warm, &column);
            }
        }
    }
    all
}

fn one(t: &Timeline, cpu: usize, warm: &mut Warm, column: &Column) {
    if column.outside {
        return;
    }
    warm.inside += 1;
    warm.load.merge(&column.load);
    if t.rows.heat == Heat::Use || column.load.known <= 0.0 {
        return;
    }
    let answers = &t.answers;
    let score = match &column.buckets {
        Some(range) => answers.in_buckets(cpu, range.clone()),
        None if column.switches.is_empty() => {
            let before = column.switches.start.checked_sub(1);
            before.map_or(Some(Score::default()), |k| {
                answers.get(cpu, k).map(|p| Score { queue: p.queue, ..Score::default() })
            })
        }
        None => {
            let known = column.switches.start < answers.known(cpu);
            known.then(|| answers.score(cpu, column.switches.clone()))
        }
    };
    match score {
        Some(score) => {
            warm.score.merge(&score);
            warm.queue = warm.queue.max(score.queue);
        }
        None => warm.pending |= answers.failed.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::timeline::Loaded;
    use crate::replay::lod::Pyramid;
    use crate::trace::{Event, EventKind, Nanos, Pid, TaskState, TraceBuilder, TraceMeta};
    use std::sync::Arc;

    #[test]
    fn a_cpu_of_many_switches_weighs_as_much_as_one_of_few() {
        let mut b = TraceBuilder::default();
        let mut switch = |t: u64, cpu: u16, prev: i32, next: i32| {
            let event = Event {
                time: Nanos(t),
                cpu: CpuId(cpu),
                kind: EventKind::Switch,
                actor: crate::trace::ThreadIx::NONE,
                task: b.task(Pid(prev), b"a"),
                prio: 120,
                state: TaskState::SLEEP,
                next: b.task(Pid(next), b"a"),
                next_prio: 120,
                from_cpu: CpuId::NONE,
                to_cpu: CpuId::NONE,
            };
            b.push(event, Pid(prev));
        };
        // A thousand at the beginning of the first CPU, which is never idle; the second one is.
        for t in 0..1_000 {
            switch(t, 0, 1 + (t % 2) as i32, 2 - (t % 2) as i32);
        }
        switch(0, 1, 3, 0);
        switch(1_000_000, 1, 0, 3);
        let trace = Arc::new(b.finish(TraceMeta { cpus: 2, ..TraceMeta::default() }));
        let loaded =
            Loaded { path: "a".into(), pyramid: Pyramid::build(&trace), trace, notes: Vec::new() };
        let mut t = Timeline::new(Arc::new(loaded), 4);
        t.view = t.view.at(0, 1_000);
        let mut sum = Warm::default();
        for warm in columns(&t, &[0, 1], 4) {
            sum.add(&warm);
        }
        let share = sum.load.share().unwrap();
        assert!((share - 0.5).abs() < 0.01, "{share}");
        assert!((sum.known(&t, 4) - 1.0).abs() < 0.01, "{}", sum.known(&t, 4));
    }
}
