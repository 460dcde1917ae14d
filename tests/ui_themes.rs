//! The palette and the help page with their colours: in the light theme, and with the sixteen
//! colours of the terminal, on a small, a usual and a large screen.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "explorer/mod.rs"]
mod explorer;

use explorer::Explorer;
use kernel_oracle::app::App;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::{Shades, Theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Color;
use std::fmt::Write;

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

fn color(of: Color) -> String {
    match of {
        Color::Reset => "–".into(),
        Color::Indexed(n) => n.to_string(),
        other => panic!("{other:?} is not of a theme"),
    }
}

fn style(cell: &Cell) -> String {
    let text = format!("{} on {} {:?}", color(cell.fg), color(cell.bg), cell.modifier);
    text.replace("NONE", "").trim_end().to_owned()
}

/// The text of a frame, row by row, and below it the styles of each row: how many cells, and which.
fn with_colours(buffer: &Buffer) -> String {
    let area = frame(buffer);
    let (mut text, mut styles, mut known) = (String::new(), String::new(), Vec::<String>::new());
    for y in area.top()..area.bottom() {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for x in area.left()..area.right() {
            let cell = buffer.cell((x, y)).unwrap();
            text += cell.symbol();
            let style = style(cell);
            let which = known.iter().position(|s| *s == style).unwrap_or_else(|| {
                known.push(style);
                known.len() - 1
            });
            match runs.last_mut() {
                Some(run) if run.0 == which => run.1 += 1,
                _ => runs.push((which, 1)),
            }
        }
        text.push('\n');
        let runs = runs.iter().map(|(which, n)| format!("{n}×{which}")).collect::<Vec<_>>();
        writeln!(styles, "{}", runs.join(" ")).unwrap();
    }
    for (i, style) in known.iter().enumerate() {
        writeln!(styles, "{i}: {style}").unwrap();
    }
    format!("{text}\n{styles}")
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
                let few = |color| !matches!(color, Color::Indexed(16..));
                let all_few = buffer.content.iter().all(|cell| few(cell.fg) && few(cell.bg));
                assert_eq!(all_few, shades == Shades::Sixteen, "{what} {theme} {size:?}");
                let name = format!("{what}_{theme}_{}x{}", size.0, size.1);
                insta::assert_snapshot!(name, with_colours(&buffer));
            }
            e.key(kernel_oracle::app::input::Key::Esc);
        }
    }
}
