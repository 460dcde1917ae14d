//! What every drawing function gets: where it may draw, how things look, and the few strokes that
//! all screens are made of. Knows no state of the application.

use super::palette::Theme;
use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::text::{cut, shown};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget};

/// A hand over a part of the buffer. Places are those of the whole screen, as layouts have them;
/// nothing is drawn beyond [`Pen::area`].
pub struct Pen<'a> {
    buf: &'a mut Buffer,
    /// How things look.
    pub theme: Theme,
    /// What is drawn in.
    pub area: Area,
}

impl<'a> Pen<'a> {
    /// Over the whole buffer, which begins at (0, 0).
    pub fn new(buf: &'a mut Buffer, theme: Theme) -> Self {
        let area = Area { x: 0, y: 0, w: buf.area.width, h: buf.area.height };
        Self { buf, theme, area }
    }
}

impl Pen<'_> {
    /// Over a part of this one's area alone.
    pub fn inside(&mut self, area: Area) -> Pen<'_> {
        let area = area.within(self.area);
        Pen { buf: self.buf, theme: self.theme, area }
    }

    /// Writes text into one row, at most `width` columns of it. Returns the columns used.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let a = self.area;
        if !a.has(x, y) {
            return 0;
        }
        // Two names that differ must not look alike.
        let text = shown(text);
        let (end, _) =
            self.buf.set_stringn(x, y, text, usize::from(width.min(a.x + a.w - x)), style);
        end - x
    }

    /// Writes pieces one after the other. Returns the columns used.
    pub fn put_all(&mut self, x: u16, y: u16, width: u16, pieces: &[(&str, Style)]) -> u16 {
        let mut used = 0;
        for (text, style) in pieces {
            used += self.put(x + used, y, width.saturating_sub(used), text, *style);
        }
        used
    }

    /// Writes text at the right end of `width` columns from `x` on.
    pub fn right(&mut self, (x, y): (u16, u16), width: u16, text: &str, style: Style) {
        let pad = width.saturating_sub(text.chars().count() as u16);
        self.put(x + pad, y, width - pad, text, style);
    }

    /// Writes text at the beginning of row `row` of the area.
    pub fn line(&mut self, row: u16, text: &str, style: Style) -> u16 {
        self.put(self.area.x, self.area.y + row, self.area.w, text, style)
    }

    /// Writes pieces one after the other into row `row` of the area.
    pub fn row(&mut self, row: u16, pieces: &[(&str, Style)]) -> u16 {
        self.put_all(self.area.x, self.area.y + row, self.area.w, pieces)
    }

    /// The same with pieces of one's own.
    pub fn words(&mut self, row: u16, pieces: &[(String, Style)]) -> u16 {
        let mut used = 0;
        for (text, style) in pieces {
            used += self.put(
                self.area.x + used,
                self.area.y + row,
                self.area.w.saturating_sub(used),
                text,
                *style,
            );
        }
        used
    }

    /// Lines inside a frame, from `scroll` on but so that the last one is at its end; how many are
    /// below them stands on the frame.
    pub fn scrolled<L>(&mut self, (frame, inner): (Area, Area), lines: &[L], scroll: usize)
    where
        L: AsRef<[(String, Style)]>,
    {
        let rows = usize::from(inner.h);
        let first = scroll.min(lines.len().saturating_sub(rows));
        for (i, line) in lines.iter().skip(first).take(rows).enumerate() {
            self.inside(inner).words(i as u16, line.as_ref());
        }
        self.below(frame, lines.len().saturating_sub(first + rows), "");
    }

    /// Says on a frame how many lines are not in view inside it, and the keys that lead there.
    pub fn below(&mut self, frame: Area, lines: usize, keys: &str) {
        if lines == 0 {
            return;
        }
        let text = if keys.is_empty() {
            format!(" ↓ {lines} ")
        } else {
            format!(" ↓ {lines} · {keys} ")
        };
        let n = text.chars().count() as u16;
        let x = frame.x + frame.w.saturating_sub(n + 2);
        let style = self.theme.dim();
        self.put(x, frame.y + frame.h - 1, n, &text, style);
    }

    /// The same as far as they fit: what does not is cut at a word, with a sign that something is
    /// missing.
    pub fn fitting(&mut self, row: u16, pieces: &[(String, Style)]) -> u16 {
        let mut used: u16 = 0;
        for (text, style) in pieces {
            let room = usize::from(self.area.w.saturating_sub(used));
            let (x, y) = (self.area.x + used, self.area.y + row);
            if text.chars().count() > room {
                let kept: String = text.chars().take(room.saturating_sub(2)).collect();
                let kept = kept.trim_end().rsplit_once(' ').map_or("", |(head, _)| head.trim_end());
                if !kept.is_empty() {
                    used += self.put(x, y, room as u16, &format!("{kept} …"), *style);
                } else if room >= 2 && used > 0 {
                    used += self.put(x, y, 2, " …", *style);
                }
                break;
            }
            used += self.put(x, y, room as u16, text, *style);
        }
        used
    }

    /// A sentence in the columns from `x` to the area's end, as far as it fits: see
    /// [`Self::fitting`].
    pub fn sentence(&mut self, (x, y): (u16, u16), text: &str, style: Style) -> u16 {
        let end = self.area.x + self.area.w;
        let row = Area { x, y, w: end.saturating_sub(x), h: 1 };
        self.inside(row).fitting(0, &[(text.to_owned(), style)])
    }

    /// Text from row `row` of the area on, broken at words, in at most `rows` rows: the last one is
    /// cut as [`Self::fitting`] does. Returns the rows used.
    pub fn paragraph(&mut self, (row, rows): (u16, u16), text: &str, style: Style) -> u16 {
        let mut lines = wrap(text, usize::from(self.area.w));
        let most = usize::from(rows.min(self.area.h.saturating_sub(row)));
        if lines.len() > most && most > 0 {
            let rest = lines.split_off(most - 1).join(" ");
            lines.push(rest);
        }
        lines.truncate(most);
        for (line, row) in lines.iter().zip(row..) {
            self.fitting(row, &[(line.clone(), style)]);
        }
        lines.len() as u16
    }

    /// Empties `width` columns of a row and gives them this style.
    pub fn fill(&mut self, x: u16, y: u16, width: u16, style: Style) {
        for x in x..x.saturating_add(width).min(self.area.x + self.area.w) {
            if let Some(cell) = self.cell((x, y)) {
                cell.set_symbol(" ").set_style(style);
            }
        }
    }

    /// A line across the area's width.
    pub fn rule(&mut self, y: u16, style: Style) {
        for x in self.area.x..self.area.x + self.area.w {
            self.put(x, y, 1, "─", style);
        }
    }

    /// A cell, to be looked at or changed.
    pub fn cell(&mut self, at: (u16, u16)) -> Option<&mut Cell> {
        self.buf.cell_mut(at).filter(|_| self.area.has(at.0, at.1))
    }

    /// Empties an area altogether: what lay there is gone, its style too.
    pub fn clear(&mut self, area: Area) {
        Clear.render(rect(area.within(self.area)), self.buf);
    }

    /// A border with a title in it. Returns the pen for what is inside.
    pub fn border(&mut self, area: Area, title: &str, border: Style, heading: Style) -> Pen<'_> {
        let area = area.within(self.area);
        let title = cut(title, usize::from(area.w.saturating_sub(2)));
        let block = Block::bordered().title(title).border_style(border).title_style(heading);
        block.render(rect(area), self.buf);
        self.inside(area.inset(1, 1))
    }

    /// The border of a pane; the one with the keys stands out. Returns the pen for what is inside.
    pub fn frame(&mut self, area: Area, title: &str, focus: bool) -> Pen<'_> {
        let theme = self.theme;
        let (border, heading) =
            if focus { (theme.strong(), theme.chosen()) } else { (theme.dim(), theme.strong()) };
        self.border(area, title, border, heading)
    }
}

/// A horizontal bar of `share` (0..1) of `width` cells, in eighths.
pub fn bar(share: f64, width: u16) -> String {
    let eighths = (share.clamp(0.0, 1.0) * f64::from(width) * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    bar
}

/// What is said of a list of which so many rows are above what is shown, and so many below.
pub fn unseen(above: usize, below: usize) -> String {
    match (above, below) {
        (0, 0) => String::new(),
        (above, 0) => format!("▲ {above} more"),
        (0, below) => format!("▼ {below} more"),
        (above, below) => format!("▲ {above} ▼ {below} more"),
    }
}

fn rect(area: Area) -> Rect {
    Rect { x: area.x, y: area.y, width: area.w, height: area.h }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(buf: &Buffer) -> Vec<String> {
        let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
        (0..buf.area.height).map(row).collect()
    }

    #[test]
    fn nothing_is_drawn_beyond_the_area() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 4));
        let mut pen = Pen::new(&mut buf, Theme::PLAIN);
        assert_eq!(
            (pen.put(6, 0, 9, "abc", Style::new()), pen.put(8, 0, 9, "abc", Style::new())),
            (2, 0)
        );
        let mut inner = pen.frame(Area { x: 1, y: 1, w: 6, h: 3 }, " title ", false);
        assert_eq!(inner.area, Area { x: 2, y: 2, w: 4, h: 1 });
        assert_eq!(
            (inner.line(0, "abcdef", Style::new()), inner.line(1, "no", Style::new())),
            (4, 0)
        );
        inner.right((2, 2), 4, "z", Style::new());
        assert_eq!(text(&buf), ["      ab", " ┌ ti…┐ ", " │abcz│ ", " └────┘ "]);
    }

    #[test]
    fn what_does_not_fit_is_cut_at_a_word() {
        let table = [
            ("► 1×|  0.5 of 2|  n N in the list", "► 1×  0.5 of 2  n N …   "),
            ("► 1×|  0.5 of 2|  everything", "► 1×  0.5 of 2  everyth…"),
        ];
        for (pieces, want) in table {
            let mut buf = Buffer::empty(Rect::new(0, 0, 21, 1));
            let pieces: Vec<(String, Style)> =
                pieces.split('|').map(|p| (p.to_owned(), Style::new())).collect();
            Pen::new(&mut buf, Theme::PLAIN).fitting(0, &pieces);
            let drawn = text(&buf).remove(0);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let whole: Vec<String> = pieces.iter().flat_map(|p| words(&p.0)).collect();
            assert!(
                words(&drawn).iter().all(|w| w == "…" || whole.contains(w)),
                "{drawn:?} {want:?}"
            );
            assert!(drawn.contains('…') && drawn.contains("0.5 of 2"), "{drawn:?}");
        }
    }

    #[test]
    fn bars_are_in_eighths() {
        assert_eq!(
            [0.0, 0.5, 1.0, 7.0, 0.03125].map(|x| bar(x, 4)),
            ["", "██", "████", "████", "▏"]
        );
    }
}
