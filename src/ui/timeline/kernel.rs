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
    let (theme, frame) = (pen.theme, area(l));
    pen.clear(frame);
    let inner = pen.frame(frame, " why the kernel chose it ", focus).area.inset(1, 0);
    let mut inside = pen.inside(inner);
    let Some(event) = t.event() else {
        let (text, style) = if t.trace().switch_count() == 0 {
            ("no switch was recorded, so there is no decision", theme.dim())
        } else if t.causes.kernel.leading {
            ("░ looking for a decision that the rule explains", theme.pending())
        } else {
            (". steps to the first decision", theme.dim())
        };
        inside.line(0, text, style);
        return;
    };
    let told =
        t.causes.kernel.told.as_ref().filter(|(of, _)| *of == event).map(|(_, picture)| picture);
    let picture = match told {
        Some(Some(picture)) => picture,
        Some(None) => {
            inside.line(0, "nothing is known of this decision", theme.dim());
            return;
        }
        None if t.cursor.is_playing() => {
            inside.line(0, "asked when it stands still: Space stops it", theme.dim());
            return;
        }
        None => {
            inside.line(0, "░ asking the rule", theme.pending());
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
    if focus {
        pen.scrolled((frame, inner), &picture::lines(picture, &p, inner.w, theme), t.panes.scroll);
        return;
    }
    let (lines, left) = picture::fitting(picture, &p, (inner.w, inner.h), theme);
    for (i, line) in lines.iter().enumerate() {
        pen.inside(inner).words(i as u16, line);
    }
    // Where the pane is beside that of the decision, Tab comes to it after that one.
    let keys = if l.context.is_empty() || t.panes.focus == Pane::Decision {
        "Tab, j"
    } else {
        "Tab Tab, j"
    };
    pen.below(frame, left, keys);
}
