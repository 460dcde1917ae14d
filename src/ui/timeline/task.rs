//! A pinned task across the CPUs: where it ran, when it waited, slept or was blocked, and who woke
//! it.

use super::lane::unknown;
use super::slim::{figures, name};
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::{Placed, What};
use crate::replay::lod::column_time;
use crate::stats::Doing;
use crate::stats::life::{Life, Part};
use crate::trace::ThreadIx;
use crate::ui::palette::{bar, short_name};
use crate::ui::pen::Pen;
use std::ops::Range;

/// See the module.
pub struct Task<'a> {
    /// The recording.
    pub t: &'a Timeline,
    /// Where things are.
    pub l: &'a Layout,
    /// Which task.
    pub thread: ThreadIx,
    /// Its place.
    pub place: Placed,
}

/// What a column shows: one part, or a mixture of several.
#[derive(Clone, Copy, PartialEq)]
enum Shows {
    /// It is not there.
    Nothing,
    /// A part, by its index.
    One(usize),
    /// Several parts.
    Many,
}

/// Wake-ups in a window that are drawn one by one, at most.
const MOST_WAKES: usize = 500;

impl Task<'_> {
    /// Draws it.
    pub fn draw(&self, pen: &mut Pen) {
        let (t, y) = (self.t, self.place.y);
        let event =
            t.trace().times().partition_point(|&at| at <= t.cursor.pos().0).saturating_sub(1);
        let room = usize::from(self.l.plot.x).saturating_sub(2);
        self.name(event, room, pen);
        let Some(life) = t.life(self.thread) else {
            pen.put(
                self.l.plot.x + 2,
                y,
                self.l.plot.w,
                "░ it is being followed",
                pen.theme.pending(),
            );
            return;
        };
        let cols = self.l.cols();
        let columns: Vec<Shows> = (0..cols).map(|col| self.shows(life, col)).collect();
        let mut col = 0;
        while col < cols {
            let same = columns[col..]
                .iter()
                .take_while(|s| **s == columns[col] && **s != Shows::Many)
                .count()
                .max(1);
            match columns[col] {
                Shows::Nothing => {}
                Shows::One(i) => self.part(&life.parts[i], col..col + same, pen),
                Shows::Many => self.many(life, col, pen),
            }
            col += same;
        }
        self.wakes(life, pen);
        let spent = life.spent(t.view.start, t.view.end());
        let percent = |ns: u64| ns as f64 * 100.0 / t.view.width.max(1) as f64;
        figures(self.l, y, &format!("ran {:>3.0} %", percent(spent.running)), pen);
        if self.place.h > 1 {
            figures(self.l, y + 1, &format!("wait{:>3.0} %", percent(spent.runnable)), pen);
        }
    }

    /// Name and pid, in two lines where one is too short for both.
    fn name(&self, event: usize, room: usize, pen: &mut Pen) {
        let (what, y) = (What::Task(self.thread), self.place.y);
        let full = self.t.trace().label_at(self.thread, event);
        let fits = |text: &str| text.chars().count() <= room;
        let two = full
            .rsplit_once(':')
            .filter(|(comm, _)| !fits(&full) && fits(comm) && self.place.h > 1);
        let Some((comm, pid)) = two else {
            let short = short_name(self.t.trace(), self.thread, event, room);
            name(self.t, self.l, (what, y), &short, pen);
            return;
        };
        name(self.t, self.l, (what, y), comm, pen);
        pen.right((0, y + 1), self.l.plot.x - 1, &format!(":{pid}"), pen.theme.dim());
    }

    fn x(&self, col: usize) -> u16 {
        self.l.plot.x + col as u16
    }

    fn times(&self, col: usize) -> (u64, u64) {
        let at = |c| column_time(self.t.view.start, self.t.view.width, c, self.l.cols());
        (at(col), at(col + 1))
    }

    fn shows(&self, life: &Life, col: usize) -> Shows {
        let (t0, t1) = self.times(col);
        let parts = life.within(t0, t1.max(t0 + 1));
        match parts.len() {
            0 => Shows::Nothing,
            1 => Shows::One(parts.start),
            2 => {
                let head = life.parts[parts.start].to - t0;
                Shows::One(if head * 2 > t1 - t0 { parts.start } else { parts.start + 1 })
            }
            _ => Shows::Many,
        }
    }

    fn part(&self, part: &Part, cols: Range<usize>, pen: &mut Pen) {
        let (theme, y, n) = (pen.theme, self.place.y, cols.len());
        let (x, width) = (self.x(cols.start), n as u16);
        match part.doing {
            Doing::Running => {
                let style = theme.running(self.t.colour(self.thread));
                pen.fill(x, y, width, style);
                let arrow = if part.moved && part.from >= self.t.view.start { "→" } else { "" };
                let cpu = part.cpu.0;
                let texts = [
                    format!("{arrow}CPU{cpu}"),
                    format!("{arrow}{cpu}"),
                    cpu.to_string(),
                    arrow.to_owned(),
                ];
                if let Some(text) = texts.iter().find(|text| text.chars().count() <= n) {
                    pen.put(x, y, width, text, style);
                }
            }
            Doing::Runnable => drop(pen.put(x, y, width, &"▒".repeat(n), theme.runnable())),
            Doing::Sleeping => drop(pen.put(x, y, width, &"─".repeat(n), theme.faded())),
            Doing::Blocked => {
                pen.put(x, y, width, &"─".repeat(n), theme.gap());
                pen.put(x, y, 1, "D", theme.gap());
            }
            Doing::Unknown => drop(pen.put(x, y, width, &unknown(n), theme.gap())),
        }
    }

    /// Several parts in one column: how much it ran as a bar; where it waited longer than it ran,
    /// that.
    fn many(&self, life: &Life, col: usize, pen: &mut Pen) {
        let (t0, t1) = self.times(col);
        let spent = life.spent(t0, t1);
        let (glyph, style) = if spent.runnable > spent.running {
            ("▒", pen.theme.runnable())
        } else if spent.running > 0 {
            let share = spent.running as f32 / (t1 - t0).max(1) as f32;
            (bar(share.min(1.0)), pen.theme.task_text(self.t.colour(self.thread)))
        } else {
            ("─", pen.theme.faded())
        };
        pen.put(self.x(col), self.place.y, 1, glyph, style);
    }

    /// `↑` where it was woken; on a line of its own with who did it and where.
    fn wakes(&self, life: &Life, pen: &mut Pen) {
        let (t, cols) = (self.t, self.l.cols());
        let [from, to] =
            [t.view.start, t.view.end()].map(|at| life.wakes.partition_point(|w| w.at < at));
        let own_line = self.place.h > 1;
        let y = self.place.y + u16::from(own_line);
        let dim = pen.theme.dim();
        if to - from > MOST_WAKES.min(cols * 2) {
            if own_line {
                let text =
                    format!("woken {} times here", crate::app::time::grouped((to - from) as u64));
                pen.put(self.l.plot.x, y, self.l.plot.w, &text, dim);
            }
            return;
        }
        for (i, wake) in life.wakes[from..to].iter().enumerate() {
            let Some(col) = t.view.column(wake.at, cols) else { continue };
            let next = life.wakes[from..to]
                .get(i + 1)
                .and_then(|w| t.view.column(w.at, cols))
                .unwrap_or(cols);
            if !own_line {
                // Only over the time in which it waits: what it does after that is more important.
                let (t0, t1) = self.times(col);
                let spent = life.spent(t0, t1);
                if spent.runnable > spent.running {
                    pen.put(self.x(col), y, 1, "↑", pen.theme.wake());
                }
                continue;
            }
            let room = (next.max(col + 1) - col).saturating_sub(1);
            pen.put(self.x(col), y, 1, "↑", pen.theme.wake());
            let event = t.trace().times().partition_point(|&at| at <= wake.at).saturating_sub(1);
            if wake.by == ThreadIx::NONE {
                continue;
            }
            let text = format!("{} CPU{}", short_name(t.trace(), wake.by, event, 24), wake.cpu.0);
            let short = short_name(t.trace(), wake.by, event, room.saturating_sub(1));
            let text = if text.chars().count() < room { text } else { short };
            if room > 2 {
                pen.put(self.x(col + 1), y, room as u16 - 1, &text, dim);
            }
        }
    }
}
