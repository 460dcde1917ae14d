//! The open recording: playhead, window, selected decision, marks, search. Pure state and
//! arithmetic on it.

pub mod causes;
pub mod colours;
pub mod heat;
pub mod kernel;
mod panes;
pub mod pins;
pub mod rows;
mod search;
mod walk;

pub use panes::{Inspector, Pane, Panes};
pub use search::Found;

use super::answers::{AnswerRow, Answers};
use super::second::Second;
use super::time;
use super::train::live::LiveModel;
use super::view::View;
use crate::replay::Cursor;
use crate::replay::lod::{self, Pyramid};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};
use causes::Causes;
use colours::Colours;
use rows::Rows;
use std::path::PathBuf;
use std::sync::Arc;

/// A recording, ready to be drawn.
#[derive(Debug)]
pub struct Loaded {
    /// Its file.
    pub path: PathBuf,
    /// Its events.
    pub trace: Arc<Trace>,
    /// Its level-of-detail index.
    pub pyramid: Pyramid,
    /// What was skipped or cut while reading, in words.
    pub notes: Vec<String>,
}

/// How tasks and times are shown.
#[derive(Debug, Default)]
pub struct Looks {
    /// Who has which colour.
    pub colours: Colours,
    /// The last search: what it found is lit.
    pub found: Option<Found>,
    /// Times are shown by the recording's own clock, not since its start.
    pub absolute: bool,
}

/// State of the timeline screen while a recording is open.
#[derive(Debug)]
pub struct Timeline {
    /// The recording.
    pub loaded: Arc<Loaded>,
    /// Predictions so far.
    pub answers: Answers,
    /// Another predictor's, in a row of their own.
    pub second: Option<Second>,
    /// Playhead.
    pub cursor: Cursor,
    /// Visible window.
    pub view: View,
    /// What is shown below each other.
    pub rows: Rows,
    /// How it is shown.
    pub looks: Looks,
    /// Selected CPU.
    pub cpu: usize,
    /// Selected decision: index of a switch on the selected CPU. `None` before its first switch.
    pub decision: Option<usize>,
    /// Up to two marks.
    pub marks: Vec<Nanos>,
    /// What led to what is shown.
    pub causes: Causes,
    /// What is below the rows: what has the arrows, and what is known of the selected decision.
    pub panes: Panes,
}

/// Columns that one stint should have at first.
const FIRST_COLUMNS: u64 = 16;

impl Timeline {
    /// A recording just opened, shown at a zoom at which single decisions can be read in `cols`
    /// columns.
    pub fn new(loaded: Arc<Loaded>, cols: usize) -> Self {
        let trace = &loaded.trace;
        let span = trace.span().0;
        let counts = (0..trace.cpus()).map(|c| trace.cpu_switches(CpuId(c as u16)).len());
        let (cpu, most) =
            counts.enumerate().max_by_key(|&(c, n)| (n, std::cmp::Reverse(c))).unwrap_or((0, 0));
        let width = (span / (most as u64 + 1)).saturating_mul((cols as u64 / FIRST_COLUMNS).max(1));
        let view = View::fit(span).at(0, width.max(1_000));
        let mut cursor = Cursor::new(trace.span());
        // A window in about eight seconds: every switch can be followed.
        cursor.choose_speed(view.width, Nanos(8_000_000_000));
        let answers = Answers::new(trace.cpus());
        let mut timeline = Self {
            rows: Rows::new(trace.cpus()),
            looks: Looks::default(),
            answers,
            second: None,
            cursor,
            view,
            cpu: if most > 0 { cpu } else { 0 },
            decision: None,
            marks: Vec::new(),
            causes: Causes::default(),
            panes: Panes::default(),
            loaded,
        };
        timeline.follow_playhead();
        timeline
    }

    /// The recording.
    pub fn trace(&self) -> &Trace {
        &self.loaded.trace
    }

    /// A task's colour, one of [`colours::COLOURS`]; none for idle.
    pub fn colour(&self, thread: ThreadIx) -> Option<u8> {
        self.looks.colours.of(self.trace(), thread)
    }

    /// A point in time (ns since the start) in words, by the clock that is shown; digits as a
    /// window of `width` ns needs.
    pub fn point(&self, at: u64, width: u64) -> String {
        time::point(self.zero().saturating_add(at), width)
    }

    /// What the clock that is shown said at the first event, in ns.
    pub fn zero(&self) -> u64 {
        if self.looks.absolute { self.trace().meta().start_ns } else { 0 }
    }

    /// Index of the selected switch among all events.
    pub fn event(&self) -> Option<usize> {
        self.trace().cpu_switches(CpuId(self.cpu as u16)).get(self.decision?).map(|&e| e as usize)
    }

    /// Whose weights gave the answer that is shown at the selected switch, if not the current
    /// model.
    pub fn whose(&self) -> Option<&LiveModel> {
        self.answers.whose(self.cpu, self.decision?)
    }

    /// Selects the last switch at or before the playhead; of a pinned task where it runs then.
    pub fn follow_playhead(&mut self) {
        self.follow_task();
        let at = self.cursor.pos().0.saturating_add(1);
        let before = lod::switches_before(self.trace(), CpuId(self.cpu as u16), at);
        self.decision = before.checked_sub(1);
    }

    /// Moves the playhead and keeps it visible.
    pub fn seek(&mut self, to: Nanos) {
        self.cursor.seek(to);
        self.view = self.view.show(self.cursor.pos().0);
        self.follow_playhead();
    }

    /// Moves the playhead in real time. The window turns its page when the playhead leaves it.
    pub fn tick(&mut self, now: Nanos) {
        let was = self.cursor.pos().0;
        self.cursor.advance(now);
        let pos = self.cursor.pos().0;
        if pos == was {
            return;
        }
        if self.view.contains(was) && !self.view.contains(pos) {
            self.view = self.view.at(pos.saturating_sub(self.view.width / 20), self.view.width);
        }
        self.follow_playhead();
    }

    /// Sets a mark; a third one starts over.
    pub fn mark(&mut self) {
        if self.marks.len() >= 2 {
            self.marks.clear();
        }
        self.marks.push(self.cursor.pos());
    }

    /// Shows the next predictor.
    pub fn next_row(&mut self) {
        let row: AnswerRow = self.answers.row().next();
        let loaded = Arc::clone(&self.loaded);
        self.answers.set_row(row, &loaded.trace);
        if let Some(second) = &mut self.second {
            second.follow(row, &loaded.trace);
        }
    }
}
