//! Lines of braille dots: two columns and four rows of them in every cell. Where a strong line goes
//! through, what is faint makes room, so that it is seen without colour too; of equal ones the
//! later takes a cell's colour over.

use crate::app::layout::Area;
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// Bits of a cell's dots, by column and row.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A grid of dots over an area.
pub struct Dots {
    area: Area,
    cells: Vec<(u8, Style, bool)>,
}

impl Dots {
    /// No dot set.
    pub fn new(area: Area) -> Self {
        Self {
            area,
            cells: vec![(0, Style::new(), false); usize::from(area.w) * usize::from(area.h)],
        }
    }

    /// Columns of dots.
    pub fn width(&self) -> usize {
        2 * usize::from(self.area.w)
    }

    /// Rows of dots.
    pub fn height(&self) -> usize {
        4 * usize::from(self.area.h)
    }

    /// Sets a faint dot; row 0 is the top.
    pub fn faint(&mut self, x: usize, y: usize, style: Style) {
        self.put(x, y, style, false);
    }

    /// Sets a dot of a strong line.
    pub fn set(&mut self, x: usize, y: usize, style: Style) {
        self.put(x, y, style, true);
    }

    fn put(&mut self, x: usize, y: usize, style: Style, strong: bool) {
        if x < self.width() && y < self.height() {
            let cell = &mut self.cells[y / 4 * usize::from(self.area.w) + x / 2];
            if strong || !cell.2 {
                let before = if strong && !cell.2 { 0 } else { cell.0 };
                *cell = (before | BITS[x % 2][y % 4], style, strong);
            }
        }
    }

    /// A straight line between two dots.
    pub fn line(&mut self, (x0, y0): (usize, usize), (x1, y1): (usize, usize), style: Style) {
        let n = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
        for i in 0..=n {
            let at = |a: usize, b: usize| {
                (a as f64 + (b as f64 - a as f64) * i as f64 / n as f64).round() as usize
            };
            self.set(at(x0, x1), at(y0, y1), style);
        }
    }

    /// Puts what is set into the buffer.
    pub fn draw(&self, pen: &mut Pen) {
        for (i, (bits, style, _)) in
            self.cells.iter().enumerate().filter(|(_, (bits, ..))| *bits != 0)
        {
            let w = usize::from(self.area.w);
            let at = (self.area.x + (i % w) as u16, self.area.y + (i / w) as u16);
            if let (Some(cell), Some(glyph)) =
                (pen.cell(at), char::from_u32(0x2800 + u32::from(*bits)))
            {
                cell.set_char(glyph).set_style(*style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::palette::Theme;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    #[test]
    fn dots_fill_their_cells_and_nothing_else() {
        let area = Area { x: 1, y: 1, w: 2, h: 1 };
        let mut dots = Dots::new(area);
        dots.faint(0, 0, Style::new());
        dots.line((0, 3), (3, 0), Style::new());
        dots.faint(3, 3, Style::new());
        dots.set(99, 0, Style::new());
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 3));
        dots.draw(&mut Pen::new(&mut buf, Theme::DARK));
        let row: String = (0..4).map(|x| buf[(x, 1)].symbol().to_string()).collect();
        assert_eq!(row, " ⡠⠊ ");
        assert_eq!((dots.width(), dots.height()), (4, 4));
    }
}
