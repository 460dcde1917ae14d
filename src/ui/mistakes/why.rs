//! The explanation of the selected decision: candidates, what moved the answer, past events,
//! similar right decisions, and everything that the model was given.

use super::is;
use crate::app::layout::Area;
use crate::app::mistakes::{Explained, Explanation, Focus, Found, Mistakes};
use crate::app::time;
use crate::evaluate::mistakes::column::label;
use crate::evaluate::mistakes::why::Why;
use crate::evaluate::mistakes::{Column, Table};
use crate::features::{CAND_NAMES, QUERY_NAMES};
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
        (_, None) => return,
        (Explained::Ready(row, told), Some(r)) if *row == r => told,
        (Explained::Failed(row, problem), Some(r)) if *row == r => {
            pen.inside(inner).line(0, problem, theme.miss());
            return;
        }
        _ => {
            pen.inside(inner).line(0, "░ taking the decision apart", theme.pending());
            return;
        }
    };
    let row = m.row().unwrap_or(0);
    let lines = lines(told, &found.table, row, m.why.candidate, inner.w.saturating_sub(1), theme);
    let rows = usize::from(inner.h);
    let first = m.why.scroll.min(lines.len().saturating_sub(rows));
    for (i, line) in lines.iter().skip(first).take(rows).enumerate() {
        pen.inside(inner).words(i as u16, line);
    }
    let below = lines.len().saturating_sub(first + rows);
    if below > 0 {
        let text = format!(" ↓ {below} ");
        let x = area.x + area.w.saturating_sub(text.chars().count() as u16 + 2);
        pen.put(x, area.y + area.h - 1, 12, &text, theme.dim());
    }
}

fn fixed(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    format!("{cut:<width$}")
}

fn lines(
    told: &Explanation,
    t: &Table,
    row: usize,
    chosen: usize,
    width: u16,
    theme: Theme,
) -> Vec<Line> {
    let (why, w) = (&told.why, usize::from(width));
    let chosen = chosen.min(why.candidates.len().saturating_sub(1));
    let who = |thread: ThreadIx| label(t, row, thread);
    let name_w = (w / 3).clamp(10, 22);
    let bar_w = (width / 5).clamp(4, 16);
    let mut out: Vec<Line> = Vec::new();
    let (prev, state, stint) = why.prev;
    let after = if told.unknown { "a time that is not known".into() } else { time::short(stint.0) };
    out.push(vec![
        ("out  ".into(), theme.dim()),
        (who(prev), theme.text()),
        (format!(" {} ", state.label()), theme.state(state)),
        (format!(" {} after {}", state_words(state), after), theme.text()),
    ]);
    out.push(vec![("came in  ".into(), theme.dim()), (who(why.real), theme.strong())]);
    let heading = format!(
        "{:<name_w$}  {:<b$} p      waited    queued by",
        "candidate",
        "",
        b = usize::from(bar_w)
    );
    out.push(vec![(heading, theme.dim())]);
    for (i, c) in why.candidates.iter().enumerate() {
        let real = c.thread == why.real;
        // Beyond the first ones only the one that came in is worth a line, and the one whose inputs
        // are shown.
        if i >= 6 && !real && i != chosen {
            continue;
        }
        let mark = if real {
            "●"
        } else if i == 0 {
            "✗"
        } else {
            " "
        };
        let style = if real { theme.strong() } else { theme.text() };
        out.push(vec![
            (if i == chosen { "›" } else { " " }.into(), theme.strong()),
            (format!("{mark} "), if real { theme.hit() } else { theme.miss() }),
            (fixed(&who(c.thread), name_w - 1), style),
            (fixed(&bar(f64::from(c.p), bar_w), usize::from(bar_w)), theme.usage()),
            (format!(" {:.3}  {:<9} {}", c.p, time::short(c.waited.0), c.enqueued.label()), style),
        ]);
    }
    let all =
        format!("   of {} candidates · ← → choose whose inputs stand below", why.candidates.len());
    out.push(vec![(all, theme.dim())]);
    let said: Vec<String> = why
        .baselines
        .iter()
        .map(|(b, thread)| {
            format!("{b} {}{}", who(*thread), if *thread == why.real { " ✓" } else { "" })
        })
        .collect();
    for line in crate::app::help::wrap(&format!("baselines: {}", said.join(", ")), w) {
        out.push(vec![(line, theme.dim())]);
    }
    if let Some(kernel) = &told.kernel {
        out.push(vec![("why the kernel chose it".into(), theme.strong())]);
        let p = |thread: ThreadIx| why.candidates.iter().find(|c| c.thread == thread).map(|c| c.p);
        out.extend(picture::lines(kernel, &p, width, theme));
    }
    let mut everything = Vec::new();
    if let Some([pick, rival]) = why.rivals.filter(|_| !why.groups.is_empty()) {
        let [pick, rival] = [pick, rival].map(|i| who(why.candidates[i].thread));
        out.push(vec![(format!("what raised {pick} above {rival}, nats"), theme.strong())]);
        let all = why.all_past.iter().map(|m| ("all past events", m.pull));
        let pulls: Vec<(&str, f32)> =
            why.groups.iter().map(|m| (m.what, m.pull)).chain(all).collect();
        let most = pulls.iter().map(|p| p.1.abs()).fold(0.01, f32::max);
        out.extend(pulls.iter().map(|(what, pull)| moved(what, *pull, most, (w, 25), theme)));
        let mut past: Vec<usize> =
            (0..why.past.len()).filter(|i| why.past[*i].pull != 0.0).collect();
        past.sort_by(|a, b| why.past[*b].pull.abs().total_cmp(&why.past[*a].pull.abs()));
        let head = format!("past events that moved it most, of {}", why.past.len());
        out.push(vec![(head, theme.strong())]);
        let most = past.first().map_or(0.01, |i| why.past[*i].pull.abs().max(0.01));
        let event = |i: usize| {
            let (text, ago) = told.past.get(i)?;
            let text = format!("−{:<8} {text}", time::short(*ago));
            Some(moved(&text, why.past[i].pull, most, (w, w.saturating_sub(20).max(20)), theme))
        };
        out.extend(past.into_iter().take(EVENTS).filter_map(event));
        everything = (0..why.past.len()).filter_map(event).collect();
    }
    if !why.similar.is_empty() {
        out.push(vec![("the most similar decisions that were right".into(), theme.strong())]);
    }
    for similar in &why.similar {
        let Some(other) = t.find(t.source_ix(row), similar.event) else { continue };
        let text = |c: Column| super::list::cell(t, other, c);
        let line = format!(
            "{} s  {} → {}  p {}  waited {}  distance {:.2}",
            text(Column::Time),
            text(Column::Prev),
            text(Column::Real),
            text(Column::P),
            text(Column::Waited),
            similar.distance
        );
        out.push(vec![(line, theme.text())]);
    }
    if !everything.is_empty() {
        out.push(vec![("all past events that it saw, newest first".into(), theme.strong())]);
        out.append(&mut everything);
    }
    inputs(why, chosen, &who, theme, &mut out);
    out
}

/// What the model was given: of one candidate, beside the one that came in, and of the decision.
fn inputs(
    why: &Why,
    chosen: usize,
    who: &dyn Fn(ThreadIx) -> String,
    theme: Theme,
    out: &mut Vec<Line>,
) {
    const NAME: usize = 20;
    let Some(this) = why.candidates.get(chosen) else { return };
    let real = why.candidates.iter().find(|c| c.thread == why.real && c.thread != this.thread);
    let head = match real {
        Some(real) => {
            format!("inputs of {}, beside those of {}", who(this.thread), who(real.thread))
        }
        None => format!("inputs of {}", who(this.thread)),
    };
    out.push(vec![(head, theme.strong())]);
    for (i, (name, x)) in CAND_NAMES.iter().zip(&this.features).enumerate() {
        let other = real.and_then(|r| r.features.get(i));
        // What is the same cannot have told them apart.
        let style = if other.is_some_and(|y| x.to_bits() == y.to_bits()) {
            theme.dim()
        } else {
            theme.text()
        };
        let other = other.map_or_else(String::new, |y| format!("{y:>9.3}"));
        out.push(vec![(format!("  {name:<NAME$} {x:>9.3} {other}"), style)]);
    }
    out.push(vec![("inputs of the decision".into(), theme.strong())]);
    for (name, x) in QUERY_NAMES.iter().zip(&why.query) {
        out.push(vec![(format!("  {name:<NAME$} {x:>9.3}"), theme.text())]);
    }
}

/// One thing and how far it moved the answer: to the right for the pick, with a minus against it.
fn moved(what: &str, pull: f32, most: f32, (width, name_w): (usize, usize), theme: Theme) -> Line {
    let name_w = name_w.min(width.saturating_sub(8));
    let room = width.saturating_sub(name_w + 9).min(24) as u16;
    let style = if pull >= 0.0 { theme.miss() } else { theme.hit() };
    vec![
        (fixed(what, name_w), theme.text()),
        (format!(" {}{:>5.2} ", if pull < 0.0 { "−" } else { "+" }, pull.abs()), theme.text()),
        (bar(f64::from(pull.abs() / most), room), style),
    ]
}
