//! Interned tasks: one entry per (pid, name), and the dense thread numbering of the scheduler
//! model.

use super::{CpuId, Pid, TaskId, ThreadIx};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// One (pid, name) pair. A thread that changes its name (exec, or pid reuse) has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Kernel thread id.
    pub pid: Pid,
    /// `comm`, up to 15 bytes in the kernel; lossy if it was not UTF-8.
    pub name: Box<str>,
    /// The thread this is a name of.
    pub thread: ThreadIx,
}

/// All tasks of a trace. Look-up by content is only needed while building.
#[derive(Clone, Debug, Default)]
pub struct TaskTable {
    tasks: Vec<Task>,
    /// Per thread: its pid and its first name.
    threads: Vec<(Pid, TaskId)>,
    /// By a hash of pid and name, or the next number that was free.
    by_content: HashMap<u64, TaskId, BuildHasherDefault<Hashed>>,
    by_pid: HashMap<Pid, ThreadIx>,
    hasher: std::hash::RandomState,
}

/// Keys that are hashes of their own, with a secret.
#[derive(Clone, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl TaskTable {
    /// Interns a task. Threads are assigned by [`Self::number_threads`].
    pub(super) fn intern(&mut self, pid: Pid, name: &[u8]) -> TaskId {
        // The text is the identity: names that are not UTF-8 and read the same are the same task,
        // in one piece of the input or in two.
        let text = String::from_utf8_lossy(name);
        let mut key = self.hasher.hash_one((pid, &*text));
        while let Some(&id) = self.by_content.get(&key) {
            let task = &self.tasks[id.0 as usize];
            if task.pid == pid && *task.name == *text {
                return id;
            }
            key = key.wrapping_add(1);
        }
        let id = TaskId(self.tasks.len() as u32);
        self.tasks.push(Task { pid, name: text.into(), thread: ThreadIx::NONE });
        self.by_content.insert(key, id);
        id
    }

    /// Gives every pid a dense [`ThreadIx`]; the idle threads of `cpus` CPUs come first. Idle's
    /// name is a property of the CPU, so tasks with pid 0 keep [`ThreadIx::NONE`] and are resolved
    /// with [`Self::thread_on`]. Pids that only ever act (`actors`) become threads without a name.
    pub(super) fn number_threads(&mut self, cpus: usize, actors: &[Pid]) {
        self.threads = vec![(Pid(0), TaskId::NONE); cpus];
        self.by_pid.clear();
        for (i, task) in self.tasks.iter_mut().enumerate() {
            if task.pid.0 == 0 {
                continue;
            }
            let threads = &mut self.threads;
            task.thread = *self.by_pid.entry(task.pid).or_insert_with(|| {
                threads.push((task.pid, TaskId(i as u32)));
                ThreadIx(threads.len() as u32 - 1)
            });
        }
        for &pid in actors.iter().filter(|p| p.0 > 0) {
            self.by_pid.entry(pid).or_insert_with(|| {
                self.threads.push((pid, TaskId::NONE));
                ThreadIx(self.threads.len() as u32 - 1)
            });
        }
    }

    /// The task behind an id; `None` for [`TaskId::NONE`].
    pub fn get(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.0 as usize)
    }

    /// All tasks, in order of first appearance.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TaskId, &Task)> {
        self.tasks.iter().enumerate().map(|(i, t)| (TaskId(i as u32), t))
    }

    /// Number of (pid, name) pairs.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Number of threads, idle threads included.
    pub fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// The thread of `id` when it runs (or is queued) on `cpu`: pid 0 is that CPU's own idle
    /// thread.
    pub fn thread_on(&self, id: TaskId, cpu: CpuId) -> ThreadIx {
        match self.get(id) {
            Some(task) if task.pid.0 == 0 => ThreadIx(u32::from(cpu.0)),
            Some(task) => task.thread,
            None => ThreadIx::NONE,
        }
    }

    /// The thread with this pid when it is executing on `cpu`.
    pub fn thread_of_pid(&self, pid: Pid, cpu: CpuId) -> ThreadIx {
        match pid.0 {
            0 => ThreadIx(u32::from(cpu.0)),
            _ => self.by_pid.get(&pid).copied().unwrap_or(ThreadIx::NONE),
        }
    }

    /// True for the idle threads.
    pub fn is_idle(&self, thread: ThreadIx) -> bool {
        self.threads.get(thread.ix()).is_some_and(|(pid, _)| pid.0 == 0)
    }

    /// Pid of a thread.
    pub fn pid(&self, thread: ThreadIx) -> Pid {
        self.threads.get(thread.ix()).map_or(Pid(-1), |(pid, _)| *pid)
    }

    /// The first name seen of a thread; [`TaskId::NONE`] for idle threads and those that no event
    /// names.
    pub fn first_name(&self, thread: ThreadIx) -> TaskId {
        self.threads.get(thread.ix()).map_or(TaskId::NONE, |t| t.1)
    }

    /// The thread's first name; `idle` for idle threads. What is shown of an event uses
    /// [`super::Trace::name_at`]: a thread has a name at a time.
    pub fn thread_name(&self, thread: ThreadIx) -> &str {
        match self.threads.get(thread.ix()) {
            Some((pid, _)) if pid.0 == 0 => "idle",
            Some((_, id)) => self.get(*id).map_or("?", |t| &t.name),
            None => "?",
        }
    }
}
