//! The Timeline: the whole recording at the top, axis and lanes, the selected decision, playback.
//! What is said while no recording is open.

mod arrows;
mod axis;
mod between;
mod crowd;
pub(super) mod heat;
mod inspector;
mod kernel;
mod lane;
mod lanes;
mod legend;
mod marks;
mod overview;
pub(super) mod slim;
mod task;

use super::footer;
use super::palette::short_name;
use super::pen::Pen;
use crate::app::help::wrap;
use crate::app::timeline::Timeline;
use crate::app::timeline::causes::Woken;
use crate::app::{App, Open, time};

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let Open::Ready(t) = &app.viewer.open else {
        waiting(&app.viewer.open, pen);
        return;
    };
    let l = app.layout();
    overview::draw(t, &l, pen);
    lanes::draw(t, &l, pen);
    crowd::draw(t, &l, pen);
    legend::draw(t, &l, pen);
    marks::draw(app, t, &l, pen);
    inspector::draw(t, &l, pen);
    if t.causes.kernel.shown && !between::area(&l).is_empty() {
        kernel::draw(t, &l, pen);
    } else if let Some(window) = t.between().filter(|_| !between::area(&l).is_empty()) {
        between::draw(t, window, &l, pen);
    }
    footer::bar(app, t, &l, pen);
}

/// The wake-ups that led to a stint, in words.
fn chain(t: &Timeline, woken: &Woken) -> String {
    let trace = t.trace();
    let link = |l: &crate::stats::blame::Link| {
        let by = if trace.tasks().is_idle(l.waker) {
            "an interrupt".into()
        } else {
            short_name(trace, l.waker, l.event as usize, 24)
        };
        format!("{by} on CPU{} {} before", l.cpu.0, time::short(woken.to.saturating_sub(l.at.0)))
    };
    format!("woken by {}", woken.links.iter().map(link).collect::<Vec<_>>().join(" ← "))
}

fn waiting(open: &Open, pen: &mut Pen) {
    let theme = pen.theme;
    let (w, y) = (pen.area.w, pen.area.h / 3);
    match open {
        Open::Nothing => {
            pen.put(2, y, w - 2, "No recording is open.", theme.strong());
            pen.put(2, y + 1, w - 2, "4 lists what can be opened.", theme.dim());
        }
        Open::Loading(path) => {
            pen.put(2, y, w - 2, "Reading", theme.strong());
            pen.put(2, y + 1, w - 2, &path.display().to_string(), theme.dim());
        }
        Open::Failed(path, problem) => {
            pen.put(2, y, w - 2, "This recording could not be opened:", theme.miss());
            let mut row = y + 1;
            for line in wrap(problem, usize::from(w.saturating_sub(4))) {
                pen.put(2, row, w - 2, &line, theme.text());
                row += 1;
            }
            if !problem.contains(&path.display().to_string()) {
                pen.put(2, row, w - 2, &path.display().to_string(), theme.dim());
                row += 1;
            }
            pen.put(2, row + 1, w - 2, "4 lists what can be opened.", theme.dim());
        }
        Open::Ready(_) => {}
    }
}
