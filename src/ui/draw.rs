//! Puts one frame into a buffer: title, tabs and the screen of the chosen tab. The only entry for
//! drawing; changes nothing but the buffer.
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
//!  ► 1 ms/s  0.412873 s of 1.930 s                                                             bar, keys
//! ```

use super::palette::Theme;
use super::pen::Pen;
use super::{
    commands, compare, footer, help, home, mistakes, tasks, timeline, title, tour, traces, train,
    waits,
};
use crate::app::layout::{self, Area};
use crate::app::over::Card;
use crate::app::{App, Tab};
use crate::text::hidden;
use ratatui::buffer::Buffer;

/// Draws the application into `buf`.
pub fn draw(app: &App, theme: &Theme, buf: &mut Buffer) {
    screen(app, &mut Pen::new(buf, *theme));
    // Controls are not drawn, but some characters that cannot be seen hang on a letter, or are as
    // wide as one.
    for cell in buf.content.iter_mut().filter(|cell| cell.symbol().len() > 1) {
        if cell.symbol().contains(hidden) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

/// The screen of the chosen tab.
fn tab(app: &App, pen: &mut Pen) {
    match app.tab {
        Tab::Timeline => timeline::draw(app, pen),
        Tab::Train => train::draw(app, pen),
        Tab::Mistakes => mistakes::draw(app, pen),
        Tab::Traces => traces::draw(app, pen),
        Tab::Waits => waits::draw(app, pen),
        Tab::Tasks => tasks::draw(app, pen),
        Tab::Compare => compare::draw(app, pen),
    }
}

fn screen(app: &App, pen: &mut Pen) {
    let (theme, w, h) = (pen.theme, pen.area.w, pen.area.h);
    if layout::too_small((w, h)) {
        pen.line(
            0,
            &format!("koracle needs {}x{}", layout::SMALLEST.0, layout::SMALLEST.1),
            theme.strong(),
        );
        pen.line(1, &format!("this is {w}x{h}, q quits"), theme.dim());
        return;
    }
    title::draw(app, pen);
    tab(app, &mut pen.inside(Area { x: 0, y: 0, w, h: app.room().1 }));
    match &app.over.card {
        Some(Card::Home(card)) => home::draw(app, card, pen),
        Some(Card::Tour(card)) => tour::draw(app, card, pen),
        None => {}
    }
    footer::keys(app, pen);
    if app.over.help.is_some() {
        help::draw(app, pen);
    }
    if let Some(palette) = &app.over.palette {
        commands::draw(app, palette, pen);
    }
}
