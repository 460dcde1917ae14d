//! The two panes below the lanes: the selected decision with its candidates, and what the model saw
//! before it.

use crate::app::answers::{AnswerRow, Verdict};
use crate::app::layout::{Area, Layout};
use crate::app::second::{Second, short_label};
use crate::app::time;
use crate::app::timeline::{Pane, Timeline};
use crate::evaluate::lack::not_asked;
use crate::evaluate::overlay::{Candidate, Inspection, Prediction};
use crate::replay::lod::stint_span;
use crate::text::counted;
use crate::trace::{CpuId, EventKind, Nanos, ThreadIx};
use crate::ui::palette::{Theme, short_name, state_words};
use crate::ui::pen::{Pen, bar};
use ratatui::style::Style;

/// Draws the panes that have room.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let inspection = t.panes.inspector.shown.as_ref().filter(|i| Some(i.event) == t.event());
    if !l.decision.is_empty() {
        let title = match t.decision {
            Some(k) => {
                let at = t.event().map_or(0, |e| t.trace().time(e).0);
                let n = time::grouped(k as u64 + 1);
                let by = inspection
                    .and(t.panes.inspector.by.as_ref())
                    .map_or(String::new(), |by| format!("· ● {by} "));
                // At full precision whatever the zoom: it names this decision.
                format!(" decision {n} · {} · {} {by}", which_cpu(t, l), t.point(at, 0))
            }
            None => format!(" {} · before its first decision ", which_cpu(t, l)),
        };
        decision(
            t,
            inspection,
            &mut pane(l.decision, &title, t.panes.focus == Pane::Decision, pen),
        );
    }
    if !l.context.is_empty() {
        context(
            t,
            inspection,
            &mut pane(l.context, " what the model saw ", t.panes.focus == Pane::Context, pen),
        );
    }
}

/// The selected CPU, and where the others are when not all have a lane on the screen.
fn which_cpu(t: &Timeline, l: &Layout) -> String {
    if t.rows.scrolls(l) {
        format!("CPU{} of {} · ↑↓", t.cpu, t.trace().cpus())
    } else {
        format!("CPU{}", t.cpu)
    }
}

fn pane<'p>(area: Area, title: &str, focus: bool, pen: &'p mut Pen) -> Pen<'p> {
    let inner = pen.frame(area, title, focus).area;
    pen.inside(inner.inset(1, 0))
}

fn verdict_glyph(verdict: Verdict, theme: Theme) -> (&'static str, Style) {
    match verdict {
        Verdict::Hit => ("✓", theme.hit()),
        Verdict::Miss => ("✗", theme.miss()),
        Verdict::Trivial => ("· trivial", theme.dim()),
        Verdict::NoAnswer => ("– no answer", theme.dim()),
    }
}

fn decision(t: &Timeline, inspection: Option<&Inspection>, pen: &mut Pen) {
    let (theme, area) = (pen.theme, pen.area);
    let (Some(event), Some(k)) = (t.event(), t.decision) else {
        let first = match t.trace().switch_count() {
            0 => "no switch was recorded, so there is no decision",
            _ => ". steps to the first decision, n to the first miss",
        };
        pen.line(0, first, theme.dim());
        no_model(t, (1, area.h), pen);
        return;
    };
    let (trace, id) = (t.trace(), CpuId(t.cpu as u16));
    let e = trace.event(event);
    let (out, ran) = (trace.tasks().thread_on(e.task, id), trace.tasks().thread_on(e.next, id));
    let (from, to) = stint_span(trace, id, k);
    let stint = inspection.map_or(to.since(from), |i| i.stint);
    let state = format!(" {} ", e.state.label());
    // The switch that brought it in may not have been recorded.
    let after = if trace.follows_unknown(event) {
        "a time that is not known".into()
    } else {
        time::short(stint.0)
    };
    let tail = if k == 0 {
        // How long it ran is not known.
        "ran since before the recording".into()
    } else if trace.tasks().is_idle(out) {
        format!("ends after {after}")
    } else {
        format!(" {} after {after}", state_words(e.state))
    };
    let out_name = short_name(trace, out, event, 24);
    let mut line =
        vec![("out  ", theme.dim()), (out_name.as_str(), theme.text()), (" ", theme.text())];
    if !trace.tasks().is_idle(out) {
        line.push((state.as_str(), theme.state(e.state)));
    }
    line.push((tail.as_str(), theme.text()));
    pen.row(0, &line);

    let prediction = t.answers.get(t.cpu, k);
    ran_line(t, inspection, prediction, (ran, event), pen);
    let mut used = 2;
    // A line of its own only where candidates keep theirs.
    if let Some(second) = t.second.as_ref().filter(|_| area.h >= 7) {
        second_line(t, second, k, used, pen);
        used += 1;
    }
    if let Some(woken) =
        t.causes.woken.as_ref().filter(|w| area.h >= 8 && (w.thread, w.to) == (ran, to.0))
    {
        pen.fitting(used, &[(super::chain(t, woken), theme.dim())]);
        used += 1;
    }
    // A candidate has room below it.
    used += no_model(t, (used, area.h.saturating_sub(used + 2).min(4)), pen);
    let rest = Area { y: area.y + used, h: area.h.saturating_sub(used), ..area };
    candidates(t, inspection, prediction, &mut pen.inside(rest));
}

/// Why there is no model, in whole sentences: the bar below has no room for them. The rows used.
fn no_model(t: &Timeline, rows: (u16, u16), pen: &mut Pen) -> u16 {
    let Some(problem) = &t.answers.no_model else { return 0 };
    let style = pen.theme.miss();
    pen.paragraph(rows, &format!("– no model: {problem}"), style)
}

/// Cells that a name of the two lines about a prediction has.
const NAMES: std::ops::RangeInclusive<usize> = 6..=24;

/// Who came in, and what was predicted.
fn ran_line(
    t: &Timeline,
    inspection: Option<&Inspection>,
    prediction: Option<&Prediction>,
    (ran, event): (ThreadIx, usize),
    pen: &mut Pen,
) {
    let (theme, row) = (pen.theme, t.answers.row());
    let model = inspection.map_or("model", |i| i.model.as_str());
    let real = prediction.map_or_else(String::new, |p| real_words(row, model, p));
    let (glyph, style) = match prediction {
        Some(_) if t.answers.row_lacks_model() => ("– no model", theme.dim()),
        Some(p) => verdict_glyph(row.verdict(p), theme),
        None if t.answers.failed.is_some() => ("  no prediction", theme.pending()),
        None => ("  ░ the prediction is being computed", theme.pending()),
    };
    let named = |room: usize| {
        let words =
            prediction.map_or_else(String::new, |p| predicted_words(t, row, p, event, room));
        (short_name(t.trace(), ran, event, room), words)
    };
    // Names give way to the figures behind them: a probability that is cut is another one.
    let length = |text: &str| text.chars().count();
    let fits = |(ran, words): &(String, String)| {
        length("ran  ") + length(ran) + length(&real) + length(glyph) + length(words)
            <= usize::from(pen.area.w)
    };
    let (ran_name, words) =
        NAMES.rev().map(named).find(fits).unwrap_or_else(|| named(*NAMES.start()));
    let line = [
        ("ran  ", theme.dim()),
        (ran_name.as_str(), theme.strong()),
        (real.as_str(), theme.text()),
        (glyph, style),
        (words.as_str(), theme.text()),
    ];
    pen.row(1, &line);
}

/// What the second row's predictor said.
fn second_line(t: &Timeline, second: &Second, k: usize, row: u16, pen: &mut Pen) {
    let theme = pen.theme;
    let (asked, label) = (second.answers.row(), short_label(&second.label, 14));
    let head = format!("{label:<4} ");
    let Some(p) = second.answers.get(t.cpu, k) else {
        pen.row(row, &[(&head, theme.dim()), ("░", theme.pending())]);
        return;
    };
    let event = trace_event(t, k);
    let (glyph, style) = verdict_glyph(asked.verdict(p), theme);
    let room = usize::from(pen.area.w).saturating_sub(head.chars().count() + glyph.chars().count());
    let named = |room| predicted_words(t, asked, p, event, room);
    let words = NAMES.rev().map(named).find(|words| words.chars().count() <= room);
    let words = words.unwrap_or_else(|| named(*NAMES.start()));
    let words = if asked.guess(p).is_some() { words } else { String::new() };
    pen.row(row, &[(&head, theme.dim()), (glyph, style), (&words, theme.text())]);
}

/// The event of decision `k` of the selected CPU.
fn trace_event(t: &Timeline, k: usize) -> usize {
    t.trace().cpu_switches(CpuId(t.cpu as u16)).get(k).map_or(0, |&e| e as usize)
}

fn predicted_words(
    t: &Timeline,
    row: AnswerRow,
    p: &Prediction,
    event: usize,
    room: usize,
) -> String {
    let Some((thread, share)) = row.guess(p) else {
        let why = if row == AnswerRow::Forecast { None } else { not_asked(t.trace(), event) };
        return format!(" {}{}", row.name(), why.map_or(String::new(), |why| format!(": {why}")));
    };
    let who = short_name(t.trace(), thread, event, room);
    match share {
        Some(p) => format!(" {}: {who} p {p:.2}", row.name()),
        None => format!(" {}: {who}", row.name()),
    }
}

/// What the model gave to the one that really ran, where the guess beside it does not say so
/// already.
fn real_words(row: AnswerRow, model: &str, p: &Prediction) -> String {
    let real = if row == AnswerRow::Forecast { p.forecast } else { p.pick };
    if real.rank == 0 || (real.rank == 1 && row.is_model()) {
        return " ".into();
    }
    let whose = if row.is_model() { String::new() } else { format!("{model} ") };
    format!(" {whose}p {:.2} #{} ", real.p_real, real.rank)
}

fn candidates(
    t: &Timeline,
    inspection: Option<&Inspection>,
    prediction: Option<&Prediction>,
    pen: &mut Pen,
) {
    let (theme, area) = (pen.theme, pen.area);
    let Some(i) = inspection else {
        let text = match (&t.panes.inspector.failed, prediction) {
            (Some(problem), _) => problem.clone(),
            (None, Some(p)) => {
                format!("{}; asking the model …", counted(p.queue.into(), "candidate"))
            }
            (None, None) => "asking the model …".into(),
        };
        pen.paragraph((0, area.h), &text, theme.pending());
        return;
    };
    // Where no pick is asked a probability would be that of a list nobody can know.
    let has_p = t.answers.no_model.is_none() && not_asked(t.trace(), i.event).is_none();
    let columns = Columns::fitting(area, has_p);
    let n = i.candidates.len();
    let rows = usize::from(area.h.saturating_sub(1));
    let last = n.saturating_sub(rows);
    let first = if t.panes.focus == Pane::Decision { t.panes.scroll.min(last) } else { 0 };
    columns.head(i, first, pen);
    // The shown predictor's choice, not always the model's first.
    let choice = prediction.and_then(|p| t.answers.row().guess(p)).map(|g| g.0);
    // The one that really ran is always worth seeing: above or below the visible ones it takes the
    // row at that end.
    let real_at = i.candidates.iter().position(|c| c.thread == i.real);
    for row in 0..rows.min(n) {
        let at = match real_at {
            Some(real) if row == 0 && real < first => real,
            Some(real) if row + 1 == rows && real >= first + rows => real,
            _ => first + row,
        };
        let Some(c) = i.candidates.get(at) else { break };
        let y = area.y + 1 + row as u16;
        candidate_row(t, i, c, choice == Some(c.thread), (y, columns), pen);
    }
    if real_at.is_none() && rows > n {
        let name = short_name(t.trace(), i.real, i.event, 24);
        let text = format!("● {name}   was not known to be runnable");
        pen.put(area.x, area.y + 1 + n as u16, area.w, &text, theme.gap());
    }
}

/// Columns of the list of candidates.
#[derive(Clone, Copy)]
struct Columns {
    name_w: u16,
    /// Where the model's probability begins.
    p_x: u16,
    bar_w: u16,
    /// There is a model.
    p: bool,
    /// There is room for waiting time and lag.
    wide: bool,
}

impl Columns {
    fn fitting(area: Area, p: bool) -> Self {
        let wide = area.w >= 50;
        let name_w = if wide { 24.min(area.w - 36) } else { area.w.saturating_sub(16).min(22) };
        let bar_w = if area.w >= 70 { 16 } else { 6 };
        Self { name_w, p_x: area.x + 2 + name_w + 1, bar_w, p, wide }
    }

    fn waited_x(self) -> u16 {
        self.p_x + self.bar_w + 6
    }

    fn lag_x(self) -> u16 {
        self.p_x + self.bar_w + 16
    }

    fn head(self, i: &Inspection, first: usize, pen: &mut Pen) {
        let (theme, area) = (pen.theme, pen.area);
        let n = i.candidates.len();
        let mut count = counted(n as u64, "candidate");
        let below = n.saturating_sub(first + usize::from(area.h.saturating_sub(1)));
        if below > 0 {
            let both = format!("{count}  ↓ {below} more");
            let fits = both.chars().count() < usize::from(self.p_x - area.x);
            count = if fits { both } else { format!("{n}  ↓ {below} more") };
        }
        pen.put(area.x, area.y, area.w, &count, theme.dim());
        if self.p {
            pen.put(self.p_x, area.y, 6, &format!("{} p", i.model), theme.dim());
        }
        if self.wide {
            pen.put(self.waited_x(), area.y, 9, "waited", theme.dim());
            // Not the kernel's own, which the pane beside it may show.
            pen.put(self.lag_x(), area.y, 9, "lag in", theme.dim());
        }
    }
}

fn candidate_row(
    t: &Timeline,
    i: &Inspection,
    c: &Candidate,
    chosen: bool,
    (y, columns): (u16, Columns),
    pen: &mut Pen,
) {
    let (theme, area) = (pen.theme, pen.area);
    let real = c.thread == i.real;
    let style = if real { theme.strong() } else { theme.text() };
    if real {
        pen.put(area.x, y, 1, "●", theme.hit());
    } else if chosen {
        pen.put(area.x, y, 1, "✗", theme.miss());
    }
    let Columns { name_w, p_x, bar_w, .. } = columns;
    let name = short_name(t.trace(), c.thread, i.event, usize::from(name_w));
    pen.put(area.x + 2, y, name_w, &name, style);
    if columns.p {
        pen.put(p_x, y, bar_w, &bar(f64::from(c.p), bar_w), theme.task_text(t.colour(c.thread)));
        pen.put(p_x + bar_w + 1, y, 4, &format!("{:.2}", c.p), style);
    }
    if columns.wide {
        pen.put(columns.waited_x(), y, 9, &time::short(c.waited.0), style);
        let x = columns.lag_x();
        let room = area.w.saturating_sub(x - area.x);
        pen.put(x, y, room, &time::short_signed(c.lag_ns), style);
    }
}

fn context(t: &Timeline, inspection: Option<&Inspection>, pen: &mut Pen) {
    let (theme, area) = (pen.theme, pen.area);
    let Some(i) = inspection else {
        let text = match (&t.panes.inspector.failed, t.event()) {
            (_, None) => "nothing asked yet: no decision is selected",
            (Some(problem), _) => problem,
            (None, _) => "asking the model …",
        };
        pen.paragraph((0, area.h), text, theme.pending());
        return;
    };
    let trace = t.trace();
    let rows = usize::from(area.h.saturating_sub(2));
    let skip = if t.panes.focus == Pane::Context {
        t.panes.scroll.min(i.context.len().saturating_sub(rows))
    } else {
        0
    };
    let now = trace.time(i.event.min(trace.len().saturating_sub(1)));
    for (row, &index) in i.context.iter().skip(skip).take(rows).enumerate() {
        if index < trace.len() {
            past_event(t, index, now, area.y + row as u16, pen);
        }
    }
    forecast(t, i, area.y + rows as u16, pen);
}

/// An event that the model saw: how long ago, what, who, and what else.
fn past_event(t: &Timeline, index: usize, now: Nanos, y: u16, pen: &mut Pen) {
    let (theme, area, trace) = (pen.theme, pen.area, t.trace());
    let e = trace.event(index);
    let task = trace.tasks().thread_on(e.task, e.cpu);
    let w = 20.min(area.w.saturating_sub(18) / 2);
    let rest = area.w.saturating_sub(19 + w);
    let name = |thread, taken: usize| {
        short_name(trace, thread, index, usize::from(rest).saturating_sub(taken))
    };
    let by = |what: &str| format!("{what} {}", name(e.actor, what.len() + 1));
    let (kind, who, more) = match e.kind {
        EventKind::Switch => {
            let next = trace.tasks().thread_on(e.next, e.cpu);
            ("switch", next, format!("after {} {}", name(task, 9), e.state.label()))
        }
        EventKind::Wakeup => ("wakeup", task, by("by")),
        EventKind::WakeupNew => ("new", task, by("forked by")),
        EventKind::Migrate => ("migrate", task, format!("CPU{} → CPU{}", e.from_cpu.0, e.to_cpu.0)),
        EventKind::Waking => ("waking", task, by("by")),
        kind => (kind.label(), task, String::new()),
    };
    let ago = format!("−{}", time::short(now.since(e.time).0));
    pen.put(area.x, y, 9, &ago, theme.dim());
    pen.put(area.x + 10, y, 7, kind, theme.text());
    let who_name = short_name(trace, who, index, usize::from(w));
    pen.put(area.x + 18, y, w, &who_name, theme.task_text(t.colour(who)));
    pen.put(area.x + 19 + w, y, rest, &more, theme.dim());
}

/// What was forecast for the decision, and how long the model took for it.
fn forecast(t: &Timeline, i: &Inspection, y: u16, pen: &mut Pen) {
    let (theme, area) = (pen.theme, pen.area);
    let (text, style) = match i.forecast.first() {
        _ if t.answers.no_model.is_some() => ("– no model: no forecast".into(), theme.text()),
        None => ("no forecast was made for this switch".into(), theme.text()),
        Some((thread, p)) => {
            let (lead, who) = (time::short(i.lead.0), t.trace().label_at(*thread, i.event));
            let (glyph, style) =
                if *thread == i.real { ("✓", theme.hit()) } else { ("✗", theme.miss()) };
            (format!("forecast, {lead} before: {who} {p:.2} {glyph}"), style)
        }
    };
    pen.put(area.x, y, area.w, &text, style);
    if t.answers.no_model.is_none() {
        let took = format!("decision took {}", time::short(i.decision_ns));
        pen.put(area.x, y + 1, area.w, &took, theme.dim());
    }
}
