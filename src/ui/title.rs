//! The first row of every screen: what is open, a recording under way, the tabs.

use super::pen::Pen;
use super::traces;
use crate::app::layout;
use crate::app::{App, Open, time};
use crate::text::{counted, cut};
use crate::trace::Origin;

/// Draws the first row.
pub fn draw(app: &App, pen: &mut Pen) {
    let theme = pen.theme;
    let w = pen.area.w;
    let tabs = layout::tabs(w);
    let room = tabs.first().map_or(w, |t| t.0).saturating_sub(1);
    let brief = traces::brief(app).unwrap_or_default();
    let tabs_at = room;
    let room = room.saturating_sub(brief.chars().count() as u16);
    pen.put(room, 0, tabs_at - room, &brief, theme.miss());
    // Where only one name fits it is the recording's.
    let named = !matches!(app.viewer.open, Open::Nothing) && room < 24;
    let used = if named {
        0
    } else {
        pen.put(1, 0, room.saturating_sub(1), "koracle", theme.strong()) + 3
    };
    let about = match &app.viewer.open {
        Open::Nothing => String::new(),
        Open::Loading(path) | Open::Failed(path, _) => {
            path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
        }
        Open::Ready(t) => {
            let (trace, meta) = (t.trace(), t.trace().meta());
            let kernel = meta.kernel.split(['-', '+']).next().unwrap_or_default();
            let mut parts = vec![meta.name.clone()];
            let class = trace.machine().class;
            // What nobody said is not shown as if somebody had.
            let mark = match class.from {
                Origin::Inferred => " inferred",
                Origin::Assumed => " assumed",
                Origin::Recorded | Origin::Told => "",
            };
            parts.push(format!("{kernel} {}{mark}", class.value.label()).trim_start().to_owned());
            parts.push(counted(trace.cpus() as u64, "CPU"));
            parts.push(time::short(trace.span().0));
            let n = trace.switch_count() as u64;
            parts.push(format!("{} switch{}", time::grouped(n), if n == 1 { "" } else { "es" }));
            if meta.emulated {
                parts.push("emulated".into());
            }
            parts.join(" · ")
        }
    };
    let left = room.saturating_sub(1 + used);
    pen.put(1 + used, 0, left, &cut(&about, usize::from(left)), theme.text());
    for (x, width, tab, text) in tabs {
        let on = app.tab == tab;
        pen.put(x, 0, width, &text, if on { theme.chosen() } else { theme.dim() });
    }
}
