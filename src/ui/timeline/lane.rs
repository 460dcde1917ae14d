//! The lane of a CPU: who ran, who was predicted, and how long the queue was. A column shows one
//! stint where there is room and the longest-running task of many where there is not; never a lie,
//! never a walk over events.

use super::slim::used_in;
use crate::app::answers::{Answers, Verdict};
use crate::app::layout::Layout;
use crate::app::second::short_label;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::What;
use crate::replay::lod::{Cell, column_time, stint_span};
use crate::trace::{CpuId, ThreadIx};
use crate::ui::palette::{Theme, bar, short_name};
use crate::ui::pen::Pen;
use ratatui::style::{Modifier, Style};
use std::ops::Range;

/// A CPU with all that is known of it.
pub struct Lane<'a> {
    /// The recording.
    pub t: &'a Timeline,
    /// Where things are.
    pub l: &'a Layout,
    /// Which CPU.
    pub cpu: usize,
    /// Its first line.
    pub y: u16,
    /// Lines that fit.
    pub rows: u16,
}

impl Lane<'_> {
    /// Draws it.
    pub fn draw(&self, pen: &mut Pen) {
        let (t, id) = (self.t, CpuId(self.cpu as u16));
        let cells =
            t.loaded.pyramid.cells(t.trace(), id, t.view.start, t.view.width, self.l.cols());
        self.names(pen);
        let switches = t.trace().cpu_switches(id);
        if switches.is_empty() {
            pen.put(
                self.l.plot.x + 2,
                self.y,
                self.l.plot.w.saturating_sub(2),
                "no switch was recorded on this CPU",
                pen.theme.dim(),
            );
            return;
        }
        runs(&cells, |s, pen| self.ran(&cells, s, pen), pen);
        for (row, answers) in self.predictions() {
            runs(&cells, |s, pen| self.predicted(answers, row, &cells, s, pen), pen);
        }
        if !self.queue_rows().is_empty() {
            cells.iter().enumerate().for_each(|(i, cell)| self.queued(i, cell, pen));
        }
        self.figures(&cells, pen);
    }

    /// The prediction rows that fit: where they are in the lane, and whose they are.
    fn predictions(&self) -> impl Iterator<Item = (u16, &Answers)> {
        let second = self.t.second.as_ref().map(|s| &s.answers);
        let all = [Some(&self.t.answers), second].into_iter().flatten();
        (self.l.ran..self.rows.min(self.l.ran + self.l.predictions)).zip(all)
    }

    /// Where the queue is in the lane, as far as it fits.
    fn queue_rows(&self) -> Range<u16> {
        let from = self.l.ran + self.l.predictions;
        from.min(self.rows)..(from + self.l.queue).min(self.rows)
    }

    /// Lines that say who ran.
    fn ran_rows(&self) -> u16 {
        self.l.ran.min(self.rows)
    }

    fn x(&self, col: usize) -> u16 {
        self.l.plot.x + col as u16
    }

    /// The event that names stint `i`: the switch that it begins with; of the first one, the switch
    /// that ends it.
    fn event_of(&self, stint: usize) -> usize {
        let switches = self.t.trace().cpu_switches(CpuId(self.cpu as u16));
        switches.get(stint.saturating_sub(1)).map_or(0, |&e| e as usize)
    }

    /// An event of the column, for the names in it.
    fn event_in(&self, cell: &Cell) -> usize {
        self.event_of(cell.stint.unwrap_or(cell.end))
    }

    fn found(&self, cell: &Cell) -> bool {
        let name = |found: &crate::app::timeline::Found| {
            found
                .tasks
                .binary_search(&self.t.trace().task_at(cell.thread, self.event_in(cell)))
                .is_ok()
        };
        self.t.looks.found.as_ref().is_some_and(name)
    }

    fn selected(&self, stint: usize) -> bool {
        self.cpu == self.t.cpu && self.t.decision.map(|k| k + 1) == Some(stint)
    }

    fn names(&self, pen: &mut Pen) {
        let gutter = self.l.plot.x;
        let on = self.cpu == self.t.cpu;
        let style = if on { pen.theme.strong() } else { pen.theme.text() };
        let cpu = if gutter >= 12 {
            let stood = self.t.rows.on == What::Cpu(self.cpu);
            format!("{}CPU{}", if stood { "›" } else { " " }, self.cpu)
        } else {
            format!("CPU{}", self.cpu)
        };
        pen.put(0, self.y, gutter - 1, &cpu, style);
        let right = |pen: &mut Pen, row: u16, text: &str| {
            let n = (text.chars().count() as u16).min(gutter - 1);
            pen.put(gutter - 1 - n, self.y + row, n, text, pen.theme.dim());
        };
        if gutter >= 12 {
            right(pen, 0, "ran");
        }
        for (row, answers) in self.predictions() {
            let second = self.t.second.as_ref().filter(|_| row > self.l.ran);
            let whose = second.map(|s| short_label(&s.label, usize::from(gutter - 1)));
            right(pen, row, whose.as_deref().unwrap_or(answers.row().name()));
        }
        if let Some(row) = self.queue_rows().next() {
            right(pen, row, "queue");
        }
    }

    /// Fills columns with one style and writes a text after the separator.
    fn segment(
        &self,
        row: u16,
        cols: &Range<usize>,
        (text, style): (&str, Style),
        starts: bool,
        pen: &mut Pen,
    ) {
        let width = cols.len() as u16;
        let (x, y) = (self.x(cols.start), self.y + row);
        for dx in 0..width {
            if let Some(cell) = pen.cell((x + dx, y)) {
                cell.set_symbol(" ").set_style(style);
            }
        }
        let edge = u16::from(starts);
        if starts && (width > 1 || !pen.theme.color()) {
            pen.put(x, y, 1, if pen.theme.color() { "▏" } else { "│" }, style);
        }
        if width > edge {
            pen.put(x + edge, y, width - edge, text, style);
        }
    }

    fn ran(&self, cells: &[Cell], cols: Range<usize>, pen: &mut Pen) {
        let cell = &cells[cols.start];
        if cell.outside {
            return;
        }
        let colour = self.t.colour(cell.thread);
        let style = match (&self.t.looks.found, self.found(cell)) {
            (Some(_), true) => pen.theme.task(colour).patch(pen.theme.lit()),
            (Some(_), false) => pen.theme.faded(),
            (None, _) => pen.theme.task(colour),
        };
        if cell.gap > 0.0 {
            let style = if cell.gap >= 0.5 { pen.theme.gap() } else { style };
            for (col, row) in cols.flat_map(|col| (0..self.ran_rows()).map(move |row| (col, row))) {
                pen.put(self.x(col), self.y + row, 1, "╱", style);
            }
            return;
        }
        if cell.is_unknown() {
            let text = unknown(cols.len());
            pen.put(self.x(cols.start), self.y, cols.len() as u16, &text, pen.theme.gap());
            return;
        }
        let Some(stint) = cell.stint else {
            let (glyph, style) =
                many(self.t, (self.cpu, cols.start, self.l.cols()), cell, pen.theme);
            for row in 0..self.ran_rows() {
                pen.put(self.x(cols.start), self.y + row, 1, &glyph, style);
            }
            return;
        };
        self.stint(stint, cell.thread, &cols, style, pen);
    }

    /// Who ran, the whole time.
    fn stint(
        &self,
        stint: usize,
        thread: ThreadIx,
        cols: &Range<usize>,
        mut style: Style,
        pen: &mut Pen,
    ) {
        let (trace, id) = (self.t.trace(), CpuId(self.cpu as u16));
        let (from, to) = stint_span(trace, id, stint);
        let starts = from.0 >= self.t.view.start && stint > 0;
        let room = cols.len() - usize::from(starts);
        let idle = trace.tasks().is_idle(thread);
        if self.selected(stint) {
            style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        let text = if idle {
            let word = if room >= 6 { "· idle" } else { "" };
            format!("{word}{}", " ·".repeat(room.saturating_sub(word.chars().count()).div_ceil(2)))
        } else {
            short_name(trace, thread, self.event_of(stint), room)
        };
        for row in 0..self.ran_rows() {
            let text = if row == 0 || idle { &text } else { "" };
            self.segment(row, cols, (text, style), starts, pen);
        }
        // The state in which it leaves, where the end of the stint is visible.
        let ends = to.0 < self.t.view.end() && to < trace.span();
        if ends && !idle && room >= 5 && text.chars().count() < room {
            self.leaves(stint, cols.end - 1, pen);
        }
    }

    /// The letter of the state in which the thread of a stint goes out.
    fn leaves(&self, stint: usize, col: usize, pen: &mut Pen) {
        let trace = self.t.trace();
        if let Some(&event) = trace.cpu_switches(CpuId(self.cpu as u16)).get(stint) {
            let state = trace.event(event as usize).state;
            let letter: String = state.label().to_string().chars().next().into_iter().collect();
            pen.put(self.x(col), self.y, 1, &letter, pen.theme.state(state));
        }
    }

    fn predicted(
        &self,
        answers: &Answers,
        at: u16,
        cells: &[Cell],
        cols: Range<usize>,
        pen: &mut Pen,
    ) {
        let cell = &cells[cols.start];
        if cell.outside || (cell.is_unknown() && cell.gap < 0.5) {
            return;
        }
        if cell.gap >= 0.5 {
            cols.for_each(|col| {
                pen.put(self.x(col), self.y + at, 1, "╱", pen.theme.gap());
            });
            return;
        }
        match cell.stint {
            Some(stint) => self.guessed(answers, at, stint, &cols, pen),
            None => self.missed(answers, at, cell, cols.start, pen),
        }
    }

    /// In a column of many stints: how many of their predictions were misses.
    fn missed(&self, answers: &Answers, at: u16, cell: &Cell, col: usize, pen: &mut Pen) {
        let score = answers.score(self.cpu, cell.first..cell.end);
        let (glyph, style) = match score.miss_share() {
            _ if !answers.is_known(self.cpu, cell.first) => ("░", pen.theme.pending()),
            None if answers.row_lacks_model() => ("–", pen.theme.dim()),
            None => ("·", pen.theme.dim()),
            Some(share) if share > 0.0 => (bar(share), pen.theme.miss()),
            Some(_) => ("▁", pen.theme.hit()),
        };
        pen.put(self.x(col), self.y + at, 1, glyph, style);
    }

    /// Who was predicted for a stint.
    fn guessed(
        &self,
        answers: &Answers,
        at: u16,
        stint: usize,
        cols: &Range<usize>,
        pen: &mut Pen,
    ) {
        let (trace, theme) = (self.t.trace(), pen.theme);
        let Some(k) = stint.checked_sub(1) else { return };
        let Some(prediction) = answers.get(self.cpu, k) else {
            self.unanswered(answers, at, cols, pen);
            return;
        };
        let starts = stint_span(trace, CpuId(self.cpu as u16), stint).0.0 >= self.t.view.start;
        let row = answers.row();
        let guess = row.guess(prediction);
        let width = cols.len() - usize::from(starts);
        let who = |room: usize| {
            guess.map_or_else(String::new, |(thread, _)| {
                short_name(trace, thread, self.event_of(stint), room)
            })
        };
        match row.verdict(prediction) {
            Verdict::Miss if cols.len() == 1 => {
                pen.put(self.x(cols.start), self.y + at, 1, "✗", theme.miss());
            }
            Verdict::Miss => {
                self.segment(at, cols, ("", theme.miss()), starts, pen);
                let (x, y) = (self.x(cols.start) + u16::from(starts), self.y + at);
                let room = width.saturating_sub(1);
                let who = who(room);
                let mark = x + who.chars().count() as u16;
                pen.put(x, y, room as u16, &who, theme.miss());
                pen.put(mark.min(self.x(cols.end - 1)), y, 1, "✗", theme.miss());
            }
            Verdict::Hit => {
                let thread = guess.map_or(ThreadIx::NONE, |g| g.0);
                let style = theme.task_text(self.t.colour(thread));
                self.segment(at, cols, (&who(width), style), starts, pen);
            }
            Verdict::Trivial => {
                self.segment(at, cols, (&who(width), theme.dim()), starts, pen);
            }
            Verdict::NoAnswer => {
                let named = answers.row_lacks_model() && width >= 10;
                let word = if named { "– no model" } else { "–" };
                self.segment(at, cols, (word, theme.dim()), starts, pen);
            }
        }
    }

    /// A stint whose prediction is not there yet, or never will be.
    fn unanswered(&self, answers: &Answers, at: u16, cols: &Range<usize>, pen: &mut Pen) {
        let (word, fill) = match answers.failed {
            Some(_) => (" no prediction ", "·"),
            None => ("░ computing ", "░"),
        };
        let word = if cols.len() >= word.chars().count() { word } else { "" };
        let rest = cols.len().saturating_sub(word.chars().count());
        let text = format!("{word}{}", fill.repeat(rest));
        self.segment(at, cols, (&text, pen.theme.pending()), false, pen);
    }

    fn queued(&self, col: usize, cell: &Cell, pen: &mut Pen) {
        let answers = &self.t.answers;
        let rows = self.queue_rows();
        if cell.outside || cell.is_unknown() {
            return;
        }
        let queue = if cell.switches() > 0 {
            answers
                .is_known(self.cpu, cell.first)
                .then(|| answers.score(self.cpu, cell.first..cell.end).queue)
        } else {
            match cell.first.checked_sub(1) {
                Some(k) => answers.get(self.cpu, k).map(|p| p.queue),
                None => return,
            }
        };
        let Some(queue) = queue else {
            pen.put(self.x(col), self.y + rows.end - 1, 1, "░", pen.theme.pending());
            return;
        };
        let share = f32::from(queue) / f32::from(answers.max_queue.max(1)) * rows.len() as f32;
        for (below, row) in rows.rev().enumerate() {
            let part = share - below as f32;
            if part > 0.0 {
                pen.put(self.x(col), self.y + row, 1, bar(part.min(1.0)), pen.theme.queue());
            }
        }
    }

    /// Figures of the visible window on the right.
    fn figures(&self, cells: &[Cell], pen: &mut Pen) {
        let x = self.l.plot.x + self.l.plot.w + 1;
        let room = self.l.lanes.w.saturating_sub(x);
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return };
        if room < 8 {
            return;
        }
        let text =
            used_in(self.t, cells).map_or_else(|| "unknown".into(), |used| format!("use {used}"));
        pen.put(x, self.y, room, &text, pen.theme.dim());
        for (row, answers) in self.predictions() {
            let score = answers.score(self.cpu, first.first..last.end);
            let pending = !answers.is_known(self.cpu, first.first) && last.end > first.first;
            let text = match score.miss_share() {
                Some(share) => format!("hit {:>4.1} %", (1.0 - share) * 100.0),
                None if last.end == first.first => "hit    –".into(),
                None if pending && answers.failed.is_some() => "none".into(),
                None if pending => "pending".into(),
                None if answers.row_lacks_model() => "no model".into(),
                None if score.trivial => "trivial".into(),
                None => "no answer".into(),
            };
            pen.put(x, self.y + row, room, &text, pen.theme.text());
        }
        let longest = self.t.answers.score(self.cpu, first.first..last.end).queue;
        if let Some(row) = self.queue_rows().next().filter(|_| longest > 0) {
            pen.put(x, self.y + row, room, &format!("max {longest:>3}"), pen.theme.dim());
        }
    }
}

/// A column of many stints: the one that ran longest, shaded by use. While tasks are searched,
/// where they ran is lit.
pub fn many(
    t: &Timeline,
    (cpu, col, cols): (usize, usize, usize),
    cell: &Cell,
    theme: Theme,
) -> (String, Style) {
    let (trace, colour) = (t.trace(), t.colour(cell.thread));
    let idle = trace.tasks().is_idle(cell.thread);
    let [from, to] = [col, col + 1].map(|c| column_time(t.view.start, t.view.width, c, cols));
    let event = trace
        .cpu_switches(CpuId(cpu as u16))
        .get(cell.end.saturating_sub(1))
        .map_or(0, |&e| e as usize);
    let found = |f: &crate::app::timeline::Found| {
        f.tasks.binary_search(&trace.task_at(cell.thread, event)).is_ok()
    };
    let letter = || if idle { "·".into() } else { short_name(trace, cell.thread, event, 1) };
    let shade = match cell.busy {
        _ if idle && cell.busy < 0.01 => "·",
        b if b < 0.25 => "░",
        b if b < 0.6 => "▒",
        b if b < 0.95 => "▓",
        _ => "█",
    };
    match &t.looks.found {
        Some(f) if found(f) && theme.color() => ("█".into(), theme.task_text(colour)),
        Some(f) if found(f) => (letter(), theme.lit()),
        // Somebody else ran longer.
        Some(f) if f.ran(cpu, from, to) => ("▪".into(), theme.lit_mark()),
        Some(_) => ((if idle { "·" } else { "░" }).into(), theme.faded()),
        None if theme.color() => (shade.into(), theme.task_text(colour)),
        None if cell.busy >= 0.6 => (letter(), theme.strong()),
        None => (letter(), theme.task_text(colour)),
    }
}

/// So many columns of time of which the recording says nothing.
pub fn unknown(cols: usize) -> String {
    const WORD: &str = " unknown ";
    let dots = |n: usize| "┈".repeat(n);
    match cols.checked_sub(WORD.len() + 2) {
        Some(rest) => format!("{}{WORD}{}", dots(1 + rest / 2), dots(1 + rest - rest / 2)),
        None => dots(cols),
    }
}

/// Calls `paint` with every maximal run of columns that lie in the same stint. A column of many
/// stints stands alone.
pub fn runs(cells: &[Cell], paint: impl Fn(Range<usize>, &mut Pen), pen: &mut Pen) {
    let lost = |c: &Cell| (c.gap > 0.0, c.gap >= 0.5, c.is_unknown());
    let mut i = 0;
    while i < cells.len() {
        let a = &cells[i];
        let same = |b: &Cell| {
            b.stint.is_some() && b.stint == a.stint && b.outside == a.outside && lost(b) == lost(a)
        };
        let end = cells[i + 1..].iter().position(|b| !same(b)).map_or(cells.len(), |n| i + 1 + n);
        paint(i..end, pen);
        i = end;
    }
}
