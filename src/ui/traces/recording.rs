//! The recording dialog and the live panel, in the place of the list of traces.

use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::app::recording::dialog::{Dialog, Field, LOCAL, Line};
use crate::app::recording::run::RecordingRun;
use crate::app::{App, keys, time};
use crate::record::hosts::State;
use crate::record::workloads::ALL;
use crate::record::{CpuProgress, Stage};
use crate::text::{cut, tail};
use crate::ui::palette::Theme;
use crate::ui::pen::Pen;
use crate::vm::Kind;
use ratatui::style::{Modifier, Style};
use std::path::Path;

/// Cells of the names before the values.
const LABEL: u16 = 11;
/// Fewest rows of the list of workloads.
const LEAST: usize = 3;
/// A wider dialog is hard to read.
const WIDEST: u16 = 110;

/// Draws whichever is shown; false when the list of traces is.
pub fn draw(app: &App, pen: &mut Pen) -> bool {
    let (w, h) = (pen.area.w, pen.area.h);
    let area = Area { x: 0, y: 1, w: w.min(WIDEST), h: h.saturating_sub(2) };
    match (app.traces.recorder.context(), &app.traces.recorder.run) {
        (Some(keys::DIALOG), _) => dialog(&app.traces.recorder.dialog, area, pen),
        (Some(keys::PANEL), Some(run)) => panel(run, area, pen),
        _ => return false,
    }
    true
}

/// What every screen says of a recording under way.
pub fn brief(app: &App) -> Option<String> {
    app.traces.recorder.running().map(|run| format!(" ● {} ", run.brief()))
}

type Words = Vec<(String, Style)>;

/// A frame with rows in it; those around `focus` when not all fit.
fn frame(rows: &[Words], focus: usize, title: &str, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let inside = usize::from(area.h.saturating_sub(2)).max(1);
    let h = area.h.min(rows.len() as u16 + 2);
    let area = Area { h, ..area };
    let inner = pen.border(area, "", theme.dim(), theme.dim()).area.inset(1, 0);
    pen.put(area.x + 2, area.y, area.w.saturating_sub(4), &format!(" {title} "), theme.strong());
    let first = focus.saturating_sub(inside / 2).min(rows.len().saturating_sub(inside));
    for (i, row) in rows.iter().skip(first).take(inside).enumerate() {
        pen.inside(inner).words(i as u16, row);
    }
}

fn label(name: &str, on: bool, theme: Theme) -> (String, Style) {
    let mark = if on { "▸" } else { " " };
    let style = if on { theme.strong() } else { theme.dim() };
    (format!("{mark}{name:<width$}", width = usize::from(LABEL) - 1), style)
}

/// A line of text in `room` cells, around its caret when one types in it.
fn edited(line: &Line, on: bool, room: usize, theme: Theme) -> Words {
    if !on {
        return vec![(line.text().chars().take(room).collect(), theme.text())];
    }
    let (before, behind) = line.halves();
    let skip = before.chars().count().saturating_sub(room.saturating_sub(1));
    let mut behind = behind.chars();
    let caret = behind.next().unwrap_or(' ');
    let left = room.saturating_sub(before.chars().count() - skip + 1);
    vec![
        (before.chars().skip(skip).collect(), theme.text()),
        (caret.to_string(), theme.text().add_modifier(Modifier::REVERSED)),
        (behind.take(left).collect(), theme.text()),
    ]
}

fn dialog(d: &Dialog, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let room = usize::from(area.w.saturating_sub(4 + LABEL));
    let mut rows: Vec<Words> = Vec::new();
    let mut focus = 0;
    // All but the list of workloads: a row for each field, the machines, the file, an empty one,
    // the reason.
    let reason = d.refused.as_ref().map_or(0, |(_, why)| wrap(why, room).len());
    let others = Field::ALL.len() + 3 + reason + usize::from(d.offered_start.is_some());
    let list = usize::from(area.h.saturating_sub(2)).saturating_sub(others).max(LEAST);
    for field in Field::ALL {
        if field == d.field {
            focus = rows.len();
        }
        rows.push(field_row(d, field, room, theme));
        if let Some(kind) = d.offered_start.filter(|_| field == Field::Host) {
            let indent = " ".repeat(usize::from(LABEL));
            rows.push(vec![(indent, theme.dim()), (offer(d, kind), theme.strong())]);
        }
        if let Some((_, why)) = d.refused.as_ref().filter(|(wrong, _)| *wrong == field) {
            rows.extend(refusal(why, room, theme));
        }
        match field {
            Field::Host => rows.push(machines(d, room, theme)),
            Field::Workload => {
                let unused = has_command(d) || d.how.anything;
                rows.extend(workloads(d, unused, list, room, theme));
            }
            _ => {}
        }
    }
    rows.push(Vec::new());
    let file = match &d.file {
        None => (String::new(), theme.dim()),
        Some(Ok(path)) => (tail(&path.display().to_string(), room), theme.text()),
        Some(Err(problem)) => (problem.clone(), theme.miss()),
    };
    rows.push(vec![label("file", false, theme), file]);
    frame(&rows, focus, "record a workload", area, pen);
}

/// A command of one's own takes the place of the workload.
fn has_command(d: &Dialog) -> bool {
    !d.command.text().trim().is_empty()
}

/// A field: its name, its value, and what is to be known of it.
fn field_row(d: &Dialog, field: Field, room: usize, theme: Theme) -> Words {
    let on = field == d.field;
    let mut row = vec![label(field.label(), on, theme)];
    let value = |line: &Line, room: usize| edited(line, on, room, theme);
    let switch = |set: bool, text: &str| option(set, on, text, theme);
    match field {
        Field::Host => row.extend(value(&d.host, room)),
        Field::Workload => {
            row.extend(value(&d.filter, room.min(30)));
            row.push((format!(" {}", workload_hint(d)), theme.dim()));
        }
        Field::Command if d.command.text().is_empty() && !on => {
            row.push(("instead of a workload, such as: make -j4".into(), theme.dim()));
        }
        Field::Command => row.extend(value(&d.command, room)),
        Field::Seconds => {
            row.extend(value(&d.how.seconds, 9));
            row.push(("  at the longest".into(), theme.dim()));
        }
        Field::Buffer => {
            row.extend(value(&d.how.buffer, 9));
            row.push(("  ring buffer of each CPU".into(), theme.dim()));
        }
        Field::Runtime => row.extend(switch(d.how.runtime, "sched_stat_runtime too")),
        Field::Waking => row.extend(switch(d.how.waking, "sched_waking too")),
        Field::Truth => {
            let text = "the kernel's own state too (with the machine's bpftrace)";
            row.extend(switch(d.how.truth, text));
        }
        Field::Anything => {
            row.extend(switch(d.how.anything, "no workload: what happens anyway"));
        }
    }
    row
}

/// How a workload is chosen, or why none is.
fn workload_hint(d: &Dialog) -> String {
    match (has_command(d), d.filter.text().is_empty()) {
        (true, _) => "not used: the command below runs".into(),
        _ if d.how.anything => "not used: nothing is run".into(),
        (false, true) => "type to filter, ↑ ↓ choose".into(),
        (false, false) => format!(" {} of {}", d.offered().len(), ALL.len()),
    }
}

/// Why a field's value cannot be.
fn refusal(why: &str, room: usize, theme: Theme) -> impl Iterator<Item = Words> {
    wrap(why, room).into_iter().enumerate().map(move |(i, line)| {
        let mark = if i == 0 { "✗ " } else { "  " };
        let mark = format!("{mark:>width$}", width = usize::from(LABEL));
        vec![(mark, theme.miss()), (line, theme.miss())]
    })
}

/// `cfs is stopped: Enter starts it, then records`.
fn offer(d: &Dialog, kind: Kind) -> String {
    let standing =
        d.machines.hosts.iter().find(|h| h.name == kind.name()).map_or("", |h| h.standing());
    let does = if standing == "not built" {
        "builds and starts it, some minutes"
    } else {
        "starts it, then records"
    };
    format!("{} is {standing}: Enter {does}", kind.name())
}

fn option(is: bool, on: bool, text: &str, theme: Theme) -> Words {
    let hint = if on { "  Space switches" } else { "" };
    vec![
        (if is { "[x] " } else { "[ ] " }.into(), if on { theme.strong() } else { theme.text() }),
        (text.into(), theme.text()),
        (hint.into(), theme.dim()),
    ]
}

fn machines(d: &Dialog, room: usize, theme: Theme) -> Words {
    let mut row = vec![(" ".repeat(usize::from(LABEL)), theme.dim())];
    let mut used = 0;
    let known = d.known();
    for (i, name) in known.iter().enumerate() {
        let host = d.machines.hosts.iter().find(|h| h.name == *name);
        // Whose it is, or that it is down: both have no room.
        let from = host.map_or("", |h| {
            if matches!(h.state, State::Down(_)) { h.standing() } else { h.from.label() }
        });
        let from = if *name == LOCAL && i == 0 { "this machine" } else { from };
        let text = format!("{name} ({from})");
        let need = text.chars().count() + 3;
        if used + need + 8 > room && i > 0 {
            row.push((format!("+{} more", known.len() - i), theme.dim()));
            return row;
        }
        used += need;
        let style = if *name == d.host.text().trim() { theme.strong() } else { theme.dim() };
        row.extend([(text, style), ("   ".into(), theme.dim())]);
    }
    let rest = match (d.machines.complete, known.is_empty()) {
        (false, _) => "looking for machines",
        (true, true) => "any name that ssh knows; as root: local",
        (true, false) => "",
    };
    row.push((rest.into(), theme.dim()));
    row
}

fn workloads(d: &Dialog, own: bool, rows: usize, room: usize, theme: Theme) -> Vec<Words> {
    let offered = d.offered();
    let chosen = d.chosen();
    // The last row says all of the chosen one; the fields below stay where they are while one
    // filters.
    let rows = rows.min(ALL.len() + 1);
    let listed = rows - 1;
    let first =
        chosen.unwrap_or(0).saturating_sub(listed / 2).min(offered.len().saturating_sub(listed));
    let indent = usize::from(LABEL);
    let mut out: Vec<Words> = Vec::new();
    for (i, w) in offered.iter().enumerate().skip(first).take(listed) {
        let on = Some(i) == chosen && !own;
        let mark = if on { "● " } else { "  " };
        let style = match (own, on) {
            (true, _) => theme.dim(),
            (_, true) => theme.strong(),
            (_, false) => theme.text(),
        };
        let about = cut(&format!("{:<17}{}", w.category, w.about), room.saturating_sub(21));
        let about_style = if on { theme.text() } else { theme.dim() };
        out.push(vec![
            (format!("{mark:>indent$}"), style),
            (format!("{:<21}", w.name), style),
            (about, about_style),
        ]);
    }
    out.resize(listed, Vec::new());
    let detail =
        chosen.filter(|_| !own).and_then(|i| offered.get(i)).map_or_else(String::new, |w| {
            let packages: Vec<&str> = w.needs.iter().map(|n| n.1).collect();
            let needs = if packages.is_empty() {
                "needs nothing".into()
            } else {
                format!("needs {}", packages.join(", "))
            };
            format!("{}; {needs}", w.about)
        });
    out.push(vec![(" ".repeat(indent), theme.dim()), (cut(&detail, room), theme.text())]);
    out
}

fn panel(run: &RecordingRun, area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let room = usize::from(area.w.saturating_sub(4 + LABEL));
    let p = &run.progress;
    let mut rows: Vec<Words> =
        vec![stages(run, usize::from(area.w.saturating_sub(4)), theme), Vec::new()];
    let mut say = |name: &str, text: String, style: Style| {
        rows.push(vec![label(name, false, theme), (text, style)]);
    };
    if !p.guest.is_empty() {
        say("machine", p.guest.clone(), theme.text());
    }
    let (elapsed, limit) = (p.elapsed.as_secs_f64(), p.limit.as_secs_f64());
    if p.stage >= Stage::Recording {
        let meter = meter(elapsed / limit.max(1e-9), room.saturating_sub(20).min(40));
        // Whole tenths that have passed, as the first row says whole seconds that have.
        let tenths = (elapsed * 10.0).floor() / 10.0;
        say("time", format!("{meter} {tenths:.1} of {limit:.0} s"), theme.text());
        let rate = run.rate.filter(|_| p.stage == Stage::Recording && run.end.is_none());
        let rate = rate.map_or_else(String::new, |r| format!("   {}/s", time::grouped(r as u64)));
        say("events", format!("{}{rate}", time::grouped(p.events)), theme.text());
        // What happened may still lie in the buffers.
        let bytes = match p.bytes {
            0 => "nothing fetched yet".into(),
            n => format!("{} kB of pages", time::grouped(n.div_ceil(1000))),
        };
        say("bytes", bytes, theme.text());
    }
    let tail_rows = ending(run, room, theme);
    // What the CPUs may take: the rest.
    let left = usize::from(area.h.saturating_sub(2))
        .saturating_sub(rows.len() + tail_rows.len() + 1)
        .max(1);
    rows.extend(cpus(&p.cpus, left, room, theme));
    rows.push(Vec::new());
    rows.extend(tail_rows);
    let what = if run.end.is_some() { "recording of" } else { "recording" };
    let title = format!("{what} {} on {}", run.workload, run.target);
    // When not all fits, what became of it is what counts.
    let focus = if run.end.is_some() { rows.len() - 1 } else { 0 };
    frame(&rows, focus, &title, area, pen);
}

/// The stages in a row: past, present, to come; where there is no room the present one alone.
fn stages(run: &RecordingRun, room: usize, theme: Theme) -> Words {
    let now = run.progress.stage;
    let failed = matches!(run.end, Some(Err(_)));
    let over = matches!(run.end, Some(Ok(_)));
    let piece = |stage: Stage| {
        let (mark, style) = match () {
            () if stage == now && failed => ("✗", theme.miss()),
            () if stage < now || over => ("✓", theme.hit()),
            () if stage == now => ("●", theme.strong()),
            () => ("·", theme.dim()),
        };
        (format!("{mark}{}", stage.label()), style)
    };
    let first = (now == Stage::Starting).then_some(now);
    let all: Words = first.into_iter().chain(Stage::ALL).map(piece).collect();
    let wide: usize = all.iter().map(|(text, _)| text.chars().count() + 1).sum();
    if wide > room + 1 {
        let at = Stage::ALL.iter().position(|s| *s == now);
        let at = at.map_or_else(String::new, |i| format!("  {} of {}", i + 1, Stage::ALL.len()));
        return vec![piece(now), (at, theme.dim())];
    }
    let gap = if wide + Stage::ALL.len() <= room + 1 { "  " } else { " " };
    all.into_iter().flat_map(|piece| [piece, (gap.into(), theme.dim())]).collect()
}

/// `████▌     ` for a share in 0..1.
fn meter(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    let (full, rest) = (eighths / 8, eighths % 8);
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][rest];
    let mut out = "█".repeat(full) + part;
    out += &"░".repeat(width.saturating_sub(full + usize::from(rest > 0)));
    out
}

/// A row for each CPU: how full its buffer is, its events, its losses; when there is no room for
/// all, the rest in one.
fn cpus(all: &[CpuProgress], rows: usize, room: usize, theme: Theme) -> Vec<Words> {
    let fill = |c: &CpuProgress| c.waiting as f64 / c.buffer.max(1) as f64;
    let shown = if all.len() > rows { rows.saturating_sub(1) } else { all.len() };
    let width = room.saturating_sub(44).clamp(6, 30);
    let one = |c: &CpuProgress| {
        let (style, lost) =
            if c.lost > 0 { (theme.gap(), theme.miss()) } else { (theme.queue(), theme.dim()) };
        vec![
            label(&format!("CPU{}", c.cpu), false, theme),
            (meter(fill(c), width), style),
            (format!(" {:>3.0} % full", fill(c) * 100.0), theme.text()),
            (format!("  {:>11} events", time::grouped(c.events)), theme.text()),
            (format!("  {} lost", time::grouped(c.lost)), lost),
        ]
    };
    let mut out: Vec<Words> = all[..shown].iter().map(one).collect();
    if let Some(rest) = all.get(shown..).filter(|rest| !rest.is_empty()) {
        let fullest = rest.iter().map(fill).fold(0.0, f64::max) * 100.0;
        let lost = rest.iter().map(|c| c.lost).sum();
        let more = if shown > 0 { "more " } else { "" };
        let text = format!(
            "{} {more}CPUs: {} lost, {fullest:.0} % full at most",
            rest.len(),
            time::grouped(lost)
        );
        out.push(vec![
            label("", false, theme),
            (text, if lost > 0 { theme.miss() } else { theme.dim() }),
        ]);
    }
    out
}

/// The file, and how it ended.
fn ending(run: &RecordingRun, room: usize, theme: Theme) -> Vec<Words> {
    let mut rows: Vec<Words> = Vec::new();
    let mut say = |name: &str, text: &str, style: Style| {
        for (i, line) in wrap(text, room).into_iter().enumerate() {
            rows.push(vec![label(if i == 0 { name } else { "" }, false, theme), (line, style)]);
        }
    };
    let path = |path: &Path| tail(&path.display().to_string(), room);
    match &run.end {
        None => {
            if let Some(file) = &run.file {
                say("file", &path(file), theme.dim());
            }
            let text = match (run.cancelling, run.progress.stage) {
                (true, _) => "cancelling; what came is kept (Esc once more: wait no longer)",
                (false, Stage::Done) => "writing the file",
                (false, Stage::Starting | Stage::Connecting | Stage::Probing) => "Esc cancels",
                (false, _) => "Esc ends it and keeps what came",
            };
            say("", text, theme.dim());
        }
        Some(Ok(saved)) => {
            say("file", &path(&saved.path), theme.strong());
            let size = time::grouped(saved.bytes.div_ceil(1000));
            let events = if saved.events == 1 { "event" } else { "events" };
            let text = format!(
                "{} {events} in {}, {} lost, {size} kB; 1 shows it",
                time::grouped(saved.events),
                time::short(saved.span.0),
                time::grouped(saved.lost)
            );
            say("", &text, theme.text());
            if saved.cancelled {
                say("", "cancelled: what had come by then is kept", theme.gap());
            }
            for note in &saved.notes {
                say("!", note, theme.gap());
            }
            say("", "Esc closes, r records again", theme.dim());
        }
        Some(Err(failure)) => {
            let style = if failure.cancelled { theme.gap() } else { theme.miss() };
            say("✗", failure.headline(), style);
            say("", &failure.problem, theme.text());
            say("", "Esc closes, r asks again", theme.dim());
        }
    }
    rows
}
