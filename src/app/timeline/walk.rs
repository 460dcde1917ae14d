//! Going from decision to decision and from row to row.

use super::rows::{Heat, Shape, Sort, What};
use super::{Pane, Timeline};
use crate::app::keys::Action;
use crate::app::layout::{Layout, Room};
use crate::replay::lod;
use crate::trace::CpuId;

impl Timeline {
    /// Selects a CPU, and its row if it has one.
    pub(super) fn stand_on(&mut self, cpu: usize) {
        self.cpu = cpu.min(self.trace().cpus().saturating_sub(1));
        self.rows.on = What::Cpu(self.cpu);
    }

    /// Selects a row; the playhead stays.
    pub fn choose(&mut self, what: What) {
        self.rows.on = what;
        match what {
            What::Cpu(cpu) => self.cpu = cpu.min(self.trace().cpus().saturating_sub(1)),
            What::Group(_) => {
                let members = self.rows.cpus(what);
                if !members.contains(&self.cpu) {
                    self.cpu = members.first().copied().unwrap_or(0);
                }
            }
            What::Task(_) => {}
        }
        self.follow_playhead();
    }

    /// Selects the row that is so many below the selected one.
    pub fn choose_beside(&mut self, by: isize) {
        if let Some(what) = self.rows.beside(by) {
            self.choose(what);
        }
    }

    /// Follows an order about the rows themselves. The words for the last row.
    pub(in crate::app) fn act_on_rows(&mut self, action: Action) -> Option<String> {
        match action {
            Action::Shape => {
                self.rows.reshape();
                let words = match self.rows.shape {
                    Shape::Auto => "rows as they fit",
                    Shape::Lanes => "a lane for each CPU",
                    Shape::Slim => "one row for each CPU, misses as ✗",
                    Shape::Heat => "a heat map; V: of use, misses, queue",
                };
                return Some(words.into());
            }
            Action::Heat => {
                self.rows.heat = self.rows.heat.next();
                return Some(format!("the heat map shows {}", self.rows.heat.name()));
            }
            Action::Sort => return Some(self.sort_rows()),
            Action::Room => {
                (self.panes.focus, self.panes.scroll) = (Pane::Lanes, 0);
                self.panes.room = match self.panes.room {
                    Room::Some => Room::Most,
                    Room::Most => Room::None,
                    Room::None => Room::Some,
                };
            }
            Action::Pin => return self.pin_here(),
            Action::PinFound => return Some(self.pin_found()),
            _ => match self.rows.on {
                What::Task(_) => return self.step_task(true),
                what => self.rows.open(what),
            },
        }
        None
    }

    /// Makes the list of rows fit a layout, and gives what is visible its colours.
    pub fn arrange(&mut self, l: &Layout) {
        self.rows.arrange(l, self.cpu);
        self.look_who_woke();
        self.looks.colours.look(&self.loaded.trace, &self.loaded.pyramid, self.view);
    }

    /// Sorts the CPUs by something else; in words by what.
    pub fn sort_rows(&mut self) -> String {
        self.sort_rows_by(self.rows.sort.next())
    }

    /// Sorts the CPUs by this, as far as it is known now; in words by what.
    pub fn sort_rows_by(&mut self, by: Sort) -> String {
        let Self { rows, loaded, view, answers, .. } = self;
        let much = |cpu: usize, heat: Heat| {
            let id = CpuId(cpu as u16);
            let [from, to] =
                [view.start, view.end()].map(|t| lod::switches_before(&loaded.trace, id, t));
            match heat {
                Heat::Use => loaded
                    .pyramid
                    .cells(&loaded.trace, id, view.start, view.width, 1)
                    .first()
                    .map_or(0.0, |c| f64::from(c.busy)),
                Heat::Misses => answers.score(cpu, from..to).miss_share().map_or(-1.0, f64::from),
                Heat::Queue => f64::from(answers.score(cpu, from..to).queue),
            }
        };
        rows.sort(by, much);
        match by {
            Sort::Number => "CPUs by number".into(),
            Sort::By(Heat::Use) => "CPUs by use of what is visible now, most first".into(),
            Sort::By(Heat::Misses) => {
                "CPUs by share of misses in what is visible now, most first".into()
            }
            Sort::By(Heat::Queue) => {
                "CPUs by longest queue in what is visible now, longest first".into()
            }
        }
    }

    /// Selects switch `k` of the selected CPU and puts the playhead there.
    pub fn select(&mut self, k: usize) {
        let Some(&event) = self.trace().cpu_switches(CpuId(self.cpu as u16)).get(k) else { return };
        let at = self.trace().time(event as usize);
        self.cursor.pause();
        self.cursor.seek(at);
        self.view = self.view.show(at.0);
        self.decision = Some(k);
        self.panes.scroll = 0;
    }

    /// Selects the switch with this index among all events. False when it is none.
    pub fn go_to_event(&mut self, event: usize) -> bool {
        if event >= self.trace().len() {
            return false;
        }
        let cpu = self.trace().event(event).cpu;
        let Ok(k) = self.trace().cpu_switches(CpuId(cpu.0)).binary_search(&(event as u32)) else {
            return false;
        };
        self.stand_on(cpu.ix());
        self.select(k);
        true
    }

    /// Steps to the decision before or after; of a pinned task, to its stint before or after.
    /// In words what led to that.
    pub fn step(&mut self, forward: bool) -> Option<String> {
        match (self.decision, forward) {
            _ if matches!(self.rows.on, What::Task(_)) => return self.step_task(forward),
            (None, true) => self.select(0),
            (None, false) => {}
            (Some(k), true) => self.select(k + 1),
            (Some(k), false) => self.select(k.saturating_sub(1)),
        }
        None
    }

    /// Goes to the next or previous miss of the shown row on this CPU. False when there is none.
    pub fn jump_to_miss(&mut self, forward: bool) -> bool {
        let target = self.answers.find_miss(self.cpu, self.decision, forward);
        if let Some(k) = target {
            self.select(k);
        }
        target.is_some()
    }
}
