//! The rows of the timeline, one below the other: each as what it shows wants to be drawn.

use super::arrows;
use super::axis;
use super::heat;
use super::lane::Lane;
use super::slim::Slim;
use super::task::Task;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::{Shape, What};
use crate::ui::pen::Pen;

/// Draws axis, visible rows, marks and playhead.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    axis::draw(t, l, pen);
    if t.trace().cpus() == 0 || t.trace().is_empty() {
        let style = pen.theme.dim();
        pen.put(2, l.lanes.y, l.lanes.w.saturating_sub(2), "This recording has no events.", style);
        return;
    }
    let mut end = l.lanes.y;
    let placed = t.rows.placed(l);
    for row in placed.iter().copied() {
        end = row.y + row.h;
        match row.what {
            What::Task(thread) => Task { t, l, thread, place: row }.draw(pen),
            what @ What::Cpu(cpu) if t.rows.is_lane(what, l) => {
                Lane { t, l, cpu, y: row.y, rows: row.h }.draw(pen);
            }
            What::Cpu(cpu) if l.shape != Shape::Heat => Slim { t, l, cpu, y: row.y }.draw(pen),
            what => heat::draw(t, l, (what, row.y), pen),
        }
    }
    axis::lines(t, l, &(l.lanes.y..end), pen);
    axis::lines(t, l, &(l.crowd.y..l.crowd.y + l.crowd.h), pen);
    // Over the marks: a wait that is shown has one just where it was woken.
    arrows::draw(t, l, &placed, pen);
}
