//! Who woke the selected task, as arrows between rows: from the row in which the waker ran to that
//! of the woken one, and on back through the wakers as far as both ends are visible. What is not
//! visible of the last wake-up is said at the edge.

use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::{Placed, What};
use crate::stats::blame::Link;
use crate::trace::{CpuId, ThreadIx};
use crate::ui::palette::short_name;
use crate::ui::pen::Pen;
use ratatui::style::{Color, Modifier, Style};

/// Where a thread is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In this row.
    Row(Placed),
    /// Above the visible rows.
    Above,
    /// Below them.
    Below,
}

/// Cells of a name at an edge.
const NAME: usize = 20;

/// Draws them over the rows.
pub fn draw(t: &Timeline, l: &Layout, placed: &[Placed], pen: &mut Pen) {
    let Some(woken) = &t.causes.woken else { return };
    // While something plays they would only flicker.
    if t.cursor.is_playing() {
        return;
    }
    let mut target = (woken.thread, woken.cpu);
    for (i, link) in woken.links.iter().enumerate() {
        let ends = (place(t, placed, (link.waker, link.cpu)), place(t, placed, target));
        target = (link.waker, link.cpu);
        match t.view.column(link.at.0, l.cols()) {
            Some(col) => arrow(t, l, link, (l.plot.x + col as u16, ends, i == 0), pen),
            None if i == 0 && link.at.0 < t.view.start => before(t, l, link, ends.1, pen),
            None => {}
        }
    }
}

/// A pinned thread is in its own row, another one in that of the CPU.
fn place(t: &Timeline, placed: &[Placed], (thread, cpu): (ThreadIx, CpuId)) -> Place {
    let pinned = t.rows.pinned().contains(&thread);
    let has = |what: &What| match what {
        What::Task(task) => *task == thread,
        _ if pinned => false,
        What::Cpu(one) => *one == cpu.ix(),
        group @ What::Group(_) => t.rows.cpus(*group).contains(&cpu.ix()),
    };
    // Of a CPU that is unfolded its own row comes after that of its group.
    if let Some(row) = placed.iter().rev().find(|row| has(&row.what)) {
        return Place::Row(*row);
    }
    let first = placed
        .first()
        .and_then(|row| t.rows.all().iter().position(|what| *what == row.what))
        .unwrap_or(0);
    let above = t.rows.all()[..first.min(t.rows.all().len())].iter().any(has);
    if above { Place::Above } else { Place::Below }
}

/// The waker in words.
fn who(t: &Timeline, link: &Link) -> String {
    let name = if t.trace().tasks().is_idle(link.waker) {
        "an interrupt".into()
    } else {
        short_name(t.trace(), link.waker, link.event as usize, NAME)
    };
    format!("{name} CPU{}", link.cpu.0)
}

/// The line of a row in which an arrow ends: the one of wake-ups where there is one.
fn end(row: Placed) -> u16 {
    row.y + u16::from(matches!(row.what, What::Task(_)) && row.h > 1)
}

fn arrow(
    t: &Timeline,
    l: &Layout,
    link: &Link,
    (x, ends, last): (u16, (Place, Place), bool),
    pen: &mut Pen,
) {
    let style = if last { pen.theme.wake() } else { pen.theme.runnable() };
    let (top, bottom) = (l.lanes.y, (l.lanes.y + l.lanes.h).saturating_sub(1));
    let Place::Row(to) = ends.1 else { return };
    let (from, seen) = match ends.0 {
        Place::Row(row) if row.what == to.what => return,
        Place::Row(row) => (row.y, true),
        Place::Above if last => (top, false),
        Place::Below if last => (bottom, false),
        Place::Above | Place::Below => return,
    };
    let to = end(to);
    let down = from < to;
    for y in from.min(to) + 1..from.max(to) {
        over(pen, (x, y), "│", style);
    }
    if seen {
        over(pen, (x, from), if down { "┬" } else { "┴" }, style);
    } else if from != to {
        over(pen, (x, from), if down { "╷" } else { "╵" }, style);
        let text = who(t, link);
        let n = text.chars().count() as u16;
        let right = l.plot.x + l.plot.w;
        let at = if x + 1 + n <= right { x + 1 } else { x.saturating_sub(n).max(l.plot.x) };
        pen.put(at, from, n.min(right - at), &text, style.add_modifier(Modifier::REVERSED));
    }
    over(pen, (x, to), if down { "▼" } else { "▲" }, style);
}

/// The wake-up was before what is visible: said at the left edge of the woken one's row, where that
/// has a line in which it hides nobody.
fn before(t: &Timeline, l: &Layout, link: &Link, to: Place, pen: &mut Pen) {
    let Place::Row(row) = to else { return };
    let text = format!("◂{}", who(t, link));
    let lines = l.ran + l.predictions + l.queue;
    let y = match row.what {
        // The empty line behind a lane.
        What::Cpu(_) if t.rows.is_lane(row.what, l) && row.h > lines => row.y + lines,
        What::Task(_) if row.h > 1 => end(row),
        _ => return,
    };
    let room = l.plot.w.min(NAME as u16 + 8);
    pen.put(l.plot.x, y, room, &text, pen.theme.wake());
}

/// Puts a stroke over what is there; on a task's colour it takes that.
fn over(pen: &mut Pen, at: (u16, u16), glyph: &str, style: Style) {
    if let Some(cell) = pen.cell(at) {
        cell.set_symbol(glyph);
        if cell.bg == Color::Reset {
            cell.set_style(style);
        } else {
            cell.modifier.insert(Modifier::BOLD);
        }
    }
}
