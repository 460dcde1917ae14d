//! What orders do on the Mistakes screen.

use super::{Explained, Focus, LIST, Mistakes, Order, Sorting};
use crate::app::input::{Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::{App, Ask, Effect, Tab};
use crate::evaluate::mistakes::filter::Op;
use crate::evaluate::mistakes::sums::seconds;
use crate::evaluate::mistakes::{Column, Expr, Kind};
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

impl App {
    /// Follows an order on the Mistakes screen.
    pub(in crate::app) fn act_on_mistakes(&mut self, action: Action) -> Option<Effect> {
        let page_rows = self.places().rows().saturating_sub(1).max(1) as isize;
        let m = &mut self.mistakes;
        match action {
            Action::Up => m.step(-1),
            Action::Down => m.step(1),
            Action::PageUp => m.step(-page_rows),
            Action::PageDown => m.step(page_rows),
            Action::Start => m.step(isize::MIN),
            Action::End => m.step(isize::MAX),
            Action::Pane => {
                m.focus = match m.focus {
                    Focus::List => Focus::Sums,
                    Focus::Sums => Focus::Why,
                    Focus::Why => Focus::List,
                };
                if m.focus != Focus::List {
                    m.lower = m.focus;
                }
            }
            Action::Find => m.edit(),
            Action::Open => return self.enter(),
            Action::Back => {
                if m.focus != Focus::List {
                    m.focus = Focus::List;
                } else if !m.marked.is_empty() {
                    m.marked.clear();
                } else if !m.widen() {
                    self.tab = Tab::Timeline;
                }
            }
            Action::Mistakes(what) => return self.act_specially(what),
            _ => {}
        }
        None
    }

    fn act_specially(&mut self, what: Do) -> Option<Effect> {
        let mut news = None;
        let m = &mut self.mistakes;
        match what {
            Do::Sort => {
                let by = LIST[m.column.min(LIST.len() - 1)].0;
                // Numbers that one looks for are the great ones.
                let first =
                    matches!(by.kind(), Kind::Share | Kind::Count) || (by.kind() == Kind::Time && by != Column::Time);
                let descending = if m.sort.by == by { !m.sort.descending } else { first };
                m.sort = Sorting { by, descending };
            }
            Do::Left | Do::Right if m.focus == Focus::Sums => {
                let last = m.pages.get(m.page).map_or(0, |p| p.len().saturating_sub(1));
                m.bar = m.bar.saturating_add_signed(if what == Do::Left { -1 } else { 1 }).min(last);
            }
            Do::Left | Do::Right if m.focus == Focus::Why => {
                let last = match &m.why {
                    Explained::Ready(_, told) => told.why.candidates.len().saturating_sub(1),
                    _ => 0,
                };
                m.candidate = m.candidate.saturating_add_signed(if what == Do::Left { -1 } else { 1 }).min(last);
            }
            Do::Left => m.column = m.column.saturating_sub(1),
            Do::Right => m.column = (m.column + 1).min(LIST.len() - 1),
            Do::Choose => {
                if let Some(row) = m.row().map(|r| r as u32) {
                    if !m.marked.remove(&row) {
                        m.marked.insert(row);
                    }
                    m.step(1);
                }
            }
            Do::Copy => {
                if let Some((text, rows)) = m.copied() {
                    m.copy = Some(text);
                    news = Some(format!("{rows} row{} copied", if rows == 1 { "" } else { "s" }));
                }
            }
            Do::All => m.all = !m.all,
            Do::Page | Do::PrevPage => {
                let n = m.pages.len().max(1);
                m.page = (m.page + if what == Do::Page { 1 } else { n - 1 }) % n;
                m.bar = 0;
                m.lower = Focus::Sums;
                if m.focus == Focus::Why {
                    m.focus = Focus::Sums;
                }
            }
            Do::Why => m.lower = if m.lower == Focus::Why { Focus::Sums } else { Focus::Why },
            Do::Compare => {
                if let Some(found) = m.found().cloned() {
                    let all: Vec<Column> = seconds(&found.table).collect();
                    let at = m.second.and_then(|s| all.iter().position(|c| *c == s)).map_or(0, |i| i + 1);
                    m.second = all.get(at).copied();
                    news = Some(match m.second {
                        Some(Column::Other) => format!("compared with {}", found.table.models[1]),
                        Some(second) => format!("compared with {}", second.name()),
                        None => "compared with nothing".into(),
                    });
                    if let Some(page) = m.pages.iter().position(|p| p.title().contains("McNemar")) {
                        m.page = page;
                    } else if m.second.is_some() {
                        m.page = 2;
                    }
                }
            }
            Do::AskFirst => self.ask_who(Ask::Whose),
            Do::AskSecond => self.ask_who(Ask::Compare),
            Do::Current => {
                let again = m.first.take().is_some();
                news = Some(if again {
                    "the mistakes of the Timeline's model".into()
                } else {
                    "these are the mistakes of the Timeline's model: p asks for another predictor's".into()
                });
            }
            Do::Range => news = self.between_marks(),
            Do::Save => return self.save_filter(),
            Do::Saved if m.saved.is_empty() => news = Some("no filter is kept yet: F keeps the present one".into()),
            Do::Saved => {
                m.saved_at %= m.saved.len();
                let text = m.saved[m.saved_at].clone();
                news = Some(match crate::evaluate::mistakes::filter::parse(&text) {
                    Ok(filter) => {
                        m.use_filter(Some(filter));
                        format!("kept filter {} of {}", m.saved_at + 1, m.saved.len())
                    }
                    Err(e) => format!("kept filter \"{text}\": {e}"),
                });
                m.saved_at += 1;
            }
            Do::Clear => m.use_filter(None),
        }
        self.message = news.or(self.message.take());
        None
    }

    fn between_marks(&mut self) -> Option<String> {
        let mut ends: Vec<u64> = self.timeline().map(|t| t.marks.iter().map(|m| m.0).collect()).unwrap_or_default();
        ends.sort_unstable();
        let [from, to] = ends[..] else {
            return Some("set two marks on the timeline first (m)".into());
        };
        let at = |op, ns| Expr::number(Column::Time, op, ns);
        let mut range = at(Op::Ge, from).and(at(Op::Le, to));
        if self.mistakes.chosen.len() > 1
            && let Some(t) = self.timeline()
        {
            range = range.and(Expr::is(Column::Trace, &t.trace().meta().name));
        }
        self.mistakes.narrow(range);
        None
    }

    fn save_filter(&mut self) -> Option<Effect> {
        let m = &mut self.mistakes;
        let Some(filter) = &m.filter else {
            self.message = Some("there is no filter to keep: / types one".into());
            return None;
        };
        let text = filter.to_string();
        m.saved.retain(|s| *s != text);
        m.saved.insert(0, text);
        m.saved.truncate(KEPT);
        self.message = Some("filter kept; f brings it back".into());
        Some(Effect::Mistakes(Order::SaveFilters(m.saved.clone())))
    }

    /// Takes the name of the first predictor.
    pub(in crate::app) fn mistakes_of(&mut self, who: &str) {
        self.mistakes.first = Some(PathBuf::from(who));
    }

    /// Takes the name of the second predictor. Baselines are in every table; any other one is asked anew.
    pub(in crate::app) fn compare_with(&mut self, who: &str) {
        let m = &mut self.mistakes;
        let baseline = Column::parse(who).filter(|c| matches!(c, Column::Baseline(_)));
        if baseline.is_none() {
            m.other = Some(PathBuf::from(who));
        }
        m.second = baseline.or(Some(Column::Other));
    }

    /// Chooses a recording for this screen, or no longer.
    pub(in crate::app) fn choose_recording(&mut self) {
        let Some(path) = self.traces.current().map(|e| e.path.clone()) else { return };
        let m = &mut self.mistakes;
        if let Some(at) = m.chosen.iter().position(|p| *p == path) {
            m.chosen.remove(at);
        } else {
            m.chosen.push(path);
        }
        let n = m.chosen.len();
        self.message = Some(match n {
            0 => "3 shows the mistakes of the open recording".into(),
            1 => "3 shows the mistakes of one recording".into(),
            n => format!("3 shows the mistakes of {n} recordings together"),
        });
        self.traces.select(1);
    }

    /// Enter: a bar narrows the filter, a decision is shown on the timeline.
    fn enter(&mut self) -> Option<Effect> {
        let m = &mut self.mistakes;
        if m.focus == Focus::Sums {
            if let Some(filter) = m.pages.get(m.page).and_then(|p| p.filter(m.bar)) {
                m.narrow(filter);
            }
            return None;
        }
        let (found, row) = (m.found()?.clone(), m.row()?);
        let (path, event) = (found.table.source_of(row).path.clone(), found.table.event(row));
        self.mistakes.walking = true;
        // The list is of another predictor than the timeline's first row: its answers are shown below that.
        if let Some(who) = self.mistakes.first.clone() {
            self.show_beside(who);
        }
        self.go_to(&path, event)
    }

    pub(in crate::app) fn mouse_on_mistakes(&mut self, mouse: Mouse) -> Option<Effect> {
        let p = self.places();
        let m = &mut self.mistakes;
        let Mouse { kind, x, y } = mouse;
        let over = if p.sums.has(x, y) {
            Focus::Sums
        } else if p.why.has(x, y) {
            Focus::Why
        } else {
            Focus::List
        };
        match kind {
            MouseKind::WheelUp | MouseKind::WheelDown => {
                let focus = std::mem::replace(&mut m.focus, over);
                m.step(if kind == MouseKind::WheelUp { -3 } else { 3 });
                m.focus = focus;
            }
            MouseKind::Down if p.filter.has(x, y) => m.edit(),
            MouseKind::Down if p.list.has(x, y) => {
                let at = m.first_row(p.rows()) + usize::from(y - p.list.y);
                if m.view.as_ref().is_some_and(|v| at < v.rows.len()) {
                    let again = m.focus == Focus::List && m.selected == at;
                    (m.focus, m.selected) = (Focus::List, at);
                    if again {
                        return self.enter();
                    }
                }
            }
            MouseKind::Down if over == Focus::Sums => {
                // Inside the frame: a line for the figures' names, then the bars.
                let line = usize::from(y.saturating_sub(p.sums.y));
                let first = m.first_bar(usize::from(p.sums.h.saturating_sub(3)));
                let at = line.checked_sub(2).map(|l| first + l);
                let page = m.pages.get(m.page);
                m.focus = Focus::Sums;
                if let (Some(at), Some(page)) = (at, page)
                    && page.stride() == 1
                    && at < page.len()
                {
                    if m.bar == at {
                        return self.enter();
                    }
                    m.bar = at;
                }
            }
            MouseKind::Down if over == Focus::Why => m.focus = Focus::Why,
            _ => {}
        }
        None
    }
}

impl Mistakes {
    fn step(&mut self, by: isize) {
        match self.focus {
            Focus::List => {
                let last = self.view.as_ref().map_or(0, |v| v.rows.len().saturating_sub(1));
                self.selected = self.selected.saturating_add_signed(by).min(last);
            }
            Focus::Sums => {
                let Some(page) = self.pages.get(self.page) else { return };
                let stride = page.stride() as isize;
                self.bar = self.bar.saturating_add_signed(by.saturating_mul(stride)).min(page.len().saturating_sub(1));
            }
            Focus::Why => self.why_scroll = self.why_scroll.saturating_add_signed(by).min(4_096),
        }
    }

    /// First row of the list that is shown when `rows` fit.
    pub fn first_row(&self, rows: usize) -> usize {
        let n = self.view.as_ref().map_or(0, |v| v.rows.len());
        self.selected.saturating_sub(rows.saturating_sub(1) / 2).min(n.saturating_sub(rows))
    }

    /// First line of the page that is shown when `rows` fit.
    pub fn first_bar(&self, rows: usize) -> usize {
        let Some(page) = self.pages.get(self.page) else { return 0 };
        let (line, lines) = (self.bar / page.stride(), page.len() / page.stride());
        line.saturating_sub(rows.saturating_sub(1) / 2).min(lines.saturating_sub(rows))
    }

    /// The chosen rows (or the selected one) as tab-separated text with a header, and how many they are.
    fn copied(&self) -> Option<(String, usize)> {
        let found = self.found()?;
        let rows: Vec<usize> = if self.marked.is_empty() {
            vec![self.row()?]
        } else {
            self.marked.iter().map(|r| *r as usize).take(COPIED).collect()
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
