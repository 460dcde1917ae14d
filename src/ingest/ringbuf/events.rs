//! The scheduler's events, by their `format` texts: which bytes of a record are which field of an
//! [`Event`].

use super::format::{self, Field, Num, Text, find, wrong};
use super::{PageProblem, RingError};
use crate::ingest::bounds::TIME_END;
use crate::trace::{
    CpuId, Event, EventKind, MAX_CPUS, Nanos, Pid, Runtime, TaskState, TraceBuilder,
};

/// True for the events from which run queues are rebuilt.
pub fn needed(name: &str) -> bool {
    EventKind::ALL.into_iter().any(|k| k.moves_tasks() && k.tracepoint() == name)
}

/// One event's layout.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What `common_type` says in its records.
    pub id: i64,
    actor: Num,
    body: Body,
}

/// A task as an event names it.
#[derive(Clone, Copy, Debug)]
struct Named {
    comm: Text,
    pid: Num,
    prio: Num,
}

#[derive(Clone, Debug)]
enum Body {
    Switch {
        prev: Named,
        state: Num,
        states: States,
        next: Named,
    },
    /// `success` was there before kernel 4.3: 0 says that the task was awake already.
    Wakeup {
        kind: EventKind,
        task: Named,
        cpu: Num,
        success: Option<Num>,
    },
    Migrate {
        task: Named,
        from: Num,
        to: Num,
    },
    /// `vruntime` was there before kernel 6.7.
    Runtime {
        comm: Text,
        pid: Num,
        ns: Num,
        vruntime: Option<Num>,
    },
    Fork {
        parent: (Text, Num),
        child: (Text, Num),
    },
    /// The record names the program's file; the thread's name is its last part.
    Exec {
        file: Text,
        pid: Num,
    },
    Rename {
        pid: Num,
        old: Text,
        new: Text,
    },
    Exit {
        task: Named,
    },
}

/// The fields of one event, by their names.
struct Fields<'a> {
    file: &'a str,
    text: &'a str,
    all: &'a [Field<'a>],
}

impl Fields<'_> {
    fn num(&self, name: &str) -> Result<Num, RingError> {
        find(self.file, self.text, self.all, name).and_then(Field::num)
    }

    fn text(&self, name: &str) -> Result<Text, RingError> {
        find(self.file, self.text, self.all, name).and_then(Field::text)
    }

    fn named(&self, prefix: &str) -> Result<Named, RingError> {
        Ok(Named {
            comm: self.text(&format!("{prefix}comm"))?,
            pid: self.num(&format!("{prefix}pid"))?,
            prio: self.num(&format!("{prefix}prio"))?,
        })
    }
}

impl Layout {
    /// `None` for an event that is not used.
    pub fn parse(
        name: &str,
        file: &str,
        text: &str,
        fields: &[Field<'_>],
    ) -> Result<Option<Self>, RingError> {
        let by_name = Fields { file, text, all: fields };
        let Some(body) = Body::of(name, &by_name)? else { return Ok(None) };
        format::apart(file, fields)?;
        let id =
            text.lines().find_map(|l| l.strip_prefix("ID:")).and_then(|id| id.trim().parse().ok());
        let id = id.ok_or_else(|| wrong(file, 0, "no ID".into()))?;
        Ok(Some(Self { id, actor: by_name.num("common_pid")?, body }))
    }

    /// True for `sched_switch`.
    pub fn is_switch(&self) -> bool {
        matches!(self.body, Body::Switch { .. })
    }

    /// Adds a record's event. False when the record is no event of a trace (a wake-up without
    /// effect).
    pub fn push(
        &self,
        record: &[u8],
        (time, cpu): (u64, CpuId),
        to: &mut TraceBuilder,
    ) -> Result<bool, PageProblem> {
        let actor = pid(self.actor, record, "common_pid")?;
        if time >= TIME_END {
            return Err(PageProblem::Stamp(time));
        }
        if self.body.is_without_effect(record) {
            return Ok(false);
        }
        let mut event = Event::blank(Nanos(time), cpu);
        match self.body.read(record, &mut event, to)? {
            Some(runtime) => to.push_runtime(event, actor, runtime),
            None => to.push(event, actor),
        }
        Ok(true)
    }
}

impl Body {
    /// Where the fields of this event are; `None` if it is not used.
    fn of(name: &str, fields: &Fields<'_>) -> Result<Option<Self>, RingError> {
        Ok(Some(match name {
            "sched_switch" => Self::Switch {
                prev: fields.named("prev_")?,
                state: fields.num("prev_state")?,
                states: States::parse(fields.text),
                next: fields.named("next_")?,
            },
            "sched_wakeup" | "sched_wakeup_new" | "sched_waking" => Self::Wakeup {
                kind: match name {
                    "sched_wakeup" => EventKind::Wakeup,
                    "sched_waking" => EventKind::Waking,
                    _ => EventKind::WakeupNew,
                },
                task: fields.named("")?,
                cpu: fields.num("target_cpu")?,
                success: fields.num("success").ok(),
            },
            "sched_migrate_task" => Self::Migrate {
                task: fields.named("")?,
                from: fields.num("orig_cpu")?,
                to: fields.num("dest_cpu")?,
            },
            "sched_stat_runtime" => Self::Runtime {
                comm: fields.text("comm")?,
                pid: fields.num("pid")?,
                ns: fields.num("runtime")?,
                vruntime: fields.num("vruntime").ok(),
            },
            "sched_process_fork" => Self::Fork {
                parent: (fields.text("parent_comm")?, fields.num("parent_pid")?),
                child: (fields.text("child_comm")?, fields.num("child_pid")?),
            },
            "sched_process_exec" => {
                Self::Exec { file: fields.text("filename")?, pid: fields.num("pid")? }
            }
            "task_rename" => Self::Rename {
                pid: fields.num("pid")?,
                old: fields.text("oldcomm")?,
                new: fields.text("newcomm")?,
            },
            "sched_process_exit" => Self::Exit { task: fields.named("")? },
            _ => return Ok(None),
        }))
    }

    /// True for a wake-up of a task that was awake.
    #[inline]
    fn is_without_effect(&self, record: &[u8]) -> bool {
        matches!(self, Self::Wakeup { success: Some(s), .. } if s.read(record) == Some(0))
    }

    /// Reads a record into `event`. Everything is checked before anything is interned: a bad record
    /// must not leave a task behind.
    #[inline]
    fn read(
        &self,
        record: &[u8],
        event: &mut Event,
        to: &mut TraceBuilder,
    ) -> Result<Option<Runtime>, PageProblem> {
        match self {
            Self::Switch { prev, state, states, next } => {
                let (comm, pid, prio) = prev.read(record)?;
                let (next_comm, next_pid, next_prio) = next.read(record)?;
                let state = state.read(record).ok_or(PageProblem::Field("prev_state"))?;
                event.state = states.of(state);
                (event.prio, event.next_prio) = (prio, next_prio);
                event.task = to.task(pid, comm);
                event.next = to.task(next_pid, next_comm);
            }
            Self::Wakeup { kind, task, cpu, .. } => {
                let (comm, pid, prio) = task.read(record)?;
                event.kind = *kind;
                event.to_cpu = cpu_of(*cpu, record, "target_cpu")?;
                (event.prio, event.task) = (prio, to.task(pid, comm));
            }
            Self::Migrate { task, from, to: dest } => {
                let (comm, pid, prio) = task.read(record)?;
                event.kind = EventKind::Migrate;
                event.from_cpu = cpu_of(*from, record, "orig_cpu")?;
                event.to_cpu = cpu_of(*dest, record, "dest_cpu")?;
                (event.prio, event.task) = (prio, to.task(pid, comm));
            }
            Self::Runtime { comm, pid, ns, vruntime } => {
                let (comm, pid) = named((*comm, *pid), record, "comm")?;
                let ns = ns.read(record).ok_or(PageProblem::Field("runtime"))? as u64;
                let vruntime = vruntime.and_then(|v| v.read(record)).unwrap_or(0) as u64;
                (event.kind, event.task) = (EventKind::Runtime, to.task(pid, comm));
                return Ok(Some(Runtime { ns, vruntime }));
            }
            Self::Fork { parent, child } => {
                let (comm, pid) = named(*parent, record, "parent")?;
                let (child_comm, child_pid) = named(*child, record, "child")?;
                event.kind = EventKind::Fork;
                (event.task, event.next) = (to.task(pid, comm), to.task(child_pid, child_comm));
            }
            Self::Exec { file, pid } => {
                let (path, pid) = named((*file, *pid), record, "filename")?;
                (event.kind, event.task) = (EventKind::Exec, to.task(pid, thread_name(path)));
            }
            Self::Rename { pid, old, new } => {
                let (old, _) = named((*old, *pid), record, "oldcomm")?;
                let (new, pid) = named((*new, *pid), record, "newcomm")?;
                event.kind = EventKind::Rename;
                (event.task, event.next) = (to.task(pid, old), to.task(pid, new));
            }
            Self::Exit { task } => {
                let (comm, pid, prio) = task.read(record)?;
                (event.kind, event.prio, event.task) = (EventKind::Exit, prio, to.task(pid, comm));
            }
        }
        Ok(None)
    }
}

/// The name of a thread that runs this file: the kernel keeps 15 bytes of it.
#[inline]
fn thread_name(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    &path[start..path.len().min(start + 15)]
}

impl Named {
    #[inline]
    fn read(self, record: &[u8]) -> Result<(&[u8], Pid, i16), PageProblem> {
        let comm = self.comm.read(record).ok_or(PageProblem::Field("comm"))?;
        let prio = self
            .prio
            .read(record)
            .and_then(|p| i16::try_from(p).ok())
            .ok_or(PageProblem::Field("prio"))?;
        Ok((comm, pid(self.pid, record, "pid")?, prio))
    }
}

/// Name and pid of a task that has no priority in its event.
#[inline]
fn named<'a>(
    (comm, number): (Text, Num),
    record: &'a [u8],
    what: &'static str,
) -> Result<(&'a [u8], Pid), PageProblem> {
    Ok((comm.read(record).ok_or(PageProblem::Field(what))?, pid(number, record, what)?))
}

/// No kernel gives a pid from here on (`PID_MAX_LIMIT`), so a recording has no more threads than
/// that.
const PIDS: i32 = 1 << 22;

#[inline]
fn pid(field: Num, record: &[u8], what: &'static str) -> Result<Pid, PageProblem> {
    let pid =
        field.read(record).and_then(|p| i32::try_from(p).ok()).filter(|p| (0..=PIDS).contains(p));
    pid.map(Pid).ok_or(PageProblem::Field(what))
}

#[inline]
fn cpu_of(field: Num, record: &[u8], what: &'static str) -> Result<CpuId, PageProblem> {
    let cpu = field.read(record).and_then(|c| u16::try_from(c).ok()).filter(|c| *c < MAX_CPUS);
    cpu.map(CpuId).ok_or(PageProblem::Field(what))
}

/// What the kernel's bits of `prev_state` mean; they moved over time (4.14), so they are taken from
/// its print format: pairs `{ 0x00000001, "S" }`, and the bit above the last of them is the `+` of
/// a preemption.
#[derive(Clone, Debug)]
struct States {
    letters: Vec<(i64, TaskState)>,
    preempted: i64,
}

impl States {
    fn parse(text: &str) -> Self {
        let mut letters = Vec::new();
        for pair in text.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|p| p.0) {
            let Some((bits, letter)) = pair.split_once(',') else { continue };
            let bits = bits.trim();
            let value = bits
                .strip_prefix("0x")
                .map_or_else(|| bits.parse(), |hex| i64::from_str_radix(hex, 16));
            let state = TaskState::parse(letter.trim().trim_matches('"').as_bytes());
            if let (Ok(value @ 1..=0xffff), Some(state)) = (value, state) {
                letters.push((value, state));
            }
        }
        if letters.is_empty() {
            // A print format of another shape: the bits as they are since 4.14.
            letters = (0..8).map(|bit| (1 << bit, TaskState(1 << bit))).collect();
        }
        let highest = letters.iter().map(|l| l.0).max().unwrap_or(0);
        Self { letters, preempted: (highest as u64 + 1).next_power_of_two() as i64 }
    }

    #[inline]
    fn of(&self, bits: i64) -> TaskState {
        let plus = if bits & self.preempted == 0 { 0 } else { TaskState::PREEMPTED.0 };
        if bits & (self.preempted - 1) == 0 {
            return TaskState(plus);
        }
        let letters = self.letters.iter().filter(|l| bits & l.0 != 0);
        letters.fold(TaskState(plus), |all, l| TaskState(all.0 | l.1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_those_of_the_recorded_kernel() {
        let new = States::parse(
            "\"|\", { 0x00000001, \"S\" }, { 0x00000040, \"P\" }, { 0x00000080, \"I\" }) : \"R\"",
        );
        let label = |s: &States, bits| s.of(bits).label().to_string();
        assert_eq!([0, 0x100, 1, 0x80, 0x101].map(|b| label(&new, b)), ["R", "R+", "S", "I", "S+"]);
        // Linux 4.9: WAKEKILL is 128, and 2048 the bit above the last.
        let old =
            States::parse("{ 1, \"S\"} , { 2, \"D\" }, { 128, \"K\" }, { 1024, \"N\" }) : \"R\"");
        assert_eq!([130, 2048, 0].map(|b| label(&old, b)), ["D|K", "R+", "R"]);
        assert_eq!(label(&States::parse(""), 0x102), "D+");
    }
}
