//! Who had the CPU while the selected wait lasted: bars, CPUs that were idle meanwhile, the
//! wake-ups that led to it, and what had been predicted at its end.

use super::{called, is};
use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::app::waits::{Focus, predicted};
use crate::app::{App, time};
use crate::stats::Table;
use crate::stats::blame::Blame;
use crate::stats::states::Cause;
use crate::text::counted;
use crate::trace::ThreadIx;
use crate::ui::palette::short_name;
use crate::ui::pen::{Pen, bar};
use ratatui::style::Style;

/// A line: texts with their styles.
type Line = Vec<(String, Style)>;

/// Draws the pane.
pub fn draw(app: &App, t: &Table, area: Area, pen: &mut Pen) {
    if area.is_empty() {
        return;
    }
    let (w, theme) = (&app.waits, pen.theme);
    let Some(row) = w.row() else {
        pen.frame(area, " who ran instead ", is(w, Focus::Blame));
        return;
    };
    let wait = t.waits.get(row);
    let end = if t.waits.is_open(row) { "not seen to come in" } else { "came in" };
    let title = format!(
        " {} · {} · CPU{} · {end} {} ",
        time::short(wait.to - wait.from),
        called(t, row, wait.thread),
        wait.cpu.0,
        app.timeline().map_or_else(String::new, |t| t.point(wait.to, 1_000_000)),
    );
    let mut inner = pen.frame(area, &title, is(w, Focus::Blame)).area;
    (inner.x, inner.w) = (inner.x + 1, inner.w.saturating_sub(2));
    let Some((_, blame)) = w.instead.chosen.as_ref().filter(|(of, _)| *of as usize == row) else {
        pen.inside(inner).line(0, "░ looking who ran instead", theme.pending());
        return;
    };
    let lines = lines(app, t, row, blame, &pen.inside(inner));
    pen.scrolled((area, inner), &lines, w.instead.scroll);
}

fn lines(app: &App, t: &Table, row: usize, blame: &Blame, pen: &Pen) -> Vec<Line> {
    let theme = pen.theme;
    let wait = t.waits.get(row);
    let length = (wait.to - wait.from).max(1);
    let mut out: Vec<Line> = Vec::new();
    out.extend(strip(app, (t, row), blame, pen));
    bars(app, (t, row), blame, length, pen, &mut out);
    let dim = |text: &str| (text.to_owned(), theme.dim());
    let mut more = |head: &str, text: String, style: Style| {
        let room = usize::from(pen.area.w).saturating_sub(HEAD).max(8);
        for (i, line) in wrap(&text, room).into_iter().enumerate() {
            out.push(vec![
                dim(&format!("{:<HEAD$}", if i == 0 { head } else { "" })),
                (line, style),
            ]);
        }
    };
    more("idle then", idle(t, blame), theme.text());
    more("runnable", began(t, row), theme.text());
    if !blame.chain.is_empty() {
        let link = |l: &crate::stats::blame::Link| {
            format!(
                "{} on CPU{} {} before",
                woke(t, l.waker, l.event as usize),
                l.cpu.0,
                time::short(wait.to - l.at.0)
            )
        };
        more(
            "woken by",
            blame.chain.iter().map(link).collect::<Vec<_>>().join(" ← "),
            theme.text(),
        );
    }
    let said =
        app.timeline().filter(|_| !t.waits.is_open(row)).and_then(|tl| predicted(tl, t.event(row)));
    if let Some((text, right)) = said {
        let style = match right {
            Some(true) => theme.hit(),
            Some(false) => theme.miss(),
            None => theme.dim(),
        };
        more("predicted", text, style);
    }
    out
}

/// Cells of the words before a line.
const HEAD: usize = 11;
/// Lines of the pane that are no bars.
const LINES: usize = 6;

/// Who had the CPU in its order, from left to right.
fn strip(app: &App, (t, row): (&Table, usize), blame: &Blame, pen: &Pen) -> Option<Line> {
    let (theme, n) = (pen.theme, blame.parts.len());
    let cells =
        usize::from(pen.area.w).checked_sub(HEAD + 2).filter(|cells| *cells > 0 && n > 0)?;
    let who: Vec<ThreadIx> = (0..cells).map(|cell| blame.parts[cell * n / cells]).collect();
    let task = |thread| theme.task(app.timeline().and_then(|t| t.colour(thread)));
    let head = format!("CPU{}", t.waits.get(row).cpu.0);
    let mut line = vec![(format!("{head:<HEAD$}"), theme.dim())];
    for stint in who.chunk_by(|a, b| a == b) {
        let (thread, room) = (stint[0], stint.len());
        let (name, style) = match thread {
            ThreadIx::NONE => ("╱".repeat(room), theme.gap()),
            idle if t.trace.tasks().is_idle(idle) => ("·".repeat(room), theme.dim()),
            thread => (short_name(&t.trace, thread, t.event(row), room - 1), task(thread)),
        };
        let text = if t.trace.tasks().is_idle(thread) || thread == ThreadIx::NONE {
            name
        } else {
            format!("▏{name}")
        };
        line.push((format!("{text:<room$}"), style));
    }
    line.push(("◄".into(), theme.mark()));
    Some(line)
}

fn bars(
    app: &App,
    (t, row): (&Table, usize),
    blame: &Blame,
    length: u64,
    pen: &Pen,
    out: &mut Vec<Line>,
) {
    let (theme, trace) = (pen.theme, &t.trace);
    let name_w = usize::from(pen.area.w / 4).clamp(8, 24);
    let bar_w = pen.area.w.saturating_sub(name_w as u16 + 24).min(60);
    let mut add = |who: String, ns: u64, style: Style| {
        let share = ns as f64 / length as f64;
        let who = crate::ui::columns::shortened(&who, name_w);
        out.push(vec![
            (format!("{who:<name_w$} "), theme.text()),
            (format!("{:<w$} ", bar(share, bar_w), w = usize::from(bar_w)), style),
            (format!("{:>8} ", time::short(ns)), theme.strong()),
            (format!("{:>5.1} %", 100.0 * share), theme.dim()),
        ]);
    };
    // The lines below them are to be seen, too.
    let most = usize::from(pen.area.h).saturating_sub(LINES).max(2);
    let (ran, more) = blame.instead.ran.split_at(most.min(blame.instead.ran.len()));
    let colour = |thread| app.timeline().and_then(|t| t.colour(thread));
    for (thread, ns) in ran {
        if trace.tasks().is_idle(*thread) {
            add("idle".into(), *ns, theme.pending());
        } else {
            add(called(t, row, *thread), *ns, theme.task_text(colour(*thread)));
        }
    }
    let others = blame.instead.rest.0 + more.len() as u64;
    if others > 0 {
        let ns = blame.instead.rest.1 + more.iter().map(|m| m.1).sum::<u64>();
        add(counted(others, "other"), ns, theme.dim());
    }
    if blame.instead.unknown > 0 {
        add("not known".into(), blame.instead.unknown, theme.gap());
    }
    if out.is_empty() {
        out.push(vec![("It came in at once.".into(), theme.text())]);
    }
}

fn idle(t: &Table, blame: &Blame) -> String {
    if blame.idle.is_empty() {
        return if t.trace.cpus() == 1 {
            "there is no other CPU".into()
        } else {
            "no CPU was".into()
        };
    }
    let one = |i: &crate::stats::blame::Idle| {
        format!(
            "CPU{} {}{}",
            i.cpu.0,
            time::short(i.ns),
            if i.allowed { "" } else { " (allowed? never ran there)" }
        )
    };
    blame.idle.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn began(t: &Table, row: usize) -> String {
    let wait = t.waits.get(row);
    let words = match wait.began {
        Cause::Wakeup => "woken",
        Cause::New => "forked",
        Cause::Preempted | Cause::Migrated => "preempted",
    };
    let moved = if wait.kind == Cause::Migrated { ", then moved to another CPU" } else { "" };
    let by = match wait.waker {
        ThreadIx::NONE if wait.began == Cause::Preempted => String::new(),
        ThreadIx::NONE => " by somebody not known".into(),
        waker => format!(" by {} on CPU{}", woke(t, waker, wait.first as usize), wait.waker_cpu.0),
    };
    format!("{words}{by}{moved}")
}

/// A waker as it was called then; an idle thread stands for the interrupt over it.
fn woke(t: &Table, waker: ThreadIx, event: usize) -> String {
    if t.trace.tasks().is_idle(waker) {
        "an interrupt".into()
    } else {
        t.trace.label_at(waker, event)
    }
}
