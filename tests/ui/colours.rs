//! A screen as text with its colours, for snapshots.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Color;
use std::fmt::Write;

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

/// The text of a part of the screen, row by row, and below it the styles of each row: how many
/// cells, and which.
pub fn with_colours(buffer: &Buffer, area: Rect) -> String {
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

/// Whether there are no colours but the sixteen.
pub fn has_few(buffer: &Buffer) -> bool {
    let few = |color| !matches!(color, Color::Indexed(16..));
    buffer.content.iter().all(|cell| few(cell.fg) && few(cell.bg))
}
