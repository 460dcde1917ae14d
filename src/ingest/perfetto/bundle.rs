//! The kernel's events of one CPU: as messages of their own, or compact, where columns say who
//! comes in and nobody says who leaves: that is who came in before.

use super::wire::{Fields, Malformed, Value};
use crate::ingest::bounds::TIME_END;
use crate::trace::{
    CpuId, Event, EventKind, MAX_CPUS, Nanos, Pid, TaskId, TaskState, TraceBuilder,
};

/// Who runs on each CPU, and what was left out.
#[derive(Debug, Default)]
pub struct Cpus {
    running: Vec<Option<Running>>,
    /// Compact switches from a task that is not known.
    pub unknown: u64,
    /// Events of kinds that are not used.
    pub other: u64,
    /// Events that cannot be used.
    pub bad: u64,
    /// The clock that bundles name.
    pub clock: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    task: TaskId,
    pid: Pid,
    prio: i16,
    /// Since when.
    time: u64,
}

/// A task as a message names it, with the CPUs that it names.
#[derive(Clone, Copy, Debug, Default)]
struct Named<'a> {
    comm: &'a [u8],
    pid: u64,
    prio: u64,
}

impl Named<'_> {
    fn pid(&self) -> Option<Pid> {
        pid(self.pid)
    }

    fn prio(&self) -> Option<i16> {
        i16::try_from(self.prio as i64).ok()
    }
}

fn pid(number: u64) -> Option<Pid> {
    i32::try_from(number).ok().map(Pid)
}

fn cpu(number: u64) -> Option<CpuId> {
    u16::try_from(number).ok().filter(|n| *n < MAX_CPUS).map(CpuId)
}

impl Cpus {
    /// Takes one bundle. Of a bundle that is damaged the events before the damage stay.
    pub fn bundle(&mut self, bytes: &[u8], to: &mut TraceBuilder) -> Result<(), Malformed> {
        let (mut number, mut lost, mut compact) = (0, false, None);
        let mut fields = Fields(bytes);
        while let Some((id, value)) = fields.next()? {
            match id {
                1 => number = value.number().unwrap_or(u64::MAX),
                3 => lost = value.number() == Some(1),
                4 => compact = Some(value.bytes()),
                5 => self.clock = clock(value.number()),
                _ => {}
            }
        }
        let Some(on) = cpu(number) else { return Err(Malformed) };
        if self.running.len() <= on.ix() {
            self.running.resize(on.ix() + 1, None);
        }
        if lost {
            to.loss(on, 0);
            self.running[on.ix()] = None;
        }
        let mut fields = Fields(bytes);
        while let Some((id, value)) = fields.next()? {
            if id == 2 {
                match self.event(value.bytes(), on, to) {
                    Ok(true) => {}
                    Ok(false) => self.other += 1,
                    Err(Malformed) => self.bad += 1,
                }
            }
        }
        compact.map_or(Ok(()), |bytes| self.compact(bytes, on, to))
    }

    /// One event. False for a kind that is not used.
    fn event(&mut self, bytes: &[u8], on: CpuId, to: &mut TraceBuilder) -> Result<bool, Malformed> {
        let (mut time, mut actor, mut body) = (u64::MAX, u64::MAX, None);
        let mut fields = Fields(bytes);
        while let Some((id, value)) = fields.next()? {
            match id {
                1 => time = value.number().ok_or(Malformed)?,
                2 => actor = value.number().ok_or(Malformed)?,
                _ if matches!(value, Value::Bytes(_)) => body = Some((id, value.bytes())),
                _ => {}
            }
        }
        let Some((id, body)) = body else { return Ok(false) };
        let Some(shape) = Shape::of(id) else { return Ok(false) };
        if time >= TIME_END {
            return Err(Malformed);
        }
        let mut words = [None; 8];
        let mut fields = Fields(body);
        while let Some((id, value)) = fields.next()? {
            if let Some(word) = words.get_mut(id as usize) {
                *word = Some(value);
            }
        }
        let actor = pid(actor).unwrap_or(Pid(-1));
        let event = shape.event(Event::blank(Nanos(time), on), &words, to).ok_or(Malformed)?;
        let Some((event, next)) = event else { return Ok(false) };
        if event.kind == EventKind::Switch {
            self.running[on.ix()] =
                Some(Running { task: event.next, pid: next, prio: event.next_prio, time });
        }
        to.push(event, actor);
        Ok(true)
    }

    fn compact(&mut self, bytes: &[u8], on: CpuId, to: &mut TraceBuilder) -> Result<(), Malformed> {
        let mut names: Vec<&[u8]> = Vec::new();
        // By field: 1 to 4 and 6 are of switches, 7 to 11 of wakings.
        let mut columns: [Vec<u64>; 12] = Default::default();
        let mut fields = Fields(bytes);
        while let Some((id, value)) = fields.next()? {
            match id {
                5 => names.push(value.bytes()),
                1..=11 => value.numbers(&mut columns[id as usize])?,
                _ => {}
            }
        }
        for at in [1, 7] {
            let mut time = 0_u64;
            columns[at].iter_mut().for_each(|t| {
                time = time.saturating_add(*t);
                *t = time;
            });
        }
        let whole = |ids: &[usize]| ids.iter().map(|&i| columns[i].len()).min().unwrap_or(0);
        let (switches, wakings) = (whole(&[1, 2, 3, 4, 6]), whole(&[7, 8, 9, 10, 11]));
        self.bad += (columns[1].len() - switches + columns[7].len() - wakings) as u64;
        let named = |i: usize, ids: [usize; 3]| {
            let [pid, prio, comm] = ids.map(|id| columns[id][i]);
            names.get(comm as usize).map(|comm| Named { comm, pid, prio })
        };
        let (mut s, mut w) = (0, 0);
        while s < switches || w < wakings {
            let waking = w < wakings && (s == switches || columns[7][w] <= columns[1][s]);
            let good = if waking {
                let task = named(w, [8, 10, 11]);
                task.and_then(|task| self.waking(columns[7][w], on, task, columns[9][w], to))
            } else {
                let next = named(s, [3, 4, 6]);
                next.and_then(|next| self.switch(columns[1][s], on, columns[2][s], next, to))
            };
            *(if waking { &mut w } else { &mut s }) += 1;
            self.bad += u64::from(good.is_none());
        }
        Ok(())
    }

    fn switch(
        &mut self,
        time: u64,
        on: CpuId,
        state: u64,
        next: Named<'_>,
        to: &mut TraceBuilder,
    ) -> Option<()> {
        let (pid, prio) = (next.pid()?, next.prio()?);
        (time < TIME_END).then_some(())?;
        let task = to.task(pid, next.comm);
        let before = self.running[on.ix()].replace(Running { task, pid, prio, time });
        let Some(before) = before.filter(|b| b.time <= time) else {
            self.unknown += 1;
            return Some(());
        };
        let mut event = Event::blank(Nanos(time), on);
        (event.task, event.prio, event.state) =
            (before.task, before.prio, TaskState::of_bits(state));
        (event.next, event.next_prio) = (task, prio);
        to.push(event, before.pid);
        Some(())
    }

    fn waking(
        &mut self,
        time: u64,
        on: CpuId,
        task: Named<'_>,
        target: u64,
        to: &mut TraceBuilder,
    ) -> Option<()> {
        let (pid, prio, target) = (task.pid()?, task.prio()?, cpu(target)?);
        (time < TIME_END).then_some(())?;
        let mut event = Event::blank(Nanos(time), on);
        (event.kind, event.to_cpu, event.prio) = (EventKind::Waking, target, prio);
        event.task = to.task(pid, task.comm);
        to.push(event, self.running[on.ix()].map_or(Pid(-1), |r| r.pid));
        Some(())
    }
}

/// The clock's name by its number; Perfetto's own is `boot`.
fn clock(number: Option<u64>) -> &'static str {
    match number {
        Some(2) => "global",
        Some(3) => "local",
        Some(4) => "mono_raw",
        _ => "",
    }
}

/// Where the messages of events keep their fields.
enum Shape {
    Switch,
    Wakeup(EventKind),
    Migrate,
    Rename,
    Exec,
    Exit,
    Fork,
}

impl Shape {
    /// By the number of the event's message.
    fn of(id: u64) -> Option<Self> {
        Some(match id {
            4 => Self::Switch,
            17 => Self::Wakeup(EventKind::Wakeup),
            20 => Self::Wakeup(EventKind::Waking),
            114 => Self::Wakeup(EventKind::WakeupNew),
            236 => Self::Rename,
            237 => Self::Exec,
            238 => Self::Exit,
            239 => Self::Fork,
            491 => Self::Migrate,
            _ => return None,
        })
    }

    /// The event, and the pid of its second task. `None` when a field is not valid, `Some(None)`
    /// for a wake-up without effect. A field that is not written is 0, or an empty text.
    #[allow(clippy::option_option)] // no event, and no wake-up with an effect, are two things
    fn event(
        &self,
        mut event: Event,
        words: &[Option<Value<'_>>; 8],
        to: &mut TraceBuilder,
    ) -> Option<Option<(Event, Pid)>> {
        let number = |at: usize| words[at].and_then(Value::number).unwrap_or(0);
        let text = |at: usize| words[at].map_or(&[][..], Value::bytes);
        let prio = |at: usize| i16::try_from(number(at) as i64).ok();
        let mut second = Pid(-1);
        match self {
            Self::Switch => {
                let (prev, next) = (pid(number(2))?, pid(number(6))?);
                (event.prio, event.next_prio) = (prio(3)?, prio(7)?);
                event.state = TaskState::of_bits(number(4));
                (event.task, event.next, second) =
                    (to.task(prev, text(1)), to.task(next, text(5)), next);
            }
            Self::Wakeup(kind) => {
                // Kernels since 4.3 have no `success`, or a 1.
                if words[4].is_some() && number(4) == 0 {
                    return Some(None);
                }
                let who = pid(number(2))?;
                (event.kind, event.to_cpu, event.prio) = (*kind, cpu(number(5))?, prio(3)?);
                event.task = to.task(who, text(1));
            }
            Self::Migrate => {
                let who = pid(number(2))?;
                (event.kind, event.prio) = (EventKind::Migrate, prio(3)?);
                (event.from_cpu, event.to_cpu) = (cpu(number(4))?, cpu(number(5))?);
                event.task = to.task(who, text(1));
            }
            Self::Rename => {
                let who = pid(number(1))?;
                event.kind = EventKind::Rename;
                (event.task, event.next) = (to.task(who, text(2)), to.task(who, text(3)));
            }
            Self::Exec => {
                let (who, path) = (pid(number(2))?, text(1));
                let start = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
                event.kind = EventKind::Exec;
                // The kernel keeps 15 bytes of a name.
                event.task = to.task(who, &path[start..path.len().min(start + 15)]);
            }
            Self::Exit => {
                let who = pid(number(2))?;
                (event.kind, event.prio, event.task) =
                    (EventKind::Exit, prio(4)?, to.task(who, text(1)));
            }
            Self::Fork => {
                let (parent, child) = (pid(number(2))?, pid(number(4))?);
                event.kind = EventKind::Fork;
                (event.task, event.next) = (to.task(parent, text(1)), to.task(child, text(3)));
            }
        }
        Some(Some((event, second)))
    }
}
