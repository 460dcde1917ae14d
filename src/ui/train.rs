//! The Train screen: runs, charts, what runs differ in or how one does on each workload; and the
//! form over it.

mod dots;
mod form;
mod plot;

use super::pen::Pen;
use crate::app::App;
use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::app::ticket::Ticket;
use crate::app::train::chart::Metric;
use crate::app::train::curve::Series;
use crate::app::train::layout::TrainLayout;
use crate::app::train::run::{Run, RunState, differences};
use crate::app::train::{Question, Train, size};
use crate::text::{cut, tail};
use crate::train::Phase;
use crate::train::runs::{self, Epoch, State};
use plot::{Plot, number};
use ratatui::style::Style;

/// The letter of the run in this row: it marks its line where there is no colour.
pub fn letter(place: usize) -> String {
    char::from(b'a' + (place % 26) as u8).to_string()
}

/// Columns of the list: heading, width, at which terminal width it appears.
const COLUMNS: [(&str, u16, u16); 9] = [
    ("state", 11, 0),
    ("epoch", 7, 0),
    ("steps", 5, 50),
    ("loss", 6, 56),
    ("pick", 6, 40),
    ("forecast", 8, 66),
    ("k ev/s", 6, 80),
    ("left", 7, 74),
    ("device", 6, 110),
];

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let theme = pen.theme;
    let (t, l) = (&app.train, app.train.layout(app.room()));
    if let Some(form) = &t.form {
        form::draw(form, pen);
        return;
    }
    if t.runs.is_empty() {
        empty(t, pen);
        return;
    }
    list(t, &l, app.shared.live.is_some(), pen);
    Plot { train: t, metric: t.chart.metric, area: l.main, theme }.draw(pen);
    // Beside the large chart those that it does not show.
    let others = [Metric::Pick, Metric::Forecast, Metric::Throughput, Metric::Rate, Metric::Loss];
    let others = others.into_iter().filter(|m| *m != t.chart.metric);
    for (area, metric) in l.side.iter().zip(others) {
        Plot { train: t, metric, area: *area, theme }.draw(pen);
    }
    details(t, l.details, pen);
}

fn empty(t: &Train, pen: &mut Pen) {
    let theme = pen.theme;
    let (w, y) = (pen.area.w, pen.area.h / 3);
    if !t.kept.listed {
        pen.put(2, y, w - 2, "Looking for kept runs", theme.strong());
        return;
    }
    pen.put(2, y, w - 2, "No training run is kept yet.", theme.strong());
    let text = "n sets one up: the network learns from recorded decisions while you watch its loss \
                fall, and after every epoch the Timeline shows what it would predict.";
    let lines = wrap(text, usize::from(w.saturating_sub(4)).min(76));
    for (i, line) in lines.iter().chain(&t.kept.problems).enumerate() {
        pen.put(2, y + 1 + i as u16, w - 2, line, theme.dim());
    }
}

fn list(t: &Train, l: &TrainLayout, live: bool, pen: &mut Pen) {
    let theme = pen.theme;
    let w = pen.area.w;
    let fixed: u16 = COLUMNS.iter().filter(|c| w >= c.2).map(|c| c.1 + 1).sum();
    let name_w = w.saturating_sub(fixed + 6).clamp(6, 28);
    let row = |pen: &mut Pen, y: u16, name: &str, fields: &[String; 9], style: Style| {
        pen.put(5, y, name_w, &cut(name, usize::from(name_w)), style);
        let mut x = 6 + name_w;
        for (i, ((_, width, from), text)) in COLUMNS.iter().zip(fields).enumerate() {
            if w < *from {
                continue;
            }
            // Words to the left, numbers to the right.
            let pad = if i == 0 || i == 8 {
                0
            } else {
                width.saturating_sub(text.chars().count() as u16)
            };
            pen.put(x + pad, y, width - pad.min(*width), text, style);
            x += width + 1;
        }
    };
    row(pen, l.head.y, "run", &COLUMNS.map(|c| c.0.to_owned()), theme.dim());
    let first = t.list.first(l.rows(), t.runs.len());
    for (i, run) in t.runs.iter().enumerate().skip(first).take(l.rows()) {
        let y = l.list.y + (i - first) as u16;
        let style = match &run.stage {
            _ if i == t.list.at => theme.chosen(),
            RunState::Kept(State::Failed(_)) => theme.miss(),
            stage if stage.is_working() => theme.text(),
            _ => theme.dim(),
        };
        if i == t.list.at {
            pen.fill(0, y, w, style);
        }
        let shown = run.chosen || i == t.list.at;
        let live = live && t.watched == Some(run.id);
        pen.put(0, y, 1, if live { "●" } else { " " }, style);
        pen.put(1, y, 1, if run.chosen { "+" } else { " " }, style);
        pen.put(3, y, 1, &letter(i), if shown && i != t.list.at { theme.run(i) } else { style });
        row(pen, y, &run.name, &fields(run), style);
    }
}

fn fields(run: &Run) -> [String; 9] {
    let none = || "–".to_owned();
    let last = run.curve.steps().len().checked_sub(1);
    let loss = last.and_then(|i| run.curve.smooth(Series::Loss, i));
    let best = run.best().map(|e| &e.validation);
    let share = match run.done.steps {
        0 => none(),
        n => format!("{} %", run.done.last.step * 100 / n),
    };
    let state = match (&run.stage, run.done.reading) {
        (RunState::Reading, [done, all]) if all > 0 => format!("read {done}/{all}"),
        (stage, _) => stage.label().into(),
    };
    [
        state,
        format!("{}/{}", run.epochs.len(), run.config.epochs),
        share,
        loss.map_or_else(none, |x| if x.abs() < 1e4 { format!("{x:.3}") } else { number(x) }),
        best.map_or_else(none, |v| format!("{:.2}", 100.0 * v.pick_top1)),
        best.map_or_else(none, |v| format!("{:.2}", 100.0 * v.forecast_top1)),
        run.throughput().map_or_else(none, |x| format!("{:.0}", x / 1e3)),
        run.eta().map_or_else(none, seconds),
        run.config.device.to_string(),
    ]
}

/// `59 s`, `4 min`, `2.5 h`.
fn seconds(s: f64) -> String {
    match s {
        ..100.0 => format!("{s:.0} s"),
        ..6_000.0 => format!("{:.0} min", s / 60.0),
        _ => format!("{:.1} h", s / 3_600.0),
    }
}

fn details(t: &Train, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    if area.h < 2 {
        return;
    }
    pen.rule(area.y, theme.dim());
    let inner = Area { x: area.x + 1, y: area.y + 1, w: area.w.saturating_sub(2), h: area.h - 1 };
    let shown = t.shown();
    if shown.len() > 1 {
        compared(&shown, inner, pen);
    } else if let Some(run) = t.current_run() {
        one(t, run, inner, pen);
    }
}

/// Settings that differ, a run per column, and what each came to.
fn compared(shown: &[(usize, &Run)], area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let runs: Vec<&Run> = shown.iter().map(|(_, r)| *r).collect();
    let best = |of: fn(&crate::train::Validation) -> f64| -> Vec<String> {
        let value = |r: &&Run| {
            r.best().map_or_else(|| "–".into(), |e| format!("{:.2}", 100.0 * of(&e.validation)))
        };
        runs.iter().map(value).collect()
    };
    let mut rows = vec![
        ("best pick %", best(|v| v.pick_top1)),
        ("best forecast %", best(|v| v.forecast_top1)),
    ];
    let differ = differences(&runs);
    let same = differ.is_empty();
    rows.extend(differ);
    let label_w = 17;
    let room = usize::from(area.w.saturating_sub(label_w));
    let column = (room / runs.len().max(1)).clamp(6, 16) as u16;
    let fit = (room / usize::from(column)).max(1);
    pen.put(area.x, area.y, label_w, if same { "same settings" } else { "differ in" }, theme.dim());
    for (i, (place, run)) in shown.iter().take(fit).enumerate() {
        let text = format!("{} {}", letter(*place), run.name);
        let text = cut(&text, usize::from(column) - 1);
        pen.put(area.x + label_w + i as u16 * column, area.y, column - 1, &text, theme.run(*place));
    }
    for (row, (name, values)) in rows.iter().enumerate().take(usize::from(area.h.saturating_sub(1)))
    {
        let y = area.y + 1 + row as u16;
        pen.put(area.x, y, label_w - 1, &cut(name, usize::from(label_w) - 1), theme.dim());
        for (i, value) in values.iter().take(fit).enumerate() {
            let value = if value.is_empty() { "–" } else { &cut(value, usize::from(column) - 1) };
            pen.put(area.x + label_w + i as u16 * column, y, column - 1, value, theme.text());
        }
    }
    let hidden = (rows.len() + 1).saturating_sub(usize::from(area.h));
    if hidden > 0 {
        let text = format!("+{hidden} more");
        let w = text.len() as u16;
        pen.put(area.x + area.w.saturating_sub(w), area.y + area.h - 1, w, &text, theme.dim());
    }
}

/// Cells of a run's folder, at least: less of it says nothing.
const LEAST: usize = 8;

/// One run: what went wrong, or how its best epoch does on each workload.
fn one(t: &Train, run: &Run, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let mut y = area.y;
    let line = |pen: &mut Pen, y: u16, pieces: &[(&str, Style)]| {
        if y < area.y + area.h {
            let row = Area { y, h: 1, ..area };
            let pieces = pieces.iter().map(|(text, style)| ((*text).to_owned(), *style));
            pen.inside(row).fitting(0, &pieces.collect::<Vec<_>>());
        }
    };
    if let RunState::Kept(State::Failed(why)) = &run.stage {
        for text in wrap(&format!("failed: {why}"), usize::from(area.w)).iter().take(3) {
            line(pen, y, &[(text, theme.miss())]);
            y += 1;
        }
    }
    let place = run.path.as_ref().map_or_else(String::new, |p| p.display().to_string());
    let (settings, hint) = (settings(run), hint(t, run));
    let used = settings.chars().count() + hint.chars().count() + 3;
    let place = match usize::from(area.w).saturating_sub(used) {
        room if room < LEAST => String::new(),
        room => format!("   {}", tail(&place, room)),
    };
    let pieces = [(&*settings, theme.text()), (&*hint, theme.mark()), (&*place, theme.dim())];
    line(pen, y, &pieces);
    y += 1;
    if let Some(best) = run.best() {
        let h = (area.y + area.h).saturating_sub(y);
        workloads(t, run, best, Area { y, h, ..area }, pen);
    } else {
        let working = run.stage.is_working();
        let text = if working { "no epoch is done yet" } else { "no epoch was done" };
        line(pen, y, &[(text, theme.dim())]);
    }
}

fn settings(run: &Run) -> String {
    let from = runs::learns_from(&run.config, run.held_out);
    format!(
        "{}; {}rate {} {}; seed {}",
        size::trunk(&run.config.model),
        from.map_or_else(String::new, |from| from + "; "),
        run.config.learning_rate,
        run.config.schedule.label(),
        run.config.seed
    )
}

/// What makes the run go on.
fn hint(t: &Train, run: &Run) -> String {
    match &run.stage {
        RunState::Queued => format!("   waits: {} at once (< > changes it)", t.at_once),
        RunState::Working(Phase::Paused) => "   paused: Space goes on".into(),
        RunState::Kept(_) if run.resumable => "   r goes on with it".into(),
        _ => String::new(),
    }
}

/// An epoch's figures on each workload beside those of two rules, in as many tables side by side as
/// fit.
fn workloads(t: &Train, run: &Run, best: &Epoch, area: Area, pen: &mut Pen) {
    const WIDTH: u16 = 56;
    let theme = pen.theme;
    let room = (WIDTH - 2).min(area.w);
    let head = format!("best epoch {}", best.epoch);
    let cells = |[name, pick, eevdf, forecast, followed]: [&str; 5]| {
        format!("{name:<22} {pick:>6} {eevdf:>6}  {forecast:>6} {followed:>6}")
    };
    let percent = |x: Option<f64>| x.map_or("–".into(), |x| format!("{:.1}", 100.0 * x));
    let rule = |workload: &str, name: &str, question: usize| {
        let b = run.baselines.iter().find(|b| b.name == name)?;
        b.workloads.get(workload).and_then(|w| w[question])
    };
    let title = cells([&head, "pick", "eevdf", "fcast", "follow"]);
    let (wide, rows) = (usize::from(area.w / WIDTH).max(1), usize::from(area.h.saturating_sub(1)));
    for (i, (name, s)) in best.validation.workloads.iter().enumerate() {
        let (col, row) = (i / rows.max(1), i % rows.max(1));
        if col >= wide || rows == 0 {
            break;
        }
        let x = area.x + col as u16 * WIDTH;
        if row == 0 {
            pen.put(x, area.y, room, &title, theme.dim());
        }
        let pick = percent((s.picks > 0).then_some(s.pick_top1));
        let forecast = percent((s.forecasts > 0).then_some(s.forecast_top1));
        let eevdf = percent(rule(name, "eevdf", 0));
        let followed = percent(rule(name, "followed", 1));
        let text = cells([name, &pick, &eevdf, &forecast, &followed]);
        let charted = t.chart.workload.as_deref() == Some(name);
        let style = if charted { theme.strong() } else { theme.text() };
        let y = area.y + 1 + row as u16;
        pen.put(x, y, room, &text, style);
        if charted {
            pen.put(x - 1, y, 1, "►", theme.playhead());
        }
    }
}

/// The question at the bottom of the screen, if one waits for `y`.
pub fn question(t: &Train) -> Option<String> {
    let name = |id: Ticket| t.runs.iter().find(|r| r.id == id).map_or("?", |r| r.name.as_str());
    Some(match t.question? {
        Question::Delete(id) => {
            format!("remove {} with its checkpoints, models and metrics? y removes it", name(id))
        }
        Question::Kill(id) => format!("end {} at once, without a checkpoint? y ends it", name(id)),
    })
}
