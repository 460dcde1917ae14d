//! What the mouse means on the Mistakes screen: a click selects, a second one opens, on a column's
//! name it sorts, the wheel moves what it is over.

use super::{Do, Focus, Mistakes};
use crate::app::Context;
use crate::app::input::{Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::list::Hit;

impl Mistakes {
    /// Takes the mouse.
    pub(super) fn point(&mut self, mouse: Mouse, cx: &mut Context) {
        let p = self.places(cx.size);
        let m = self;
        let Mouse { kind, x, y } = mouse;
        let over = if p.sums.has(x, y) {
            Focus::Sums
        } else if p.why.has(x, y) {
            Focus::Why
        } else {
            Focus::List
        };
        match kind {
            MouseKind::WheelUp | MouseKind::WheelDown => {
                let focus = std::mem::replace(&mut m.panes.focus, over);
                m.step(if kind == MouseKind::WheelUp { -3 } else { 3 });
                m.panes.focus = focus;
            }
            MouseKind::Down if over == Focus::List => {
                let placed = p.columns(&m.listing.columns, m.listing.column);
                let here = m.panes.focus == Focus::List;
                match p.top.hit((x, y), &placed, m.listing.list, m.len()) {
                    Some(Hit::Filter) => m.edit(),
                    Some(Hit::Head(Some(column))) => {
                        (m.listing.column, m.panes.focus) = (column, Focus::List);
                        m.follow(Action::Mistakes(Do::Sort), cx);
                    }
                    Some(Hit::List(Some(row))) => {
                        m.panes.focus = Focus::List;
                        if m.listing.list.click(row) && here {
                            m.enter(cx);
                        }
                    }
                    _ => {}
                }
            }
            MouseKind::Down if over == Focus::Sums => {
                // Inside the frame: a line for the figures' names, then the bars.
                let line = usize::from(y.saturating_sub(p.sums.y));
                let first = m.first_bar(usize::from(p.sums.h.saturating_sub(3)));
                let at = line.checked_sub(2).map(|l| first + l);
                let page = m.sums.pages.get(m.sums.page);
                m.panes.focus = Focus::Sums;
                if let (Some(at), Some(page)) = (at, page)
                    && page.stride() == 1
                    && at < page.len()
                {
                    if m.sums.bar == at {
                        m.enter(cx);
                        return;
                    }
                    m.sums.bar = at;
                }
            }
            MouseKind::Down if over == Focus::Why => m.panes.focus = Focus::Why,
            _ => {}
        }
    }
}
