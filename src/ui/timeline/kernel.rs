//! The pane that says why the kernel chose the one that came in.

use super::between::area;
use crate::app::layout::Layout;
use crate::app::timeline::{Pane, Timeline};
use crate::trace::ThreadIx;
use crate::ui::pen::Pen;
use crate::ui::picture;

/// Draws it.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let focus =
        t.panes.focus != Pane::Lanes && (l.context.is_empty() || t.panes.focus == Pane::Context);
    pen.clear(area(l));
    let theme = pen.theme;
    let mut pen = pen.frame(area(l), " why the kernel chose it ", focus);
    let inner = pen.area.inset(1, 0);
    let mut pen = pen.inside(inner);
    let Some(event) = t.event() else {
        pen.line(0, ". steps to the first decision", theme.dim());
        return;
    };
    let told =
        t.causes.kernel.told.as_ref().filter(|(of, _)| *of == event).map(|(_, picture)| picture);
    let picture = match told {
        Some(Some(picture)) => picture,
        Some(None) => {
            pen.line(0, "nothing is known of this decision", theme.dim());
            return;
        }
        None if t.cursor.is_playing() => {
            pen.line(0, "asked when it stands still: Space stops it", theme.dim());
            return;
        }
        None => {
            pen.line(0, "░ asking the rule", theme.pending());
            return;
        }
    };
    let model = t
        .panes
        .inspector
        .shown
        .as_ref()
        .filter(|i| i.event == event && t.answers.no_model.is_none());
    let p = |thread: ThreadIx| model?.candidates.iter().find(|c| c.thread == thread).map(|c| c.p);
    let lines = picture::lines(picture, &p, inner.w, theme);
    let rows = usize::from(inner.h);
    let first = if focus { t.panes.scroll.min(lines.len().saturating_sub(rows)) } else { 0 };
    for (i, line) in lines.iter().skip(first).take(rows).enumerate() {
        pen.words(i as u16, line);
    }
}
