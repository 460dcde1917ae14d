//! A queue that is written down, and the recording that a kernel would have made of it: events and
//! its own state at each switch.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Virtual µs.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub pid: i32,
    pub vruntime: i64,
    pub deadline: i64,
}

/// How the one before leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaves {
    /// Asleep.
    Sleeps,
    /// Asleep, but still on the queue.
    Delayed,
    /// Still runnable: preempted.
    Preempted,
    /// Still runnable: it yielded.
    Yields,
}

/// A group of the root queue.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub vruntime: i64,
    pub deadline: i64,
    /// Until where it is protected.
    pub protected: i64,
}

/// One CPU whose tasks wait from the beginning.
#[derive(Debug)]
pub struct Machine {
    kernel: &'static str,
    rows: Vec<BTreeMap<String, i64>>,
    lines: Vec<String>,
    tree: Vec<(Task, bool)>,
    running: Option<Task>,
    /// Those that wait in another queue.
    pub elsewhere: Vec<i32>,
    /// Weights of tasks; all others, and groups, have the weight of nice 0.
    pub weights: Vec<(i32, i64)>,
    /// Of the tasks, and what is the first of the root's tree then.
    pub group: Option<(Group, Option<Group>)>,
    /// That of the one that leaves, where it is another one.
    pub left: Option<Group>,
    time: u64,
}

const WEIGHT: i64 = 1 << 20;

impl Machine {
    /// `tasks` are woken on it.
    pub fn new(kernel: &'static str, tasks: &[Task]) -> Self {
        let mut machine = Self {
            kernel,
            rows: Vec::new(),
            lines: Vec::new(),
            tree: Vec::new(),
            running: None,
            elsewhere: Vec::new(),
            weights: Vec::new(),
            group: None,
            left: None,
            time: 0,
        };
        for task in tasks {
            machine.wake(*task);
        }
        machine
    }

    /// It is woken.
    pub fn wake(&mut self, task: Task) {
        self.tree.push((task, false));
        self.event(&format!("wakeup,0,{},task,120,,,,,,0", task.pid), BTreeMap::new());
    }

    fn weight(&self, task: &Task) -> i64 {
        self.weights.iter().find(|w| w.0 == task.pid).map_or(WEIGHT, |w| w.1 << 10)
    }

    fn event(&mut self, rest: &str, row: BTreeMap<String, i64>) -> usize {
        self.time += 1_000;
        self.lines.push(format!("{},0,{rest}", self.time));
        self.rows.push(row);
        self.lines.len() - 1
    }

    /// `pid` comes in; the number of the switch.
    pub fn pick(&mut self, pid: i32, leaves: Leaves) -> usize {
        self.pick_dropping(pid, leaves, None)
    }

    /// As [`Self::pick`]; `dropped` is taken off the queue, where it was only asleep.
    pub fn pick_dropping(&mut self, pid: i32, leaves: Leaves, dropped: Option<i32>) -> usize {
        let cfs = self.kernel.starts_with("6.1.");
        let prev = self.running;
        if let Some(prev) = prev.filter(|_| leaves != Leaves::Sleeps) {
            self.tree.push((prev, leaves == Leaves::Delayed));
        }
        self.tree.retain(|(t, _)| Some(t.pid) != dropped);
        let at = self.tree.iter().position(|(t, _)| t.pid == pid).unwrap();
        let (next, _) = self.tree.remove(at);
        let mut row = BTreeMap::new();
        let mut set = |name: &str, n: i64| {
            row.insert(format!("truth_{name}"), n);
        };
        let depth = i64::from(self.group.is_some());
        for (of, task) in [("prev", prev), ("next", Some(next))] {
            let Some(task) = task else { continue };
            let on = of == "next" || leaves != Leaves::Sleeps;
            set(&format!("{of}_vruntime"), task.vruntime * 1_000);
            set(&format!("{of}_slice"), 1_400_000);
            set(&format!("{of}_weight"), self.weight(&task));
            set(&format!("{of}_on_rq"), i64::from(on));
            set(&format!("{of}_depth"), depth);
            if !cfs {
                set(&format!("{of}_deadline"), task.deadline * 1_000);
                set(&format!("{of}_delayed"), i64::from(of == "prev" && leaves == Leaves::Delayed));
            }
        }
        let key = |t: &Task| if cfs { t.vruntime } else { t.deadline };
        let here = self.tree.iter().filter(|(t, _)| !self.elsewhere.contains(&t.pid));
        if let Some((first, delayed)) = here.min_by_key(|(t, _)| key(t)) {
            set("first_vruntime", first.vruntime * 1_000);
            set("first_weight", self.weight(first));
            if !cfs {
                set("first_deadline", first.deadline * 1_000);
                set("first_delayed", i64::from(*delayed));
            }
        }
        let here = self.tree.iter().filter(|(t, _)| !self.elsewhere.contains(&t.pid)).count();
        set("queue_count", here as i64 + 1);
        if cfs {
            set("queue_min", 0);
        } else {
            set("queue_zero", 0);
            set("queue_sum", self.tree.iter().map(|(t, _)| t.vruntime * 1_000 * 1_024).sum());
            set("queue_sum_weight", self.tree.len() as i64 * 1_024);
        }
        if let Some((group, first)) = self.group {
            let sides = ["prev_group", "next_group"]
                .into_iter()
                .filter(|s| prev.is_some() || *s == "next_group");
            let first = first.map(|first| ("first_group", first));
            let of_side = |side| match self.left {
                Some(left) if side == "prev_group" => left,
                _ => group,
            };
            for (of, g) in sides.map(|s| (s, of_side(s))).chain(first) {
                set(&format!("{of}_vruntime"), g.vruntime * 1_000);
                set(&format!("{of}_deadline"), g.deadline * 1_000);
                set(&format!("{of}_weight"), WEIGHT);
                if of != "first_group" {
                    set(&format!("{of}_lag"), g.protected * 1_000);
                    set(&format!("{of}_on_rq"), 1);
                }
            }
            let first = first.map(|f| f.1);
            set("group_queue_zero", 0);
            set("group_queue_sum", first.map_or(0, |f| f.vruntime * 1_000 * 1_024));
            set("group_queue_sum_weight", if first.is_some() { 1_024 } else { 0 });
            set("group_queue_count", 1 + i64::from(first.is_some()));
        }
        let state = match leaves {
            Leaves::Sleeps | Leaves::Delayed => "S",
            Leaves::Preempted => "R+",
            Leaves::Yields => "R",
        };
        let who = prev
            .map_or_else(|| "0,swapper/0,120,R".into(), |p| format!("{},task,120,{state}", p.pid));
        let actor = prev.map_or(0, |p| p.pid);
        self.running = Some(next);
        self.event(&format!("switch,{actor},{who},{pid},task,120,,"), row)
    }

    /// Writes the recording; `truth`: with the kernel's own state.
    pub fn write(&self, folder: &Path, truth: bool) -> PathBuf {
        let mut columns: Vec<&String> =
            self.rows.iter().flat_map(BTreeMap::keys).filter(|_| truth).collect();
        columns.sort();
        columns.dedup();
        let mut text =
            "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu".to_owned();
        for column in &columns {
            text += ",";
            text += column;
        }
        for (line, row) in self.lines.iter().zip(&self.rows) {
            let _ = write!(text, "\n{line}"); // a String takes all
            for column in &columns {
                let _ = write!(
                    text,
                    ",{}",
                    row.get(*column).map_or_else(String::new, ToString::to_string)
                );
            }
        }
        let path = folder.join("case.csv");
        std::fs::write(&path, text + "\n").unwrap();
        let class = if self.kernel.starts_with("6.1.") { "CFS" } else { "EEVDF" };
        let meta = format!(
            "name = \"case\"\nkernel = \"{}\"\nscheduler = \"{class}\"\ncpus = 1\nhz = 250\nautogroup = {}\n",
            self.kernel,
            self.group.is_some()
        );
        std::fs::write(folder.join("case.toml"), meta).unwrap();
        path
    }
}
