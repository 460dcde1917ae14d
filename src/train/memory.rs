//! Main memory: what is left and what bounds it, and a guard that ends a run as failed before it
//! has none. An allocation that fails ends the whole program, terminal and all, and the kernel
//! kills without a word: so one looks before.
//!
//! What counts is the tightest of: the machine (`MemAvailable`), the control groups above the
//! process (both versions), `ulimit -v`, and a limit that the user gave.

mod needs;

use needs::step;
pub use needs::{Outlook, sizes};

use super::{Data, TrainConfig};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Mebibytes as bytes.
pub const MIB: u64 = 1 << 20;
/// So much stays free: to end in order, with a checkpoint, takes memory too.
pub const RESERVE: u64 = 64 * MIB;
/// A look costs some tens of microseconds; a fast run takes hundreds of steps a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Version 1 writes "no limit" as a number near this.
const UNLIMITED: u64 = 1 << 60;

/// What bounds the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The machine has no more.
    Machine,
    /// A control group, as of a container or a service.
    Group,
    /// `ulimit -v`.
    Process,
    /// The user said so.
    Given,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Machine => "on this machine",
            Self::Group => "in the control group",
            Self::Process => "under ulimit -v",
            Self::Given => "under the memory limit given",
        })
    }
}

/// What is left at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that can still be used.
    pub free: u64,
    /// Bytes of swap beside them: nothing to plan with, but no reason to give up either.
    pub swap: u64,
    /// What sets the limit.
    pub of: Bound,
    /// Bytes that this process once held beyond what it holds now.
    pub given_back: u64,
}

impl Room {
    /// Now, under a limit for the whole process if one is given. `None` where nothing can be found
    /// out.
    pub fn now(limit: Option<u64>) -> Option<Self> {
        Self::of(&|file| std::fs::read_to_string(file).ok(), limit)
    }

    /// As [`Room::now`], from what `read` says is in the files.
    fn of(read: &dyn Fn(&str) -> Option<String>, limit: Option<u64>) -> Option<Self> {
        let status = read("/proc/self/status").unwrap_or_default();
        let [size, held, most] = ["VmSize", "VmRSS", "VmHWM"].map(|name| kib(&status, name));
        let info = read("/proc/meminfo").unwrap_or_default();
        let left = |limit: u64, used: Option<u64>| Some(limit.saturating_sub(used?));
        let bounds = [
            (Bound::Machine, kib(&info, "MemAvailable")),
            (Bound::Group, groups(read)),
            (
                Bound::Process,
                read("/proc/self/limits")
                    .and_then(|t| address_space(&t))
                    .and_then(|l| left(l, size)),
            ),
            (Bound::Given, limit.and_then(|l| left(l, held))),
        ];
        let known = bounds.into_iter().filter_map(|(of, free)| Some((of, free?)));
        let (of, free) = known.min_by_key(|(_, free)| *free)?;
        let swap = if of == Bound::Machine { kib(&info, "SwapFree").unwrap_or(0) } else { 0 };
        Some(Self {
            free,
            swap,
            of,
            given_back: most.unwrap_or(0).saturating_sub(held.unwrap_or(0)),
        })
    }
}

/// `Name:   123 kB` as bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// The soft limit: `Max address space   unlimited   unlimited   bytes`.
fn address_space(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|l| l.strip_prefix("Max address space"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// What the control groups leave: the least of the process's own and all above it.
fn groups(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let list = read("/proc/self/cgroup")?;
    let mut folders = BTreeSet::new();
    for line in list.lines() {
        // `0::/path` or `4:memory:/path`.
        let mut parts = line.splitn(3, ':');
        let (_, which, path) = (parts.next(), parts.next()?, parts.next()?);
        let root = match which {
            "" => "/sys/fs/cgroup",
            _ if which.split(',').any(|w| w == "memory") => "/sys/fs/cgroup/memory",
            _ => continue,
        };
        // In a container the path may be the host's: then only the root is there, and stands for
        // it.
        let mut path = path.trim_end_matches('/');
        folders.insert(root.to_owned());
        while !path.is_empty() {
            folders.insert(format!("{root}{path}"));
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    folders.iter().filter_map(|folder| group(folder, read)).min()
}

fn group(folder: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |names: [&str; 2]| {
        let text = names.iter().find_map(|name| read(&format!("{folder}/{name}")))?;
        text.trim().parse::<u64>().ok()
    };
    let limit = number(["memory.max", "memory.limit_in_bytes"]).filter(|l| *l < UNLIMITED)?;
    let used = number(["memory.current", "memory.usage_in_bytes"])?;
    // Pages of files count as used, but make room when room is needed.
    let stat = read(&format!("{folder}/memory.stat")).unwrap_or_default();
    let pages = |name: &str| {
        stat.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok())
    };
    let file = |kind: &str| {
        pages(&format!("total_{kind}_file")).or_else(|| pages(&format!("{kind}_file"))).unwrap_or(0)
    };
    Some(limit.saturating_sub(used.saturating_sub(file("inactive") + file("active"))))
}

/// `1.2 GiB`, `340 MiB`.
pub fn size(bytes: u64) -> String {
    match bytes as f64 / MIB as f64 {
        mib if mib < 1000.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// There is too little for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// Bytes that it takes, about, and [`RESERVE`].
    pub want: u64,
    /// What there is.
    pub room: Room,
    /// What comes next.
    pub next: Next,
}

/// What memory is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another recording.
    Recording,
    /// The first step.
    Begin,
    /// The step after this one.
    After(usize),
}

impl std::error::Error for Short {}

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.next {
            Next::Recording => write!(f, "out of memory: a recording")?,
            Next::Begin => write!(f, "out of memory: a step")?,
            Next::After(step) => write!(f, "out of memory after step {step}: the next one")?,
        }
        let (want, free) = (size(self.want), size(self.room.free + self.room.swap));
        write!(f, " wants about {want}, {free} are left {}", self.room.of)
    }
}

/// Whether the system would give so much more: it is asked for address space only, which nothing is
/// written to.
fn granted(bytes: u64) -> bool {
    let mut probe = Vec::<u8>::new();
    let given = usize::try_from(bytes).is_ok_and(|n| probe.try_reserve_exact(n).is_ok());
    // An allocation that nobody sees is not made.
    std::hint::black_box(&mut probe);
    given
}

/// Whether `need` more bytes and the reserve are there. What no file tells (strict overcommit), the
/// system says itself.
fn check(need: u64, limit: Option<u64>, next: Next) -> Result<(), Short> {
    let want = need + RESERVE;
    if let Some(room) = Room::now(limit).filter(|room| room.free + room.swap < want) {
        return Err(Short { want, room, next });
    }
    if !granted(want) {
        let room = Room { free: 0, swap: 0, of: Bound::Machine, given_back: 0 };
        return Err(Short { want, room, next });
    }
    Ok(())
}

/// Looked at before a recording is read.
pub(super) fn reading(config: &TrainConfig) -> Result<(), Short> {
    check(0, config.limit(), Next::Recording)
}

/// Looks between the steps of a run.
#[derive(Debug)]
pub(super) struct Guard {
    limit: Option<u64>,
    step: u64,
    looked: Instant,
}

impl Guard {
    /// Before the first step: is there enough for the largest one?
    pub(super) fn new(config: &TrainConfig, data: &Data) -> Result<Self, Short> {
        let guard =
            Self { limit: config.limit(), step: step(config, data), looked: Instant::now() };
        check(guard.step, guard.limit, Next::Begin)?;
        Ok(guard)
    }

    /// After `step` steps, now and then: is there enough for another? What a step takes is known by
    /// now: what the process once held and gave back.
    pub(super) fn look(&mut self, step: usize) -> Result<(), Short> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        let given_back = Room::now(self.limit).map_or(0, |room| room.given_back);
        check(given_back.min(self.step), self.limit, Next::After(step))
    }
}

impl TrainConfig {
    /// The limit given, in bytes.
    fn limit(&self) -> Option<u64> {
        self.memory_limit.map(|mib| mib.saturating_mul(MIB))
    }
}

#[cfg(test)]
mod tests;
