//! What orders do on the Mistakes screen.

use super::pages::{Page, VERSUS};
use super::{Explained, Focus, LIST, Mistakes, Order};
use crate::app::keys::Action;
use crate::app::prompt::Ask;
use crate::app::tab::Tab;
use crate::app::{Context, Effect, Wish, list};
use crate::evaluate::mistakes::filter::Op;
use crate::evaluate::mistakes::sums::seconds;
use crate::evaluate::mistakes::{Column, Expr, Kind};
use crate::text::counted;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Orders that only this screen knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Sort by the column under the mark; again: the other way round.
    Sort,
    /// The mark of the list (or in the matrix, or on a candidate) to the left.
    Left,
    /// And to the right.
    Right,
    /// Choose a row for copying (on the Traces screen: a recording).
    Choose,
    /// Copy the chosen rows, or the selected one.
    Copy,
    /// List right decisions too, or not.
    All,
    /// The next page of sums.
    Page,
    /// The page before.
    PrevPage,
    /// Show the explanation where only one pane fits.
    Why,
    /// The next predictor to compare with.
    Compare,
    /// Ask whom to compare with.
    AskSecond,
    /// Ask whose mistakes are shown.
    AskFirst,
    /// Those of the Timeline's current model again.
    Current,
    /// Only the time between the two marks of the timeline.
    Range,
    /// Keep the filter.
    Save,
    /// The next kept filter.
    Saved,
    /// No filter.
    Clear,
}

/// Rows that one copy may have.
const COPIED: usize = 5_000;
/// Filters that are kept.
const KEPT: usize = 100;

impl Mistakes {
    /// Follows an order.
    pub(super) fn follow(&mut self, action: Action, cx: &mut Context) {
        let page = self.places(cx.size).top.page();
        if let Some(by) = list::rows(action, page) {
            self.step(by);
            return;
        }
        let m = self;
        match action {
            Action::Pane => {
                m.panes.focus = m.places(cx.size).after(m.panes.focus);
                if m.panes.focus != Focus::List {
                    m.panes.lower = m.panes.focus;
                }
            }
            Action::Find => m.edit(),
            Action::Open => m.enter(cx),
            Action::Back => {
                if m.panes.focus != Focus::List {
                    m.panes.focus = Focus::List;
                } else if !m.rows.marked.is_empty() {
                    m.rows.marked.clear();
                } else if !m.filter.widen() {
                    cx.wish(Wish::Show(Tab::Timeline));
                }
            }
            Action::Mistakes(what) => m.act_specially(what, cx),
            _ => {}
        }
    }

    fn act_specially(&mut self, what: Do, cx: &mut Context) {
        let mut news = None;
        match what {
            Do::Sort => self.sort(),
            Do::Left => self.sideways(-1),
            Do::Right => self.sideways(1),
            Do::Choose => self.choose(),
            Do::Copy => news = self.copy(cx),
            Do::All => self.rows.all = !self.rows.all,
            Do::Page => self.turn_page(true),
            Do::PrevPage => self.turn_page(false),
            Do::Why => {
                let shown = self.panes.lower == Focus::Why;
                self.panes.lower = if shown { Focus::Sums } else { Focus::Why };
            }
            Do::Compare => news = self.compare_with_next(),
            Do::AskFirst => cx.wish(Wish::Ask(Ask::Whose)),
            Do::AskSecond => cx.wish(Wish::Ask(Ask::Compare)),
            Do::Current => news = Some(self.current_again().into()),
            Do::Range => news = self.between_marks(cx),
            Do::Save => self.save_filter(cx),
            Do::Saved => news = Some(self.next_saved()),
            Do::Clear => self.filter.set(None),
        }
        if let Some(news) = news {
            cx.say(news);
        }
    }

    fn sort(&mut self) {
        let by = LIST[self.listing.marked()].0;
        // Numbers that one looks for are the great ones.
        let first = matches!(by.kind(), Kind::Share | Kind::Count)
            || (by.kind() == Kind::Time && by != Column::Time);
        self.listing.sort.turn(by, first);
    }

    /// Moves the mark of the pane in focus: a bar, a candidate or a column of the list.
    fn sideways(&mut self, by: isize) {
        let moved = |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
        match self.panes.focus {
            Focus::Sums => {
                let bars = self.sums.pages.get(self.sums.page).map_or(0, Page::len);
                self.sums.bar = moved(self.sums.bar, bars);
            }
            Focus::Why => {
                let candidates = match &self.why.told {
                    Explained::Ready(_, told) => told.why.candidates.len(),
                    _ => 0,
                };
                self.why.candidate = moved(self.why.candidate, candidates);
            }
            Focus::List => {
                self.listing.column = moved(self.listing.column, self.listing.columns.count());
            }
        }
    }

    fn choose(&mut self) {
        let Some(row) = self.row().map(|r| r as u32) else { return };
        if !self.rows.marked.remove(&row) {
            self.rows.marked.insert(row);
        }
        self.step(1);
    }

    fn copy(&self, cx: &mut Context) -> Option<String> {
        let (text, rows) = self.copied()?;
        cx.shared.copy = Some(text);
        Some(format!("{} copied", counted(rows as u64, "row")))
    }

    fn turn_page(&mut self, forward: bool) {
        let n = self.sums.pages.len().max(1);
        self.sums.page = (self.sums.page + if forward { 1 } else { n - 1 }) % n;
        self.sums.bar = 0;
        self.show_sums();
    }

    /// Brings the sums into view where only one pane fits.
    fn show_sums(&mut self) {
        self.panes.lower = Focus::Sums;
        if self.panes.focus == Focus::Why {
            self.panes.focus = Focus::Sums;
        }
    }

    /// The next predictor of the table to compare with: baselines, the strongest first, then the
    /// other model; after the last one nobody. Whose mistakes these are is no rival.
    fn compare_with_next(&mut self) -> Option<String> {
        let found = self.found().cloned()?;
        let first = &found.table.models[0];
        let mut all: Vec<Column> =
            seconds(&found.table).filter(|second| second.name() != first).collect();
        all.sort_by_key(|second| match second {
            Column::Baseline(strength) => std::cmp::Reverse(i16::from(*strength)),
            _ => std::cmp::Reverse(-1),
        });
        let at = self.whose.second.and_then(|s| all.iter().position(|c| *c == s));
        self.whose.second = all.get(at.map_or(0, |i| i + 1)).copied();
        if self.whose.second.is_some() {
            self.show_comparison();
        }
        Some(match self.whose.second {
            Some(Column::Other) => format!("compared with {}", found.table.models[1]),
            Some(second) => format!("compared with {}", second.name()),
            None => "compared with nothing".into(),
        })
    }

    /// Brings the page into view that compares both predictors, or will once it is there.
    fn show_comparison(&mut self) {
        self.sums.page = VERSUS;
        self.show_sums();
    }

    /// The mistakes of the Timeline's model again.
    fn current_again(&mut self) -> &'static str {
        if self.whose.first.take().is_some() {
            "the mistakes of the Timeline's model"
        } else {
            "these are the mistakes of the Timeline's model: p asks for another predictor's"
        }
    }

    /// The next of the kept filters.
    fn next_saved(&mut self) -> String {
        if self.kept.saved.is_empty() {
            return "no filter is kept yet: F keeps the present one".into();
        }
        self.kept.at %= self.kept.saved.len();
        let text = self.kept.saved[self.kept.at].clone();
        self.kept.at += 1;
        match crate::evaluate::mistakes::filter::parse(&text) {
            Ok(filter) => {
                self.filter.set(Some(filter));
                format!("kept filter {} of {}", self.kept.at, self.kept.saved.len())
            }
            Err(e) => format!("kept filter \"{text}\": {e}"),
        }
    }

    fn between_marks(&mut self, cx: &Context) -> Option<String> {
        let Some((open, [from, to])) = cx.open.as_ref().and_then(|o| Some((o, o.marks?))) else {
            return Some("set two marks on the timeline first (m)".into());
        };
        let at = |op, ns| Expr::number(Column::Time, op, ns);
        let mut range = at(Op::Ge, from).and(at(Op::Le, to));
        if cx.shared.chosen.len() > 1 {
            range = range.and(Expr::is(Column::Trace, &open.loaded.trace.meta().name));
        }
        self.narrow(range);
        None
    }

    fn save_filter(&mut self, cx: &mut Context) {
        let Some(filter) = &self.filter.now else {
            cx.say("there is no filter to keep: / types one");
            return;
        };
        let (text, saved) = (filter.to_string(), &mut self.kept.saved);
        saved.retain(|s| *s != text);
        saved.insert(0, text);
        saved.truncate(KEPT);
        cx.say("filter kept; f brings it back");
        cx.order(Effect::Mistakes(Order::SaveFilters(saved.clone())));
    }

    /// Takes the name of the second predictor. Baselines are in every table; any other one is asked
    /// anew.
    pub(super) fn compare_with(&mut self, who: &str) {
        let baseline = Column::parse(who).filter(|c| matches!(c, Column::Baseline(_)));
        if baseline.is_none() {
            self.whose.other = Some(PathBuf::from(who));
        }
        self.whose.second = baseline.or(Some(Column::Other));
        self.show_comparison();
    }

    /// Enter: a bar narrows the filter, a decision is shown on the timeline.
    pub(super) fn enter(&mut self, cx: &mut Context) {
        if self.panes.focus == Focus::Sums {
            if let Some(filter) =
                self.sums.pages.get(self.sums.page).and_then(|p| p.filter(self.sums.bar))
            {
                self.narrow(filter);
            }
            return;
        }
        let Some((found, row)) = self.found().zip(self.row()) else { return };
        cx.shared.walk = Some(Tab::Mistakes);
        // The list is of another predictor than the timeline's first row: its answers are shown
        // below that.
        if let Some(who) = &self.whose.first {
            cx.shared.beside = Some(who.clone());
        }
        cx.wish(Wish::GoTo(found.table.source_of(row).path.clone(), found.table.event(row)));
    }
}

impl Mistakes {
    pub(super) fn step(&mut self, by: isize) {
        match self.panes.focus {
            Focus::List => {
                let n = self.len();
                self.listing.list.step(by, n);
            }
            Focus::Sums => {
                let Some(page) = self.sums.pages.get(self.sums.page) else { return };
                let stride = page.stride() as isize;
                self.sums.bar = self
                    .sums
                    .bar
                    .saturating_add_signed(by.saturating_mul(stride))
                    .min(page.len().saturating_sub(1));
            }
            Focus::Why => self.why.scroll = self.why.scroll.saturating_add_signed(by).min(4_096),
        }
    }

    /// Rows of the list.
    pub(super) fn len(&self) -> usize {
        self.view.as_ref().map_or(0, |v| v.rows.len())
    }

    /// First row of the list that is shown when `rows` fit.
    pub fn first_row(&self, rows: usize) -> usize {
        self.listing.list.first(rows, self.len())
    }

    /// First line of the page that is shown when `rows` fit.
    pub fn first_bar(&self, rows: usize) -> usize {
        let Some(page) = self.sums.pages.get(self.sums.page) else { return 0 };
        let (line, lines) = (self.sums.bar / page.stride(), page.len() / page.stride());
        line.saturating_sub(rows.saturating_sub(1) / 2).min(lines.saturating_sub(rows))
    }

    /// The chosen rows (or the selected one) as tab-separated text with a header, and how many they
    /// are.
    fn copied(&self) -> Option<(String, usize)> {
        let found = self.found()?;
        let rows: Vec<usize> = if self.rows.marked.is_empty() {
            vec![self.row()?]
        } else {
            self.rows.marked.iter().map(|r| *r as usize).take(COPIED).collect()
        };
        let mut text = LIST.map(|c| c.0.name()).join("\t");
        for row in &rows {
            let cells = LIST.map(|c| c.0.text(&found.table, *row).into_owned());
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{}", cells.join("\t"));
        }
        text.push('\n');
        Some((text, rows.len()))
    }
}
