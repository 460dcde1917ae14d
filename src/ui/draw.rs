//! Puts one frame into a buffer: title, tabs and the screen of the chosen tab. The only entry for drawing; changes
//! nothing but the buffer.
//!
//! ```text
//!  koracle   hackbench-pipe-4g · 6.18 EEVDF · 2 CPU · 1.93 s        1 Timeline  4 Traces      title, tabs
//!  use  ▇▇▇▇▇▇▆▇▇▇▇▇[▇▇▇▇▇]▇▇▇▇▇▇▇▇▇▆▇▇▇▇▇▇▇▇                                                  overview
//!  miss ▁▁▁▂▁▁▁▁▂▅▂▁[▁▁▃▁▁]▁▁▁▁▂▁▁▁▁▁▁▁▁▂▁▁▁▁
//!          0.41284 s          0.41286 s        ▼ 0.41288 s                                     axis
//!  CPU0 ran   hackbench:41      ▏hb:57 ▏kworker┃/0:1▏ hackbench:44        ▏ · idle ·           lanes
//!       pick  hackbench:41      ▏hb:44✗▏kworker┃/0:1▏ hackbench:44        ▏ · idle ·  hit 87 %
//!       queue ▂▃▅▅▆▇▇▇▆▅▃▂▂▃▅▅▆▇▇▇▆▅▃▂         ┃
//!  ┌ decision 41,207 · CPU0 · 0.412873 s ────────────┐┌ what the model saw ───────────────┐    inspector
//!  ► 1/1000×  0.412873 / 1.930 s                                                              bar, keys
//! ```

use super::palette::Theme;
use super::{footer, inspector, lanes, list, mistakes, overview, recording, train};
use crate::app::help::wrap;
use crate::app::layout::{self, Area};
use crate::app::{App, Open, Tab, time};
use crate::text::hidden;
use crate::trace::Origin;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the application into `buf`.
pub fn draw(app: &App, theme: &Theme, buf: &mut Buffer) {
    screen(app, *theme, buf);
    // Controls are not drawn, but some characters that cannot be seen hang on a letter, or are as wide as one.
    for cell in buf.content.iter_mut().filter(|cell| cell.symbol().len() > 1) {
        if cell.symbol().contains(hidden) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

fn screen(app: &App, theme: Theme, buf: &mut Buffer) {
    let (w, h) = (buf.area.width, buf.area.height);
    if layout::too_small((w, h)) {
        let text = format!("koracle needs {}x{}", layout::SMALLEST.0, layout::SMALLEST.1);
        put(buf, 0, 0, w, &text, theme.strong());
        if h > 1 {
            put(buf, 0, 1, w, &format!("this is {w}x{h}, q quits"), theme.dim());
        }
        return;
    }
    title(app, theme, buf);
    match (&app.tab, &app.open) {
        (Tab::Traces, _) => {
            if !recording::draw(app, theme, buf) {
                list::draw(app, theme, buf);
            }
        }
        (Tab::Train, _) => train::draw(app, theme, buf),
        (Tab::Mistakes, _) => mistakes::draw(app, theme, buf),
        (Tab::Timeline, Open::Ready(timeline)) => {
            let l = app.layout();
            overview::draw(timeline, &l, theme, buf);
            lanes::draw(timeline, &l, theme, buf);
            mistakes::marks::draw(app, timeline, &l, theme, buf);
            inspector::draw(timeline, &l, theme, buf);
            footer::bar(app, timeline, &l, theme, buf);
        }
        (Tab::Timeline, open) => waiting(open, theme, buf),
    }
    footer::keys(app, theme, buf);
    if app.help {
        footer::help(app, theme, buf);
    }
}

/// Writes text into one row, at most `width` columns of it. Returns the columns used.
pub fn put(buf: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    let area = buf.area;
    if x >= area.width || y >= area.height {
        return 0;
    }
    let (end, _) = buf.set_stringn(x, y, text, usize::from(width.min(area.width - x)), style);
    end - x
}

/// Writes pieces one after the other. Returns the columns used.
pub fn put_all(buf: &mut Buffer, x: u16, y: u16, width: u16, pieces: &[(&str, Style)]) -> u16 {
    let mut used = 0;
    for (text, style) in pieces {
        used += put(buf, x + used, y, width.saturating_sub(used), text, *style);
    }
    used
}

/// Converts the application's rectangle.
pub fn rect(area: Area) -> Rect {
    Rect { x: area.x, y: area.y, width: area.w, height: area.h }
}

fn title(app: &App, theme: Theme, buf: &mut Buffer) {
    let w = buf.area.width;
    let tabs = layout::tabs(w);
    let room = tabs.first().map_or(w, |t| t.0).saturating_sub(1);
    let brief = recording::brief(app).unwrap_or_default();
    let tabs_at = room;
    let room = room.saturating_sub(brief.chars().count() as u16);
    put(buf, room, 0, tabs_at - room, &brief, theme.miss());
    let used = put(buf, 1, 0, room.saturating_sub(1), "koracle", theme.strong());
    let mut about = match &app.open {
        Open::Nothing => String::new(),
        Open::Loading(path) | Open::Failed(path, _) => {
            path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
        }
        Open::Ready(t) => {
            let (trace, meta) = (t.trace(), t.trace().meta());
            let kernel = meta.kernel.split('-').next().unwrap_or_default();
            let mut parts = vec![meta.name.clone()];
            let class = trace.machine().class;
            // What nobody said is not shown as if somebody had.
            let mark = match class.from {
                Origin::Inferred => " inferred",
                Origin::Assumed => " assumed",
                Origin::Recorded | Origin::Told => "",
            };
            parts.push(format!("{kernel} {}{mark}", class.value.label()).trim_start().to_owned());
            parts.push(format!("{} CPU{}", trace.cpus(), if trace.cpus() == 1 { "" } else { "s" }));
            parts.push(time::short(trace.span().0));
            let n = trace.switch_count() as u64;
            parts.push(format!("{} switch{}", time::grouped(n), if n == 1 { "" } else { "es" }));
            if meta.emulated {
                parts.push("emulated".into());
            }
            parts.join(" · ")
        }
    };
    let left = room.saturating_sub(1 + used + 3);
    if about.chars().count() > usize::from(left) {
        about = about.chars().take(usize::from(left.saturating_sub(1))).collect::<String>() + "…";
    }
    put(buf, 1 + used + 3, 0, left, &about, theme.text());
    for (x, width, number, text) in tabs {
        let on =
            matches!((number, app.tab), (1, Tab::Timeline) | (2, Tab::Train) | (3, Tab::Mistakes) | (4, Tab::Traces));
        put(buf, x, 0, width, &text, if on { theme.chosen() } else { theme.dim() });
    }
}

fn waiting(open: &Open, theme: Theme, buf: &mut Buffer) {
    let (w, y) = (buf.area.width, buf.area.height / 3);
    match open {
        Open::Nothing => {
            put(buf, 2, y, w - 2, "No recording is open.", theme.strong());
            put(buf, 2, y + 1, w - 2, "4 lists what can be opened.", theme.dim());
        }
        Open::Loading(path) => {
            put(buf, 2, y, w - 2, "Reading", theme.strong());
            put(buf, 2, y + 1, w - 2, &path.display().to_string(), theme.dim());
        }
        Open::Failed(path, problem) => {
            put(buf, 2, y, w - 2, "This recording could not be opened:", theme.miss());
            let mut row = y + 1;
            for line in wrap(problem, usize::from(w.saturating_sub(4))) {
                put(buf, 2, row, w - 2, &line, theme.text());
                row += 1;
            }
            if !problem.contains(&path.display().to_string()) {
                put(buf, 2, row, w - 2, &path.display().to_string(), theme.dim());
                row += 1;
            }
            put(buf, 2, row + 1, w - 2, "4 lists what can be opened.", theme.dim());
        }
        Open::Ready(_) => {}
    }
}
