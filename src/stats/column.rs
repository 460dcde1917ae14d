//! The columns of the waits in words: the names that filters, lists and CSV use, and what each
//! answers for all rows at once.

use super::states::Cause;
use super::waits::Table;
use crate::query::{self, Bitmap, Columns, Described, FilterError, Kind, quoted};
use crate::trace::{TaskId, ThreadIx};

/// A question to each wait.
pub type Expr = query::Expr<Column>;

/// The expression in `text`.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    query::parse(text)
}

/// A column of the waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is explained in `COLUMNS`
pub enum Column {
    Task,
    Pid,
    Cpu,
    Wait,
    Kind,
    Began,
    From,
    To,
    Waker,
    WakerPid,
    WakerCpu,
    Open,
    Idle,
    Event,
    Trace,
}

/// Every column with its name in filters, its kind, and what it says.
pub const COLUMNS: [Described<Column>; 15] = [
    (Column::Task, "task", Kind::Text, "who waited: name, or name:pid"),
    (Column::Pid, "pid", Kind::Count, "its pid"),
    (Column::Cpu, "cpu", Kind::Count, "the CPU where it came in"),
    (Column::Wait, "wait", Kind::Time, "how long, from becoming runnable to coming in"),
    (
        Column::Kind,
        "kind",
        Kind::Text,
        "wakeup preempted new, or migrated: it was moved while it waited",
    ),
    (Column::Began, "began", Kind::Text, "what made it runnable: wakeup preempted new"),
    (Column::From, "from", Kind::Time, "when it became runnable, since the start of the recording"),
    (Column::To, "to", Kind::Time, "when it came in (or until when it is known to have waited)"),
    (
        Column::Waker,
        "waker",
        Kind::Text,
        "who ran where it was woken: name, or name:pid; idle under an interrupt",
    ),
    (Column::WakerPid, "waker_pid", Kind::Count, "the waker's pid"),
    (Column::WakerCpu, "waker_cpu", Kind::Count, "the CPU where it was woken"),
    (
        Column::Open,
        "open",
        Kind::Flag,
        "it never came in, as far as is known: the recording ended, or lost events there",
    ),
    (
        Column::Idle,
        "idle",
        Kind::Time,
        "for how long of it a CPU was idle on which the thread comes in some time",
    ),
    (
        Column::Event,
        "event",
        Kind::Count,
        "number among all events of the switch that brought it in",
    ),
    (Column::Trace, "trace", Kind::Text, "name of the recording"),
];

impl Column {
    /// The number in a row of a [`Kind::Count`] or [`Kind::Time`] column; `None`: not known.
    pub fn count(self, t: &Table, row: usize) -> Option<u64> {
        let w = &t.waits;
        let pid = |thread: ThreadIx| u64::try_from(t.trace.tasks().pid(thread).0).ok();
        match self {
            Self::Pid => pid(w.thread(row)),
            Self::Cpu => Some(u64::from(w.cpu(row).0)),
            Self::Wait => Some(w.ns(row)),
            Self::Idle => t.idle().get(row).copied(),
            Self::From => Some(w.from(row)),
            Self::To => Some(w.to(row)),
            Self::WakerPid => Some(w.get(row).waker).filter(|t| *t != ThreadIx::NONE).and_then(pid),
            Self::WakerCpu => Some(w.get(row))
                .filter(|w| w.waker != ThreadIx::NONE)
                .map(|w| u64::from(w.waker_cpu.0)),
            Self::Event => (!w.is_open(row)).then(|| t.event(row) as u64),
            _ => None,
        }
    }

    /// The thread in a row of a column of tasks.
    pub fn thread(self, t: &Table, row: usize) -> Option<ThreadIx> {
        match self {
            Self::Task => Some(t.waits.thread(row)),
            Self::Waker => Some(t.waits.get(row).waker),
            _ => None,
        }
    }

    /// The value in a row as text: what lists and CSV show. Times are in ns, flags `1` or `0`,
    /// unknown is empty.
    pub fn text(self, t: &Table, row: usize) -> String {
        match self {
            Self::Task | Self::Waker => match self.thread(t, row) {
                None | Some(ThreadIx::NONE) => String::new(),
                Some(thread) => t.trace.label_at(thread, t.event(row)),
            },
            Self::Kind => t.waits.get(row).kind.label().into(),
            Self::Began => t.waits.get(row).began.label().into(),
            Self::Open => if t.waits.is_open(row) { "1" } else { "0" }.into(),
            Self::Trace => t.name.clone(),
            _ => self.count(t, row).map(|n| n.to_string()).unwrap_or_default(),
        }
    }

    /// Rows of which the task passes; each (pid, name) is asked once.
    fn tasks(self, t: &Table, says: impl Fn(&[&str]) -> bool) -> Bitmap {
        let (trace, tasks) = (&t.trace, t.trace.tasks());
        let good: Vec<bool> = tasks
            .iter()
            .map(|(_, task)| says(&[&task.name, &format!("{}:{}", task.name, task.pid.0)]))
            .collect();
        let (idle, nameless) = (says(&["idle"]), says(&["?"]));
        let first: Vec<bool> = (0..tasks.thread_count())
            .map(|thread| match tasks.first_name(ThreadIx(thread as u32)) {
                _ if tasks.is_idle(ThreadIx(thread as u32)) => idle,
                TaskId::NONE => nameless,
                task => good[task.0 as usize],
            })
            .collect();
        Bitmap::of(t.waits.len(), |row| match self.thread(t, row) {
            None | Some(ThreadIx::NONE) => false,
            Some(thread) if t.renamed[thread.ix()] => good
                .get(trace.task_at(thread, t.event(row)).0 as usize)
                .copied()
                .unwrap_or(nameless),
            Some(thread) => first[thread.ix()],
        })
    }
}

impl Columns for Column {
    type Table = Table;

    const ALL: &'static [Described<Self>] = &COLUMNS;

    fn numbers(self, t: &Table, holds: impl Fn(u64) -> bool + Sync) -> Bitmap {
        let (w, len) = (&t.waits, t.waits.len());
        match self {
            Self::Wait => Bitmap::of(len, |row| holds(w.ns(row))),
            Self::Idle => {
                let idle = t.idle();
                Bitmap::of(len, |row| holds(idle[row]))
            }
            Self::From => Bitmap::of(len, |row| holds(w.from(row))),
            Self::To => Bitmap::of(len, |row| holds(w.to(row))),
            _ => Bitmap::of(len, |row| self.count(t, row).is_some_and(&holds)),
        }
    }

    fn shares(self, t: &Table, _: impl Fn(f32) -> bool + Sync) -> Bitmap {
        Bitmap::all(t.waits.len(), false)
    }

    fn texts(self, t: &Table, says: impl Fn(&[&str]) -> bool + Sync) -> Bitmap {
        match self {
            Self::Task | Self::Waker => self.tasks(t, says),
            Self::Kind | Self::Began => {
                let good = Cause::ALL.map(|cause| says(&[cause.label()]));
                Bitmap::of(t.waits.len(), |row| {
                    let wait = t.waits.get(row);
                    good[if self == Self::Kind { wait.kind } else { wait.began } as usize]
                })
            }
            _ => Bitmap::all(t.waits.len(), says(&[&t.name])),
        }
    }

    fn flags(self, t: &Table) -> Bitmap {
        Bitmap::of(t.waits.len(), |row| t.waits.is_open(row))
    }

    fn choices(self) -> Vec<&'static str> {
        let may = |cause: &Cause| self == Self::Kind || *cause != Cause::Migrated;
        match self {
            Self::Kind | Self::Began => {
                Cause::ALL.into_iter().filter(may).map(Cause::label).collect()
            }
            _ => Vec::new(),
        }
    }

    fn values(self, t: &Table) -> Vec<String> {
        let mut texts: Vec<String> = match self {
            Self::Kind | Self::Began => {
                return self.choices().into_iter().map(str::to_owned).collect();
            }
            Self::Cpu | Self::WakerCpu => {
                return (0..t.trace.cpus()).map(|cpu| cpu.to_string()).collect();
            }
            Self::Task | Self::Waker => {
                let named = t
                    .trace
                    .tasks()
                    .iter()
                    .filter(|(_, task)| task.pid.0 > 0)
                    .map(|(_, task)| quoted(&task.name));
                named.chain((self == Self::Waker).then(|| "idle".to_owned())).collect()
            }
            Self::Trace => vec![quoted(&t.name)],
            _ => Vec::new(),
        };
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}
