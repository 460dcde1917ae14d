//! Two recordings on one axis: where each is aligned, which window of both is visible, and which
//! part of it lies in each.
//!
//! Zero of the axis is where both are aligned: at their starts, at A's mark, at a stint of a name.
//! A window is one of the time that both cover together; whoever has not begun in a part of it or
//! has ended shows nothing there.

use super::Places;
use super::places::layout;
use crate::app::layout::Layout;
use crate::app::timeline::colours::{COLOURS, Colours};
use crate::app::timeline::rows::What;
use crate::app::timeline::{Loaded, Timeline};
use crate::app::view::View;
use crate::replay::lod::column_time;
use crate::text::counted;
use crate::trace::{EventKind, Origin, ThreadIx, Trace};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Where both are aligned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// At their starts.
    #[default]
    Starts,
    /// At this stint of this name, counted from 0.
    Stint(String, usize),
}

/// One of the recordings.
#[derive(Debug)]
pub struct Side {
    /// As the rows of a timeline are drawn: its window is the part of the common one that lies in
    /// it.
    pub t: Timeline,
    /// Where its rows are.
    pub layout: Layout,
    /// Columns before its beginning.
    pub lead: u16,
    /// Its time at the axis' zero, ns since its start; beyond it where it was shifted so far.
    pub zero: i128,
}

/// See the module.
#[derive(Debug)]
pub struct Beside {
    /// A and B.
    pub sides: [Side; 2],
    /// Where they are aligned.
    pub align: Align,
    /// So far B was moved to the right, in ns.
    pub shift: i64,
    /// A's mark.
    pub mark: Option<u64>,
    /// The visible window, from where the first of the two begins.
    pub view: View,
    /// The earlier beginning, in ns before zero of the axis; never positive.
    pub first: i128,
}

impl Side {
    fn new(loaded: &Arc<Loaded>) -> Self {
        let mut t = Timeline::new(Arc::clone(loaded), 100);
        t.decision = None;
        Self { t, layout: Layout::default(), lead: 0, zero: 0 }
    }

    fn span(&self) -> u64 {
        self.t.trace().span().0
    }
}

impl Beside {
    /// Both whole, aligned at their starts. A name has one colour in both.
    pub fn new(both: [&Arc<Loaded>; 2]) -> Self {
        let mut sides = both.map(Side::new);
        let colours = by_name(both);
        for (side, of) in sides.iter_mut().zip(colours) {
            side.t.looks.colours = Colours::chosen(of);
        }
        let view = View::fit(0);
        let mut beside = Self { sides, align: Align::Starts, shift: 0, mark: None, view, first: 0 };
        beside.settle();
        beside.view = beside.all();
        beside
    }

    /// What A and B are called; with their folders where those differ, and where the names are the
    /// same with what tells their files apart.
    pub fn names(&self) -> [String; 2] {
        let [a, b] = &self.sides;
        let names = [a, b].map(|side| side.t.trace().meta().name.clone());
        let apart = apart([&a.t.loaded.path, &b.t.loaded.path], names[0] == names[1]);
        let [a, b] = names;
        [format!("{a}{}", apart[0]), format!("{b}{}", apart[1])]
    }

    /// Kernel, class and CPUs of A and B as far as they differ; `None` where they are the same or
    /// not said.
    pub fn machines(&self) -> Option<[String; 2]> {
        let [a, b] = [0, 1].map(|i: usize| machine(self.sides[i].t.trace()));
        let differ = |i: usize| a[i] != b[i];
        let said = |of: &[String; 4]| {
            // A class says more with the kernel that it is of.
            let kernel = differ(0) || differ(1);
            let shown = [kernel, kernel, differ(2), differ(3)];
            let parts = of.iter().zip(shown).filter(|(text, shown)| *shown && !text.is_empty());
            parts.map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ")
        };
        let both = [said(&a), said(&b)];
        both.iter()
            .any(|text| !text.is_empty())
            .then(|| both.map(|text| if text.is_empty() { "not known".to_owned() } else { text }))
    }

    /// True when it shows these.
    pub fn shows(&self, both: [&Arc<Loaded>; 2]) -> bool {
        self.sides.iter().zip(both).all(|(side, loaded)| Arc::ptr_eq(&side.t.loaded, loaded))
    }

    /// All that both cover.
    fn all(&self) -> View {
        let end = self.sides.iter().map(|s| i128::from(s.span()) - s.zero).max().unwrap_or(0);
        View::fit(u64::try_from(end - self.first).unwrap_or(u64::MAX))
    }

    /// The axis' zero in the window's own time.
    pub fn zero(&self) -> u64 {
        u64::try_from(-self.first).unwrap_or(u64::MAX)
    }

    /// Finds where both are aligned; the window keeps its place in A.
    fn settle(&mut self) {
        let [a, b] = &self.sides;
        let at = i128::from(self.view.start) + self.first + a.zero;
        let stint = |side: &Side| match &self.align {
            Align::Starts => None,
            Align::Stint(name, n) => stint(side.t.trace(), name, *n),
        };
        let zero_a = i128::from(self.mark.or_else(|| stint(a)).unwrap_or(0));
        let zero_b = i128::from(stint(b).unwrap_or(0)) - i128::from(self.shift);
        (self.sides[0].zero, self.sides[1].zero) = (zero_a, zero_b);
        self.first = -zero_a.max(zero_b).max(0);
        // Beginnings that lie behind zero are none.
        let start = u64::try_from((at - zero_a - self.first).max(0)).unwrap_or(u64::MAX);
        self.view = self.all().at(start, self.view.width);
    }

    /// A is aligned at this mark, or no longer.
    pub fn set_mark(&mut self, mark: Option<u64>) {
        if self.mark != mark {
            self.mark = mark;
            self.settle();
            self.view = self.view.show(self.zero());
        }
    }

    /// Aligns at a stint of a name, or at the starts. Nothing that was shifted stays so.
    pub fn align(&mut self, to: Align) {
        (self.align, self.shift) = (to, 0);
        self.settle();
        self.view = self.view.show(self.zero());
    }

    /// Moves B by so many fortieths of the window, to the right if positive.
    pub fn shift(&mut self, by: i64) {
        let step = i64::try_from(self.view.width / 40).unwrap_or(i64::MAX).max(1);
        let far =
            i64::try_from(self.sides.iter().map(Side::span).max().unwrap_or(0)).unwrap_or(i64::MAX);
        self.shift = self.shift.saturating_add(step.saturating_mul(by)).clamp(-far, far);
        self.settle();
    }

    /// Zooms both, around where they are aligned if that is visible.
    pub fn zoom(&mut self, num: u64, den: u64) {
        let middle = self.view.start + self.view.width / 2;
        let around = Some(self.zero()).filter(|zero| self.view.contains(*zero)).unwrap_or(middle);
        self.view = self.view.zoom(around, num, den);
    }

    /// Moves both by a fraction of the window.
    pub fn pan(&mut self, num: i64, den: i64) {
        self.view = self.view.pan(num, den);
    }

    /// Both whole.
    pub fn fit(&mut self) {
        self.view = self.all();
    }

    /// A's time where the window begins, ns since its start.
    pub fn start_in_a(&self) -> u64 {
        let at = i128::from(self.view.start) + self.first + self.sides[0].zero;
        u64::try_from(at.max(0)).unwrap_or(u64::MAX)
    }

    /// Lays the rows out, and gives each side its part of the window.
    pub(super) fn place(&mut self, p: &Places) {
        for (side, area) in self.sides.iter_mut().zip(p.rows) {
            let mut l = layout(area, side.t.trace().cpus());
            let (cols, width) = (l.cols(), self.view.width);
            let start = i128::from(self.view.start) + self.first + side.zero;
            let before = u64::try_from((-start).max(0)).unwrap_or(u64::MAX);
            let begins = |col: usize| column_time(0, width, col, cols);
            let lead = (0..=cols).position(|col| begins(col) >= before).unwrap_or(cols);
            let from = u64::try_from(start + i128::from(begins(lead))).unwrap_or(u64::MAX);
            side.t.view = View::beyond(from, width - begins(lead).min(width));
            (l.plot.x, l.plot.w) = (l.plot.x + lead as u16, l.plot.w - lead as u16);
            side.t.rows.arrange(&l, 0);
            // Nobody stands on a row here.
            side.t.rows.on = What::Task(ThreadIx::NONE);
            (side.layout, side.lead) = (l, lead as u16);
        }
    }
}

/// Kernel release, scheduling class and CPUs of a recording's machine as far as they are known, and
/// whether it was emulated.
fn machine(trace: &Trace) -> [String; 4] {
    let meta = trace.meta();
    let kernel = meta.kernel.split(['-', '+']).next().unwrap_or_default().to_owned();
    let class = trace.machine().class;
    let class = if class.from == Origin::Assumed { "" } else { class.value.label() };
    let cpus = match trace.cpus() as u64 {
        0 => String::new(),
        n => counted(n, "CPU"),
    };
    let emulated = if meta.emulated { "emulated" } else { "" };
    [kernel, class.to_owned(), cpus, emulated.to_owned()]
}

/// The first part, from the end, in which two paths differ, as something to stand behind a name;
/// nothing where they are the same. Only of names that are the `same` do their files count.
fn apart([a, b]: [&Path; 2], same: bool) -> [String; 2] {
    let parts = |path: &Path| -> Vec<String> {
        path.iter().rev().map(|part| part.to_string_lossy().into_owned()).collect()
    };
    let (a, b) = (parts(a), parts(b));
    let first = usize::from(!same);
    let Some(at) = (first..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i)) else {
        return [String::new(), String::new()];
    };
    let said = |parts: &[String]| match (at, parts.get(at)) {
        (_, None) => " · here".to_owned(),
        (0, Some(file)) => format!(" · {file}"),
        (_, Some(folder)) => format!(" · in {folder}"),
    };
    [said(&a), said(&b)]
}

/// When a name comes in for the `n`-th time, ns since the start. O(events), on a key press only.
pub fn stint(trace: &Trace, name: &str, n: usize) -> Option<u64> {
    stints(trace, name).nth(n)
}

/// All such times.
pub fn stints<'a>(trace: &'a Trace, name: &str) -> impl Iterator<Item = u64> + 'a {
    let wanted: Vec<bool> = trace.tasks().iter().map(|(_, task)| *task.name == *name).collect();
    let comes = move |i: &usize| {
        let e = trace.event(*i);
        e.kind == EventKind::Switch && wanted.get(e.next.0 as usize).is_some_and(|w| *w)
    };
    (0..trace.len()).filter(comes).map(|i| trace.time(i).0)
}

/// The colours of all threads of both: those names that ran longest have one of their own. Of
/// several names of a thread the last one counts: what a shell became, not the shell.
fn by_name(both: [&Arc<Loaded>; 2]) -> [HashMap<ThreadIx, u8>; 2] {
    let mut ran: HashMap<&str, u64> = HashMap::new();
    for loaded in both {
        let (trace, span) = (&loaded.trace, loaded.trace.span().0);
        for (thread, ns) in loaded.pyramid.longest(trace, 0, span.saturating_add(1)).threads {
            let sum = ran.entry(last_name(trace, thread)).or_default();
            *sum = sum.saturating_add(ns);
        }
    }
    let mut names: Vec<(&str, u64)> = ran.into_iter().collect();
    names.sort_unstable_by_key(|(name, ns)| (std::cmp::Reverse(*ns), *name));
    // Neighbours in this order differ most.
    let place: HashMap<&str, u8> =
        names.iter().enumerate().map(|(i, (name, _))| (*name, (i * 7 % COLOURS) as u8)).collect();
    both.map(|loaded| {
        let trace = &loaded.trace;
        let threads = (0..trace.tasks().thread_count()).map(|t| ThreadIx(t as u32));
        threads.filter_map(|t| Some((t, *place.get(last_name(trace, t))?))).collect()
    })
}

fn last_name(trace: &Trace, thread: ThreadIx) -> &str {
    trace.name_at(thread, trace.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_told_apart() {
        let said = |a: &str, b: &str| apart([Path::new(a), Path::new(b)], true);
        assert_eq!(said("t/cfs/x.csv", "t/6.1x4/x.csv"), [" · in cfs", " · in 6.1x4"]);
        assert_eq!(said("x.csv", "old/x.csv"), [" · here", " · in old"]);
        assert_eq!(said("t/x.csv", "t/x.dat"), [" · x.csv", " · x.dat"]);
        assert_eq!(said("x.csv", "x.csv"), ["", ""]);
        // Others may have these names in other folders.
        let said = |a: &str, b: &str| apart([Path::new(a), Path::new(b)], false);
        assert_eq!(said("t/x.csv", "t/cfs/y.csv"), [" · in t", " · in cfs"]);
        assert_eq!(said("t/x.csv", "t/y.csv"), ["", ""]);
    }
}
