//! The explanation of the selected decision: candidates, what moved the answer, past events,
//! similar right decisions, and everything that the model was given.

use super::is;
use crate::app::layout::Area;
use crate::app::mistakes::{Explained, Explanation, Focus, Found, Mistakes};
use crate::app::time;
use crate::evaluate::mistakes::column::label;
use crate::evaluate::mistakes::{Column, Table};
use crate::features::{CAND_NAMES, QUERY_NAMES};
use crate::text::{counted, cut};
use crate::trace::ThreadIx;
use crate::ui::palette::{Theme, state_words};
use crate::ui::pen::{Pen, bar};
use crate::ui::picture;
use ratatui::style::Style;

/// Past events, of those that moved anything, the strongest are listed.
const EVENTS: usize = 12;

/// A line: texts with their styles.
type Line = Vec<(String, Style)>;

/// Draws the pane.
pub fn draw(m: &Mistakes, found: &Found, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    if area.is_empty() {
        return;
    }
    let title = match m.row() {
        Some(row) => {
            let at = Column::Time.count(&found.table, row).unwrap_or(0);
            format!(" why · CPU{} · {} ", found.table.cpu(row).0, time::point(at, 0))
        }
        None => " why ".into(),
    };
    let mut inner = pen.frame(area, &title, is(m, Focus::Why)).area;
    (inner.x, inner.w) = (inner.x + 1, inner.w.saturating_sub(1));
    let told = match (&m.why.told, m.row()) {
        (_, None) => {
            let text = "No decision is listed, so none is taken apart.";
            pen.inside(inner).paragraph((0, 2), text, theme.dim());
            return;
        }
        (Explained::Ready(row, told), Some(r)) if *row == r => told,
        (Explained::Failed(row, problem), Some(r)) if *row == r => {
            pen.inside(inner).paragraph((0, inner.h), problem, theme.miss());
            return;
        }
        _ => {
            pen.inside(inner).line(0, "░ taking the decision apart", theme.pending());
            return;
        }
    };
    let row = m.row().unwrap_or(0);
    let chosen = m.why.candidate.min(told.why.candidates.len().saturating_sub(1));
    let width = inner.w.saturating_sub(1);
    let lines = Page { told, t: &found.table, row, chosen, width, theme }.lines();
    pen.scrolled((area, inner), &lines, m.why.scroll);
}

fn fixed(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

/// The explanation of the decision in `row` of the table, with what its lines depend on.
struct Page<'a> {
    told: &'a Explanation,
    t: &'a Table,
    row: usize,
    /// The candidate whose inputs are shown.
    chosen: usize,
    width: u16,
    theme: Theme,
}

impl Page<'_> {
    fn lines(&self) -> Vec<Line> {
        let why = &self.told.why;
        let mut out: Vec<Line> = Vec::new();
        self.switch(&mut out);
        self.candidates(&mut out);
        self.baselines(&mut out);
        if let Some(kernel) = &self.told.kernel {
            out.push(self.heading("why the kernel chose it".into()));
            let p = |thread| why.candidates.iter().find(|c| c.thread == thread).map(|c| c.p);
            out.extend(picture::lines(kernel, &p, self.width, self.theme));
        }
        let mut everything = Vec::new();
        if let Some(rivals) = why.rivals.filter(|_| !why.groups.is_empty()) {
            self.groups(rivals, &mut out);
            everything = self.past_events(&mut out);
        }
        self.similar(&mut out);
        if !everything.is_empty() {
            out.push(self.heading("all past events that it saw, newest first".into()));
            out.append(&mut everything);
        }
        self.inputs(&mut out);
        out
    }

    fn who(&self, thread: ThreadIx) -> String {
        label(self.t, self.row, thread)
    }

    fn heading(&self, text: String) -> Line {
        vec![(text, self.theme.strong())]
    }

    /// Who left and who came in.
    fn switch(&self, out: &mut Vec<Line>) {
        let theme = self.theme;
        let (prev, state, stint) = self.told.why.prev;
        let after = if self.told.unknown {
            "a time that is not known".into()
        } else {
            time::short(stint.0)
        };
        out.push(vec![
            ("out  ".into(), theme.dim()),
            (self.who(prev), theme.text()),
            (format!(" {} ", state.label()), theme.state(state)),
            (format!(" {} after {}", state_words(state), after), theme.text()),
        ]);
        let real = self.who(self.told.why.real);
        out.push(vec![("came in  ".into(), theme.dim()), (real, theme.strong())]);
    }

    fn candidates(&self, out: &mut Vec<Line>) {
        const SHOWN: usize = 6;
        let (theme, why) = (self.theme, &self.told.why);
        let name_w = (usize::from(self.width) / 3).clamp(10, 22);
        let bar_w = (self.width / 5).clamp(4, 16);
        let bar_cells = usize::from(bar_w);
        let heading =
            format!("{:<name_w$}  {:<bar_cells$} p      waited    queued by", "candidate", "");
        out.push(vec![(heading, theme.dim())]);
        for (i, c) in why.candidates.iter().enumerate() {
            let real = c.thread == why.real;
            // Beyond the first ones only the one that came in is worth a line, and the one whose
            // inputs are shown.
            if i >= SHOWN && !real && i != self.chosen {
                continue;
            }
            let mark = match i {
                _ if real => "●",
                0 => "✗",
                _ => " ",
            };
            let style = if real { theme.strong() } else { theme.text() };
            let waited = time::short(c.waited.0);
            out.push(vec![
                (if i == self.chosen { "›" } else { " " }.into(), theme.strong()),
                (format!("{mark} "), if real { theme.hit() } else { theme.miss() }),
                (fixed(&self.who(c.thread), name_w - 1), style),
                (fixed(&bar(f64::from(c.p), bar_w), bar_cells), theme.usage()),
                (format!(" {:.3}  {waited:<9} {}", c.p, c.enqueued.label()), style),
            ]);
        }
        let all = counted(why.candidates.len() as u64, "candidate");
        let all = format!("   of {all} · ← → choose whose inputs stand below");
        out.push(vec![(all, theme.dim())]);
    }

    fn baselines(&self, out: &mut Vec<Line>) {
        let why = &self.told.why;
        let baseline = |(name, thread): &(_, ThreadIx)| {
            let right = if *thread == why.real { " ✓" } else { "" };
            format!("{name} {}{right}", self.who(*thread))
        };
        let all: Vec<String> = why.baselines.iter().map(baseline).collect();
        let text = format!("baselines: {}", all.join(", "));
        for line in crate::app::help::wrap(&text, usize::from(self.width)) {
            out.push(vec![(line, self.theme.dim())]);
        }
    }

    /// What raised the pick above its rival: groups of inputs.
    fn groups(&self, rivals: [usize; 2], out: &mut Vec<Line>) {
        let (why, w) = (&self.told.why, usize::from(self.width));
        let [pick, rival] = rivals.map(|i| self.who(why.candidates[i].thread));
        out.push(self.heading(format!("what raised {pick} above {rival}, nats")));
        let all = why.all_past.iter().map(|m| ("all past events", m.pull));
        let pulls: Vec<(&str, f32)> =
            why.groups.iter().map(|m| (m.what, m.pull)).chain(all).collect();
        let most = pulls.iter().map(|p| p.1.abs()).fold(0.01, f32::max);
        out.extend(pulls.iter().map(|(what, pull)| moved(what, *pull, most, (w, 25), self.theme)));
    }

    /// And the past events that did. Gives a line for each that there is, newest first.
    fn past_events(&self, out: &mut Vec<Line>) -> Vec<Line> {
        let (why, w) = (&self.told.why, usize::from(self.width));
        let mut past: Vec<usize> =
            (0..why.past.len()).filter(|i| why.past[*i].pull != 0.0).collect();
        past.sort_by(|a, b| why.past[*b].pull.abs().total_cmp(&why.past[*a].pull.abs()));
        out.push(self.heading(format!("past events that moved it most, of {}", why.past.len())));
        let most = past.first().map_or(0.01, |i| why.past[*i].pull.abs().max(0.01));
        let widths = (w, w.saturating_sub(20).max(20));
        let event = |i: usize| {
            let (text, ago) = self.told.past.get(i)?;
            let text = format!("−{:<8} {text}", time::short(*ago));
            Some(moved(&text, why.past[i].pull, most, widths, self.theme))
        };
        out.extend(past.into_iter().take(EVENTS).filter_map(event));
        (0..why.past.len()).filter_map(event).collect()
    }

    fn similar(&self, out: &mut Vec<Line>) {
        let similar = &self.told.why.similar;
        if !similar.is_empty() {
            out.push(self.heading("the most similar decisions that were right".into()));
        }
        for similar in similar {
            let Some(other) = self.t.find(self.t.source_ix(self.row), similar.event) else {
                continue;
            };
            let text = |c: Column| super::list::cell(self.t, other, c);
            let line = format!(
                "{} s  {} → {}  p {}  waited {}  distance {:.2}",
                text(Column::Time),
                text(Column::Prev),
                text(Column::Real),
                text(Column::P),
                text(Column::Waited),
                similar.distance
            );
            out.push(vec![(line, self.theme.text())]);
        }
    }

    /// What the model was given: of one candidate, beside the one that came in, and of the
    /// decision.
    fn inputs(&self, out: &mut Vec<Line>) {
        const NAME: usize = 20;
        let (theme, why) = (self.theme, &self.told.why);
        let Some(this) = why.candidates.get(self.chosen) else { return };
        let real = why.candidates.iter().find(|c| c.thread == why.real && c.thread != this.thread);
        let beside = real.map_or_else(String::new, |real| {
            format!(", beside those of {}", self.who(real.thread))
        });
        out.push(self.heading(format!("inputs of {}{beside}", self.who(this.thread))));
        for (i, (name, x)) in CAND_NAMES.iter().zip(&this.features).enumerate() {
            let other = real.and_then(|r| r.features.get(i));
            // What is the same cannot have told them apart.
            let same = other.is_some_and(|y| x.to_bits() == y.to_bits());
            let style = if same { theme.dim() } else { theme.text() };
            let other = other.map_or_else(String::new, |y| format!("{y:>9.3}"));
            out.push(vec![(format!("  {name:<NAME$} {x:>9.3} {other}"), style)]);
        }
        out.push(self.heading("inputs of the decision".into()));
        for (name, x) in QUERY_NAMES.iter().zip(&why.query) {
            out.push(vec![(format!("  {name:<NAME$} {x:>9.3}"), theme.text())]);
        }
    }
}

/// One thing and how far it moved the answer: to the right for the pick, to the left against it.
fn moved(what: &str, pull: f32, most: f32, (width, name_w): (usize, usize), theme: Theme) -> Line {
    let name_w = name_w.min(width.saturating_sub(8));
    let half = (width.saturating_sub(name_w + 9).min(25).saturating_sub(1) / 2) as u16;
    let (style, cells) = if pull >= 0.0 {
        (theme.miss(), (" ".repeat(half.into()), bar(f64::from(pull / most), half)))
    } else {
        (theme.hit(), (bar_left(f64::from(-pull / most), half), String::new()))
    };
    vec![
        (fixed(what, name_w), theme.text()),
        (format!(" {}{:>5.2} ", if pull < 0.0 { "−" } else { "+" }, pull.abs()), theme.text()),
        (cells.0, style),
        (if half > 0 { "│" } else { "" }.into(), theme.dim()),
        (cells.1, style),
    ]
}

/// A bar that grows to the left, in halves of a cell: there are no finer ones on that side.
fn bar_left(share: f64, width: u16) -> String {
    let halves = (share.clamp(0.0, 1.0) * f64::from(width) * 2.0).round() as usize;
    let half = if halves % 2 == 1 { "▐" } else { "" };
    let text = format!("{half}{}", "█".repeat(halves / 2));
    format!("{text:>w$}", w = usize::from(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_the_pick_grows_to_the_other_side() {
        let text = |pull| -> String {
            let line = moved("x", pull, 1.0, (20, 3), Theme::PLAIN);
            line.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(text(1.0), "x   + 1.00    │███");
        assert_eq!(text(-1.0), "x   − 1.00 ███│");
        assert_eq!(text(-0.5), "x   − 0.50  ▐█│");
        assert_eq!(text(0.0), "x   + 0.00    │");
    }
}
