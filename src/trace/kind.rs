//! The kinds of events that a trace holds, and which part each task of an event plays.

/// Which tracepoint an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// `sched_switch`: `task` leaves the CPU in `state`, `next` comes in.
    Switch,
    /// `sched_wakeup`: `task` becomes runnable on `to_cpu`.
    Wakeup,
    /// `sched_wakeup_new`: `task`, just forked, becomes runnable on `to_cpu`.
    WakeupNew,
    /// `sched_migrate_task`: `task` moves from `from_cpu` to `to_cpu`.
    Migrate,
    /// `sched_waking`: the actor is about to wake `task`, which last ran on (or is sent to)
    /// `to_cpu`.
    Waking,
    /// `sched_stat_runtime`: `task` is charged for time on its CPU; see [`super::Trace::runtime`].
    Runtime,
    /// `sched_process_fork`: `task` starts the thread `next`.
    Fork,
    /// `sched_process_exec`: `task`, under its new name, runs another program.
    Exec,
    /// `task_rename`: `task` is the thread under its old name, `next` under its new one.
    Rename,
    /// `sched_process_exit`: `task` ends.
    Exit,
}

/// What tells in a recording that a task became runnable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wakeups {
    /// `sched_wakeup`.
    Wakeup,
    /// Only `sched_waking`, as perf and Perfetto record: it comes a little before, and its CPU may
    /// be the old one.
    Waking,
    /// Nothing does: run queues cannot be known.
    #[default]
    None,
}

impl Wakeups {
    /// For machine output: `wakeup`, `waking` or `none`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wakeup => "wakeup",
            Self::Waking => "waking",
            Self::None => "none",
        }
    }

    /// Of a recording with these kinds.
    pub(super) fn of(kinds: &[EventKind]) -> Self {
        let mut found = Self::None;
        for kind in kinds {
            match kind {
                EventKind::Wakeup => return Self::Wakeup,
                EventKind::Waking => found = Self::Waking,
                _ => {}
            }
        }
        found
    }
}

impl EventKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Switch,
        Self::Wakeup,
        Self::WakeupNew,
        Self::Migrate,
        Self::Waking,
        Self::Runtime,
        Self::Fork,
        Self::Exec,
        Self::Rename,
        Self::Exit,
    ];

    /// The name in native CSV and in figures per kind.
    pub fn label(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Wakeup => "wakeup",
            Self::WakeupNew => "wakeup_new",
            Self::Migrate => "migrate",
            Self::Waking => "waking",
            Self::Runtime => "runtime",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Rename => "rename",
            Self::Exit => "exit",
        }
    }

    /// The kernel's name of the tracepoint.
    pub fn tracepoint(self) -> &'static str {
        match self {
            Self::Switch => "sched_switch",
            Self::Wakeup => "sched_wakeup",
            Self::WakeupNew => "sched_wakeup_new",
            Self::Migrate => "sched_migrate_task",
            Self::Waking => "sched_waking",
            Self::Runtime => "sched_stat_runtime",
            Self::Fork => "sched_process_fork",
            Self::Exec => "sched_process_exec",
            Self::Rename => "task_rename",
            Self::Exit => "sched_process_exit",
        }
    }

    /// The kind of a [`Self::label`].
    pub fn parse(label: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.label().as_bytes() == label)
    }

    /// True when `next` is a task of the event.
    pub fn has_next(self) -> bool {
        matches!(self, Self::Switch | Self::Fork | Self::Rename)
    }

    /// True for the kinds from which run queues are rebuilt.
    pub fn moves_tasks(self) -> bool {
        matches!(self, Self::Switch | Self::Wakeup | Self::WakeupNew | Self::Migrate)
    }
}
