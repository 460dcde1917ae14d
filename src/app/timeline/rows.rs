//! The rows of the timeline, as the user composes them: pinned tasks, CPUs, and groups of CPUs
//! where there are more than rows. What a row shows is a value; drawing, keys and mouse go by this
//! one list, and a row's height is what it says here.

pub mod kinds;
mod pins;

pub use kinds::{Heat, Placed, Shape, Sort, What};

use crate::app::layout::{Layout, Want};
use crate::trace::ThreadIx;
use pins::Pins;

/// See the module.
#[derive(Clone, Debug)]
pub struct Rows {
    /// How CPUs are shown.
    pub shape: Shape,
    /// What a heat map is coloured by.
    pub heat: Heat,
    /// By what CPUs are sorted.
    pub sort: Sort,
    /// The row one stands on.
    pub on: What,
    /// CPUs in the order in which they are shown.
    order: Vec<usize>,
    /// Pinned tasks.
    pub pins: Pins,
    /// Groups that are unfolded, and CPUs that are shown as lanes among single rows, or the other
    /// way round.
    opened: Vec<What>,
    /// CPUs in one row.
    group: usize,
    /// All rows from top to bottom.
    all: Vec<What>,
    /// The first visible one.
    first: usize,
}

impl Rows {
    /// One row for each of so many CPUs.
    pub fn new(cpus: usize) -> Self {
        let order: Vec<usize> = (0..cpus).collect();
        let all = order.iter().map(|&c| What::Cpu(c)).collect();
        Self {
            shape: Shape::Auto,
            heat: Heat::Use,
            sort: Sort::Number,
            on: What::Cpu(0),
            order,
            pins: Pins::default(),
            opened: Vec::new(),
            group: 1,
            all,
            first: 0,
        }
    }

    /// All rows, from top to bottom.
    pub fn all(&self) -> &[What] {
        &self.all
    }

    /// Pinned tasks, in the order of their rows.
    pub fn pinned(&self) -> &[ThreadIx] {
        &self.pins.threads
    }

    /// The CPUs of a row: one, several, or none.
    pub fn cpus(&self, what: What) -> &[usize] {
        match what {
            What::Task(_) => &[],
            What::Cpu(cpu) => {
                self.order.iter().position(|&c| c == cpu).map_or(&[], |at| &self.order[at..=at])
            }
            What::Group(at) => {
                let from = at.min(self.order.len());
                &self.order[from..(from + self.group).min(self.order.len())]
            }
        }
    }

    /// True for a group that is unfolded, and for a CPU that is shown otherwise than the rest.
    pub fn is_open(&self, what: What) -> bool {
        self.opened.contains(&what)
    }

    /// What a layout must know.
    pub fn want(&self) -> Want {
        let cpus = self.order.len();
        let of_group = |what: &&What| matches!(what, What::Group(_));
        let members = self.opened.iter().filter(of_group).map(|&what| self.cpus(what).len()).sum();
        let opened = self.opened.iter().filter(|what| matches!(what, What::Cpu(_))).count();
        Want {
            cpus,
            tasks: self.pins.threads.len(),
            members,
            opened,
            shape: self.shape,
            ..Want::default()
        }
    }

    /// Lines of a row.
    pub fn height(&self, what: What, l: &Layout) -> u16 {
        match what {
            What::Task(_) => l.task_h,
            What::Cpu(_) if self.is_lane(what, l) => l.lane_h,
            What::Cpu(_) | What::Group(_) => 1,
        }
    }

    /// True for a CPU that is shown with its predictions and its queue.
    pub fn is_lane(&self, what: What, l: &Layout) -> bool {
        matches!(what, What::Cpu(_)) && (l.shape == Shape::Lanes) != self.is_open(what)
    }

    /// The rows that are visible, with their places.
    pub fn placed(&self, l: &Layout) -> Vec<Placed> {
        let end = l.lanes.y + l.lanes.h;
        let mut y = l.lanes.y;
        let mut placed = Vec::new();
        for &what in &self.all[self.first.min(self.all.len())..] {
            if y >= end {
                break;
            }
            let h = self.height(what, l);
            // The empty line behind a lane need not fit.
            placed.push(Placed { what, y, h: h.min(end - y) });
            y += h;
        }
        placed
    }

    /// True when not all rows fit.
    pub fn scrolls(&self, l: &Layout) -> bool {
        let all: usize = self.all.iter().map(|&what| usize::from(self.height(what, l))).sum();
        all > usize::from(l.lanes.h)
    }

    /// Makes the list anew for a layout, finds the row one stands on in it, and scrolls so that it
    /// is visible.
    pub fn arrange(&mut self, l: &Layout, cpu: usize) {
        if l.group != self.group {
            self.opened.retain(|what| matches!(what, What::Cpu(_)));
            self.group = l.group.max(1);
        }
        self.all.clear();
        self.all.extend(self.pins.threads.iter().map(|&thread| What::Task(thread)));
        for at in (0..self.order.len()).step_by(self.group) {
            let members = &self.order[at..(at + self.group).min(self.order.len())];
            if self.group > 1 {
                self.all.push(What::Group(at));
            }
            if self.group == 1 || self.opened.contains(&What::Group(at)) {
                self.all.extend(members.iter().map(|&c| What::Cpu(c)));
            }
        }
        self.stand(cpu);
        self.keep_visible(l);
    }

    /// Stays on a row that there is and that has this CPU, or on a pinned task.
    fn stand(&mut self, cpu: usize) {
        let has = |what: What| match what {
            What::Task(thread) => self.pins.threads.contains(&thread),
            what => self.all.contains(&what) && self.cpus(what).contains(&cpu),
        };
        if !has(self.on) {
            let group = || self.all.iter().copied().find(|&what| self.cpus(what).contains(&cpu));
            let own = What::Cpu(cpu);
            self.on = if self.all.contains(&own) { own } else { group().unwrap_or(own) };
        }
    }

    /// Index of the row one stands on.
    pub fn at(&self) -> usize {
        self.all.iter().position(|&what| what == self.on).unwrap_or(0)
    }

    fn keep_visible(&mut self, l: &Layout) {
        let (at, room) = (self.at(), usize::from(l.lanes.h));
        let height = |i: usize| usize::from(self.height(self.all[i], l));
        // The last first row with which this one still fits, and the last one that leaves no room
        // empty.
        let reach = |last: usize| {
            let mut used = 0;
            let fits = (0..=last).rev().take_while(|&i| {
                used += height(i);
                used <= room
            });
            fits.last().unwrap_or(last)
        };
        let Some(end) = self.all.len().checked_sub(1) else { return };
        let first = self.first.clamp(reach(at), at).min(reach(end));
        self.first = first;
    }

    /// The row that is so many below the one that one stands on.
    pub fn beside(&self, by: isize) -> Option<What> {
        let at = self.at().saturating_add_signed(by).min(self.all.len().checked_sub(1)?);
        self.all.get(at).copied()
    }

    /// Unfolds or folds a group; shows a CPU as a lane, or in one row again.
    pub fn open(&mut self, what: What) {
        match self.opened.iter().position(|&o| o == what) {
            Some(at) => drop(self.opened.remove(at)),
            None => self.opened.push(what),
        }
    }

    /// Shows CPUs in another way: what was opened one by one is closed.
    pub fn reshape(&mut self) {
        self.shape = self.shape.next();
        self.opened.clear();
    }

    /// Sorts CPUs by what `much` says, the most first; by number if that is `None`.
    pub fn sort(&mut self, by: Sort, much: impl Fn(usize, Heat) -> f64) {
        self.sort = by;
        self.order.sort_unstable();
        if let Sort::By(heat) = by {
            let n = self.order.iter().max().map_or(0, |&c| c + 1);
            let all: Vec<f64> = (0..n).map(|c| much(c, heat)).collect();
            self.order.sort_by(|&a, &b| all[b].total_cmp(&all[a]));
        }
        // Other CPUs stand together now.
        self.opened.retain(|what| matches!(what, What::Cpu(_)));
        self.first = 0;
    }

    /// Gives a task a row above the CPUs. False when it had one.
    pub fn pin(&mut self, thread: ThreadIx) -> bool {
        let new = self.pins.add(thread);
        self.first = if new { 0 } else { self.first };
        new
    }
}

#[cfg(test)]
mod tests {
    use super::pins::MOST;
    use super::*;

    fn arranged(rows: &mut Rows, size: (u16, u16), cpu: usize) -> Layout {
        let l = Layout::timeline(size, &rows.want());
        rows.arrange(&l, cpu);
        l
    }

    #[test]
    fn the_selected_row_is_always_visible_and_no_room_is_left_empty() {
        for (cpus, size) in
            [(1, (80, 24)), (7, (80, 24)), (16, (120, 40)), (64, (80, 24)), (300, (200, 50))]
        {
            for shape in [Shape::Auto, Shape::Lanes, Shape::Slim, Shape::Heat] {
                let mut rows = Rows::new(cpus);
                rows.shape = shape;
                let l = arranged(&mut rows, size, 0);
                for at in (0..rows.all().len()).chain((0..rows.all().len()).rev()) {
                    rows.on = rows.all()[at];
                    let cpu = rows.cpus(rows.on)[0];
                    rows.arrange(&l, cpu);
                    let placed = rows.placed(&l);
                    assert!(
                        placed.iter().any(|p| p.what == rows.on),
                        "{cpus} {size:?} {shape:?} {at}: {placed:?}"
                    );
                    let last = placed.last().map_or(0, |p| p.y + p.h);
                    let full =
                        placed.len() == rows.all().len() || last + l.lane_h > l.lanes.y + l.lanes.h;
                    assert!(
                        full && last <= l.lanes.y + l.lanes.h,
                        "{cpus} {size:?} {shape:?} {at}"
                    );
                    assert!(
                        placed.windows(2).all(|w| w[0].y + w[0].h == w[1].y),
                        "one below the other"
                    );
                }
            }
        }
    }

    #[test]
    fn one_stands_on_the_group_while_a_cpu_is_folded_away() {
        let mut rows = Rows::new(512);
        let l = arranged(&mut rows, (200, 50), 37);
        assert_eq!((l.group, rows.on, rows.all().len()), (16, What::Group(32), 32));
        rows.open(What::Group(32));
        rows.on = What::Cpu(37);
        let _ = arranged(&mut rows, (200, 50), 37);
        assert_eq!((rows.on, rows.at(), rows.all().len()), (What::Cpu(37), 2 + 1 + 5, 48));
        rows.open(What::Group(32));
        let _ = arranged(&mut rows, (200, 50), 37);
        assert_eq!(rows.on, What::Group(32));
        // Other groups, in a smaller window: nothing is unfolded.
        rows.open(What::Group(32));
        let l = arranged(&mut rows, (80, 24), 37);
        assert!(l.group > 16 && rows.all().len() == 512_usize.div_ceil(l.group));
    }

    #[test]
    fn pinned_tasks_stand_above_the_cpus_the_last_one_first() {
        let mut rows = Rows::new(2);
        assert!(rows.pin(ThreadIx(7)) && rows.pin(ThreadIx(9)) && !rows.pin(ThreadIx(7)));
        let _ = arranged(&mut rows, (120, 40), 0);
        let [nine, seven] = [9, 7].map(|t| What::Task(ThreadIx(t)));
        assert_eq!(rows.all(), [nine, seven, What::Cpu(0), What::Cpu(1)]);
        rows.on = seven;
        assert_eq!(
            (rows.beside(1), rows.beside(-5), rows.beside(9)),
            (Some(What::Cpu(0)), Some(nine), Some(What::Cpu(1)))
        );
        assert!(rows.pins.remove(ThreadIx(7)) && !rows.pins.remove(ThreadIx(7)));
        let _ = arranged(&mut rows, (120, 40), 1);
        assert_eq!(rows.on, What::Cpu(1), "its row is gone");
        for thread in 20..60 {
            rows.pin(ThreadIx(thread));
        }
        assert_eq!((rows.pinned().len(), rows.pinned()[0]), (MOST, ThreadIx(59)));
    }

    #[test]
    fn sorted_cpus_form_other_groups() {
        let mut rows = Rows::new(8);
        rows.sort(Sort::By(Heat::Use), |cpu, _| [0.3, 0.9, 0.1, 0.9, 0.0, 0.2, 0.5, 0.4][cpu]);
        let _ = arranged(&mut rows, (120, 60), 3);
        let order: Vec<usize> =
            rows.all().iter().flat_map(|&what| rows.cpus(what).to_vec()).collect();
        assert_eq!(order, [1, 3, 6, 7, 0, 5, 2, 4], "the most first, equals by number");
        rows.sort(Sort::Number, |_, _| 0.0);
        assert_eq!(rows.cpus(What::Cpu(3)), [3]);
    }
}
