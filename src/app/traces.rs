//! The Traces screen: the recordings one can open, the bundled ones and those given on the command
//! line; in its place the dialog or the panel of a recording that is made. Reads no file.

mod listing;

pub use super::entry::{Entry, Via, kernel};
pub use listing::{Column, LIST, Listing};

use super::input::{Key, Mouse, MouseKind};
use super::keys::{self, Action, Contexts};
use super::list::{self, List, PAGE};
use super::mistakes::Do;
use super::recording::Recorder;
use super::tab::Tab;
use super::timeline::Loaded;
use super::{Context, Screen, Wish, columns};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Row of the filter, of the columns' names, and the first of the list.
pub const FILTER: u16 = 1;
/// See [`FILTER`].
pub const HEAD: u16 = 2;
/// See [`FILTER`].
pub const TOP: u16 = 3;

/// The bundled recording that opens when none is named, and that the tour walks through. It is
/// inside the program.
pub const FIRST: &str = "hackbench-pipe-2g_run3";

/// The list and the row one stands on.
#[derive(Debug, Default)]
pub struct Traces {
    /// Rows: given ones first.
    pub entries: Vec<Entry>,
    /// The selected row.
    pub list: List,
    /// Which rows there are, in which order.
    pub listing: Listing,
    /// Why the bundled recordings could not be listed.
    pub problem: Option<String>,
    /// False until the list has been read.
    pub listed: bool,
    /// Recordings that are made.
    pub recorder: Recorder,
    /// The files that the user gave.
    given: Vec<PathBuf>,
}

impl Traces {
    /// Not listed yet; these were given.
    pub fn new(given: Vec<PathBuf>) -> Self {
        Self { given, ..Self::default() }
    }

    /// The files that the user gave.
    pub(super) fn given(&self) -> &[PathBuf] {
        &self.given
    }

    /// The user gave these.
    pub(super) fn give(&mut self, given: Vec<PathBuf>) {
        self.given = given;
    }

    /// The selected row.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(*self.listing.rows.get(self.list.at)?)
    }

    /// Rows of the list that fit.
    pub fn rows((_, height): (u16, u16)) -> usize {
        usize::from(height.saturating_sub(TOP + 1)).saturating_sub(Self::detail_rows((0, height)))
    }

    /// Rows below the list that tell more about the selected file.
    pub fn detail_rows((_, height): (u16, u16)) -> usize {
        if height >= 16 { 6 } else { 2 }
    }

    /// Takes the list, keeping the selection on the same file and what opening it has told. Without
    /// anything given the first bundled one is opened.
    pub(super) fn listed(
        &mut self,
        entries: Vec<Entry>,
        problem: Option<String>,
        idle: bool,
        cx: &mut Context,
    ) {
        let stood = self.current().map(|e| e.path.clone());
        let old = std::mem::replace(&mut self.entries, entries);
        for entry in &mut self.entries {
            if let Some(known) = old.iter().find(|e| e.path == entry.path) {
                entry.error.clone_from(&known.error);
                entry.notes.clone_from(&known.notes);
                entry.events = known.events.or(entry.events);
            }
        }
        self.listing.rows.clear();
        self.arrange();
        self.stand_on(stood.as_deref());
        (self.problem, self.listed) = (problem, true);
        let bundled =
            || self.entries.iter().filter(|e| e.via == Via::Bundled || !e.split.is_empty());
        let first = bundled().find(|e| e.name == FIRST).or_else(|| bundled().next());
        if let Some(first) = first.filter(|_| idle && self.given.is_empty()) {
            cx.wish(Wish::Open(first.path.clone(), true));
        }
    }

    /// Takes what opening a file has told.
    pub(super) fn opened(&mut self, path: &Path, result: &Result<Arc<Loaded>, String>) {
        let Some(entry) = self.entries.iter_mut().find(|e| e.path == path) else { return };
        match result {
            Ok(loaded) => {
                let meta = loaded.trace.meta();
                entry.events = Some(loaded.trace.len() as u64);
                entry.cpus = loaded.trace.cpus() as u16;
                entry.workload.clone_from(&meta.workload);
                if entry.kernel.is_empty() {
                    entry.kernel = kernel(&meta.kernel, meta.scheduler);
                }
                entry.notes.clone_from(&loaded.notes);
                entry.error = None;
            }
            Err(problem) => entry.error = Some(problem.clone()),
        }
    }

    /// Puts a recording that was made at the top, and stands on it.
    pub(super) fn add(&mut self, entry: Entry) {
        self.given.insert(0, entry.path.clone());
        let path = entry.path.clone();
        self.entries.retain(|e| e.path != entry.path);
        self.entries.insert(0, entry);
        self.arrange();
        self.stand_on(Some(&path));
    }

    /// Chooses the recording for looking at several together, or no longer.
    fn choose(&mut self, cx: &mut Context) {
        let Some(path) = self.current().map(|e| e.path.clone()) else { return };
        let chosen = &mut cx.shared.chosen;
        if let Some(at) = chosen.iter().position(|p| *p == path) {
            chosen.remove(at);
        } else {
            chosen.push(path);
        }
        cx.say(match cx.shared.chosen.len() {
            0 => "3 shows the mistakes of the open recording".into(),
            1 => "3 shows the mistakes of one recording".into(),
            n => format!("3 shows the mistakes of {n} recordings together"),
        });
        self.list.step(1, self.listing.rows.len());
    }

    fn act_on_list(&mut self, what: list::Do) {
        match what {
            list::Do::Left | list::Do::Right => {
                let n = self.listing.columns.count();
                self.listing.column = list::mark(self.listing.column, what, n);
            }
            list::Do::Sort => self.sort(),
            list::Do::Clear => {
                self.listing.filter.set(None);
                self.arrange();
            }
            _ => {}
        }
    }

    /// Selects this recording, if it is listed.
    fn stand_on(&mut self, path: Option<&Path>) {
        let rows = self.listing.rows.iter();
        let at = rows.enumerate().find(|(_, i)| Some(self.entries[**i].path.as_path()) == path);
        self.list.keep(at.map(|(row, _)| row));
    }

    /// Compares the open recording with the selected one.
    fn compare(&self, cx: &mut Context) {
        match self.current().filter(|_| cx.open.is_some()) {
            Some(entry) => cx.wish(Wish::Compare(entry.path.clone())),
            None => cx.say("open a recording first: the selected one is compared with it"),
        }
    }

    fn open(&self, cx: &mut Context) {
        let Some(entry) = self.current() else { return };
        cx.wish(Wish::Show(Tab::Timeline));
        cx.wish(Wish::Open(entry.path.clone(), false));
    }
}

impl Screen for Traces {
    fn keys(&self) -> Contexts {
        self.recorder.context().unwrap_or(keys::TRACES)
    }

    fn type_key(&mut self, key: Key, cx: &mut Context) -> bool {
        if self.recorder.asking {
            self.recorder.dialog_key(key, cx);
            return true;
        }
        self.listing.filter.editing && {
            self.type_filter(key);
            true
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context) {
        if self.recorder.context().is_some() {
            self.recorder.act(action, cx);
        } else if !self.list.act(action, PAGE, self.listing.rows.len()) {
            match action {
                Action::Record => self.recorder.ask(false, cx),
                Action::Find => self.edit(),
                Action::List(what) => self.act_on_list(what),
                Action::Back if self.listing.filter.widen() => self.arrange(),
                Action::Back => cx.wish(Wish::Show(Tab::Timeline)),
                Action::Mistakes(Do::Choose) => self.choose(cx),
                Action::Compare(_) => self.compare(cx),
                Action::Open => self.open(cx),
                _ => {}
            }
        }
    }

    fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        if self.recorder.context().is_some() {
            self.recorder.mouse(mouse, cx);
            return;
        }
        let n = self.listing.rows.len();
        match mouse.kind {
            MouseKind::WheelUp => self.list.step(-1, n),
            MouseKind::WheelDown => self.list.step(1, n),
            MouseKind::Down if mouse.y == FILTER => self.edit(),
            MouseKind::Down if mouse.y == HEAD => {
                if let Some(column) = columns::at(&self.listing.placed(cx.size.0), mouse.x) {
                    self.listing.column = column;
                    self.sort();
                }
            }
            MouseKind::Down => {
                let line = mouse.y.checked_sub(TOP).map(usize::from);
                // A second click on the same row opens it.
                if line
                    .and_then(|l| self.list.row(l, Self::rows(cx.size), n))
                    .is_some_and(|row| self.list.click(row))
                {
                    self.open(cx);
                }
            }
            MouseKind::Drag | MouseKind::Up => {}
        }
    }
}
