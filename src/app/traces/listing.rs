//! The list of the Traces screen: its columns, what it is filtered and sorted by, and which rows
//! are left.

use super::{Entry, Traces};
use crate::app::columns::{self, Chosen};
use crate::app::filter::{Filter, Language};
use crate::app::list::{List, Sorting};
use crate::dataset::catalog::is_kernel;
use crate::query::{Completion, FilterError};
use std::cmp::Ordering;
use std::fmt::{Display, Formatter, Result as FmtResult};

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The recording's name.
    Recording,
    /// What the benchmark uses it for, or how it came into the list.
    Split,
    /// Kernel release and scheduler.
    Kernel,
    /// CPUs.
    Cpus,
    /// Events.
    Events,
    /// Size of the file.
    Size,
    /// Workload.
    Workload,
}

/// Columns: which, name, cells, and whether right-aligned.
pub const LIST: [(Column, &str, u16, bool); 7] = [
    (Column::Recording, "recording", 28, false),
    (Column::Split, "split", 11, false),
    (Column::Kernel, "kernel", 15, false),
    (Column::Cpus, "CPUs", 4, true),
    (Column::Events, "events", 11, true),
    (Column::Size, "size", 9, true),
    (Column::Workload, "workload", 22, false),
];

/// Cells before the first column, and between two.
const GUTTER: u16 = 2;
/// From this width on names have more room.
const WIDE: u16 = 122;

impl Column {
    fn order(self, a: &Entry, b: &Entry) -> Ordering {
        match self {
            Self::Recording => a.name.cmp(&b.name),
            Self::Split => (&a.split, a.via.label()).cmp(&(&b.split, b.via.label())),
            Self::Kernel => a.kernel.cmp(&b.kernel),
            Self::Cpus => a.cpus.cmp(&b.cpus),
            Self::Events => a.events.cmp(&b.events),
            Self::Size => a.bytes.cmp(&b.bytes),
            Self::Workload => a.workload.cmp(&b.workload),
        }
    }

    /// Numbers that one looks for are the great ones.
    fn great(self) -> bool {
        matches!(self, Self::Cpus | Self::Events | Self::Size)
    }
}

/// Words that a row must have, each anywhere in what it says; a release (`6.1`) is its kernel's, as
/// `--kernel` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    fn of(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_lowercase).collect())
    }

    fn take(&self, e: &Entry) -> bool {
        let said = [&e.name, &e.workload, &e.kernel, &e.split].map(|text| text.to_lowercase());
        let via = e.via.label();
        let part = |word: &str| said.iter().any(|text| text.contains(word));
        let of_kernel = |word: &str| is_release(word) && !e.kernel.is_empty();
        self.0.iter().all(|word| {
            if of_kernel(word) { is_kernel(&e.kernel, word) } else { via == word || part(word) }
        })
    }
}

/// `6.1`: digits with dots between them.
fn is_release(word: &str) -> bool {
    word.contains('.')
        && word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c == '.' || c.is_ascii_digit())
}

impl Display for Words {
    fn fmt(&self, f: &mut Formatter) -> FmtResult {
        f.write_str(&self.0.join(" "))
    }
}

/// What filters of this list are written in.
struct AnyWords;

impl Language<Words> for AnyWords {
    fn parse(&self, text: &str) -> Result<Words, FilterError> {
        Ok(Words::of(text))
    }

    fn complete(&self, _text: &str, _caret: usize) -> Completion {
        Completion::default()
    }

    fn both(&self, mut a: Words, b: Words) -> Words {
        a.0.extend(b.0);
        a
    }
}

/// See the module.
#[derive(Debug)]
pub struct Listing {
    /// What it is filtered by.
    pub filter: Filter<Words>,
    /// Which columns of [`LIST`] are shown.
    pub columns: Chosen,
    /// The shown column that the mark is on.
    pub column: usize,
    /// Sorted by this; `None`: as they were found.
    pub sort: Option<Sorting<Column>>,
    /// The rows that the filter lets through, sorted, as indices of the entries.
    pub rows: Vec<usize>,
}

impl Default for Listing {
    fn default() -> Self {
        let columns = Chosen::all(LIST.len());
        Self { filter: Filter::default(), columns, column: 0, sort: None, rows: Vec::new() }
    }
}

impl Listing {
    /// The columns that fit into a line of this width, of which the mark is on one. The first
    /// stands in front wherever that is.
    pub fn placed(&self, w: u16) -> Vec<columns::Placed> {
        let wider = if w >= WIDE { 8 } else { 0 };
        let all = LIST.map(|(column, _, cells, _)| {
            // The second cell between two columns belongs to the one before it.
            cells + 1 + if column == Column::Recording { wider } else { 0 }
        });
        let room = (w + 1).saturating_sub(GUTTER);
        let placed = columns::named(&self.columns.widths(&all), self.column, (GUTTER, room));
        placed.into_iter().map(|(i, x, cells)| (i, x, cells.saturating_sub(1))).collect()
    }

    /// Orders the entries anew.
    fn arrange(&mut self, entries: &[Entry]) {
        let takes = |e: &Entry| self.filter.now.as_ref().is_none_or(|words| words.take(e));
        self.rows = (0..entries.len()).filter(|&i| takes(&entries[i])).collect();
        if let Some(Sorting { by, descending }) = self.sort {
            self.rows.sort_by(|&a, &b| {
                let order = by.order(&entries[a], &entries[b]);
                if descending { order.reverse() } else { order }
            });
        }
    }

    /// Sorts by the column under the mark; again: the other way round.
    fn turn(&mut self) {
        let by = LIST[self.columns.at(self.column)].0;
        match &mut self.sort {
            Some(sort) => sort.turn(by, by.great()),
            None => self.sort = Some(Sorting { by, descending: by.great() }),
        }
    }
}

impl Traces {
    /// Orders the rows anew, standing on the same recording.
    pub(super) fn arrange(&mut self) {
        let stood = self.current().map(|e| e.path.clone());
        self.listing.arrange(&self.entries);
        let rows = &self.listing.rows;
        let place = |path| rows.iter().position(|&i| self.entries[i].path == path);
        self.list.keep(stood.and_then(place));
    }

    /// Sorts by the column under the mark.
    pub(super) fn sort(&mut self) {
        self.listing.turn();
        self.arrange();
        self.list = List::default();
    }

    /// Keeps only recordings that have these words; of none, all.
    pub(in crate::app) fn filter_by(&mut self, words: &str) {
        let words = Words::of(words);
        self.listing.filter.set((!words.0.is_empty()).then_some(words));
        self.arrange();
    }

    /// Gives the keys to the filter line.
    pub(super) fn edit(&mut self) {
        self.listing.filter.edit(&AnyWords);
    }

    /// Takes a key while the filter is typed: the list follows.
    pub(super) fn type_filter(&mut self, key: crate::app::input::Key) {
        self.listing.filter.type_key(key, &AnyWords);
        self.arrange();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::input::Key;
    use crate::app::traces::Via;

    fn traces() -> Traces {
        let entry = |name: &str, workload: &str, cpus, via| Entry {
            path: name.into(),
            name: name.into(),
            workload: workload.into(),
            kernel: "6.18 EEVDF".into(),
            cpus,
            via,
            ..Entry::default()
        };
        let mut traces = Traces::new(Vec::new());
        traces.entries = vec![
            entry("b_run0", "nginx-ab", 2, Via::Here),
            entry("a_run0", "hackbench", 8, Via::Bundled),
            entry("c_run0", "nginx-wrk", 4, Via::Bundled),
        ];
        traces.arrange();
        traces
    }

    fn names(traces: &Traces) -> String {
        let of = |&i: &usize| traces.entries[i].name[..1].to_owned();
        traces.listing.rows.iter().map(of).collect()
    }

    #[test]
    fn words_filter_and_columns_sort() {
        let mut traces = traces();
        assert_eq!(names(&traces), "bac");
        traces.list.at = 2;
        traces.edit();
        "NGINX eevdf".chars().for_each(|c| traces.type_filter(Key::Char(c)));
        traces.type_filter(Key::Enter);
        assert_eq!(
            (names(&traces).as_str(), traces.current().unwrap().name.as_str()),
            ("bc", "c_run0")
        );
        traces.listing.column = 3;
        traces.sort();
        assert_eq!(names(&traces), "cb", "the machine with most CPUs first");
        traces.sort();
        assert_eq!(names(&traces), "bc");
        traces.edit();
        traces.type_filter(Key::Ctrl('u'));
        "here".chars().for_each(|c| traces.type_filter(Key::Char(c)));
        traces.type_filter(Key::Enter);
        assert_eq!(names(&traces), "b");
        traces.edit();
        "x".chars().for_each(|c| traces.type_filter(Key::Char(c)));
        traces.type_filter(Key::Enter);
        assert_eq!((names(&traces).as_str(), traces.current()), ("", None));
    }

    #[test]
    fn a_release_is_a_kernel_and_no_part_of_another() {
        let mut traces = traces();
        traces.entries[1].kernel = "6.1.0 CFS".into();
        (traces.entries[2].kernel, traces.entries[2].name) = (String::new(), "c-6.18".into());
        for (words, found) in [
            ("6.1", "ac"),
            ("6.18", "bc"),
            ("6.1.", "a"),
            ("hack 6.18", ""),
            ("6", "bac"),
            ("x.1", ""),
        ] {
            traces.filter_by(words);
            assert_eq!(names(&traces), found, "{words}");
        }
    }

    #[test]
    fn as_many_columns_as_fit_are_shown() {
        let shown = |w| traces().listing.placed(w).len();
        assert_eq!([43, 60, 65, 66, 90, 114, 200].map(shown), [2, 3, 3, 4, 6, 7, 7]);
        for w in 40..200 {
            assert!(traces().listing.placed(w).iter().all(|(_, x, cells)| x + cells <= w), "{w}");
        }
    }
}
