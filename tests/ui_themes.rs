//! The palette and the help page with their colours: in the light theme, and with the sixteen
//! colours of the terminal, on a small, a usual and a large screen.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "ui/colours.rs"]
mod colours;
#[path = "explorer/mod.rs"]
mod explorer;

use colours::{has_few, with_colours};
use explorer::Explorer;
use kernel_oracle::app::App;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::{Shades, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const RECORDING: &str = "traces/cfs/nginx-ab_run3.csv.zst";

fn drawn(app: &App, shades: Shades) -> Buffer {
    let (w, h) = app.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
    draw(app, &Theme::of(shades), &mut buffer);
    buffer
}

/// The first frame on the screen: what is around it comes from jobs, when they are done.
fn frame(buffer: &Buffer) -> Rect {
    let is = |x, y, corner: &str| buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == corner);
    let area = buffer.area;
    let rows = area.top()..area.bottom();
    let places = rows.flat_map(|y| (area.left()..area.right()).map(move |x| (x, y)));
    let (x, y) = places.clone().find(|(x, y)| is(*x, *y, "┌")).unwrap();
    let right = (x..area.right()).find(|right| is(*right, y, "┐")).unwrap();
    let bottom = (y..area.bottom()).find(|bottom| is(x, *bottom, "└")).unwrap();
    Rect::new(x, y, right - x + 1, bottom - y + 1)
}

#[test]
fn palette_and_help_have_the_colours_of_their_theme() {
    for size in [(80, 24), (120, 40), (250, 70)] {
        let mut e = Explorer::started(&[RECORDING], size);
        e.until("the recording", |app| app.timeline().is_some() && app.traces.listed);
        for (what, key) in [("palette", ":"), ("help", "?")] {
            e.keys(key);
            for (theme, shades) in [("light", Shades::Light), ("16", Shades::Sixteen)] {
                let buffer = drawn(&e.app, shades);
                let few = has_few(&buffer);
                assert_eq!(few, shades == Shades::Sixteen, "{what} {theme} {size:?}");
                let name = format!("{what}_{theme}_{}x{}", size.0, size.1);
                insta::assert_snapshot!(name, with_colours(&buffer, frame(&buffer)));
            }
            e.key(kernel_oracle::app::input::Key::Esc);
        }
    }
}
