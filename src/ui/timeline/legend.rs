//! Below the rows: who has which colour, and how much of the visible time each had.

use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::colours::Seen;
use crate::text::cut;
use crate::ui::palette::short_name;
use crate::ui::pen::Pen;

/// Longest name.
const NAME: usize = 24;

/// Draws as many as fit, who ran longest first.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let (theme, area) = (pen.theme, l.legend);
    if area.is_empty() {
        return;
    }
    let heading = if l.plot.x >= 12 { " who" } else { "" };
    let mut x = pen.put(0, area.y, area.w, heading, theme.dim()).max(l.plot.x);
    let others = t.looks.colours.others;
    let more = if others == 0 || !theme.color() {
        String::new()
    } else {
        format!("+{others} in the same colours")
    };
    let end =
        area.w.saturating_sub(if more.is_empty() { 0 } else { more.chars().count() as u16 + 1 });
    for seen in &t.looks.colours.seen {
        let name = name(t, seen);
        let share = format!(" {}{:.0} %  ", if seen.least { "≥" } else { "" }, seen.share * 100.0);
        let need = (name.chars().count() + share.chars().count() + 2) as u16;
        if seen.share < 0.005 || x + need > end + 2 {
            break;
        }
        if theme.color() {
            x += pen.put(x, area.y, 2, "■ ", theme.task_text(t.colour(seen.thread)));
        }
        x += pen.put(x, area.y, area.w.saturating_sub(x), &name, theme.text());
        x += pen.put(x, area.y, area.w.saturating_sub(x), &share, theme.dim());
    }
    if x < end {
        pen.put(end, area.y, area.w - end, &more, theme.dim());
    }
}

/// Its name; with the pid where others of the same name are there too.
fn name(t: &Timeline, seen: &Seen) -> String {
    let trace = t.trace();
    let called = |seen: &Seen| trace.name_at(seen.thread, seen.event);
    let same = t.looks.colours.seen.iter().filter(|s| called(s) == called(seen)).count();
    if same > 1 {
        short_name(trace, seen.thread, seen.event, NAME)
    } else {
        cut(called(seen), NAME)
    }
}
