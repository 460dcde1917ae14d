//! The visible window of time, and the arithmetic of zooming and panning it. Knows nothing about
//! what is in it.

use crate::replay::lod::column_time;

/// The narrowest window, in ns.
const NARROWEST: u64 = 100;

/// `[start, start + width)` in ns; always inside the recording, unless that is narrower than the
/// window may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// First visible ns.
    pub start: u64,
    /// Visible ns, at least 1.
    pub width: u64,
    span: u64,
}

impl View {
    /// The whole recording of `span` ns.
    pub fn fit(span: u64) -> Self {
        Self { start: 0, width: span.saturating_add(1).max(NARROWEST), span }
    }

    /// A window that may reach beyond the recording: what lies there is drawn as nothing.
    pub fn beyond(start: u64, width: u64) -> Self {
        Self { start, width: width.max(1), span: u64::MAX }
    }

    /// A window `width` wide at `start`, moved and cut to fit.
    #[must_use]
    pub fn at(self, start: u64, width: u64) -> Self {
        let all = Self::fit(self.span);
        let width = width.clamp(NARROWEST, all.width);
        Self { start: start.min(all.width - width), width, span: self.span }
    }

    /// One past the last visible ns.
    pub fn end(self) -> u64 {
        self.start.saturating_add(self.width)
    }

    /// True when `t` is visible.
    pub fn contains(self, t: u64) -> bool {
        (self.start..self.end()).contains(&t)
    }

    /// Multiplies the width by `num / den`, keeping `t` where it is on the screen.
    #[must_use]
    pub fn zoom(self, t: u64, num: u64, den: u64) -> Self {
        let width = (u128::from(self.width) * u128::from(num) / u128::from(den.max(1)))
            .clamp(1, u128::from(u64::MAX));
        let width = (width as u64).clamp(NARROWEST, Self::fit(self.span).width);
        let t = t.clamp(self.start, self.end());
        let left = u128::from(t - self.start) * u128::from(width) / u128::from(self.width);
        self.at(t.saturating_sub(left as u64), width)
    }

    /// Moves by `num / den` of the width; negative is earlier.
    #[must_use]
    pub fn pan(self, num: i64, den: i64) -> Self {
        let by = i128::from(self.width) * i128::from(num) / i128::from(den.max(1));
        let start = (i128::from(self.start) + by).clamp(0, i128::from(u64::MAX));
        self.at(start as u64, self.width)
    }

    /// Moves as little as needed to show `t` with some room around it.
    #[must_use]
    pub fn show(self, t: u64) -> Self {
        let margin = self.width / 10;
        let (first, last) = (
            self.start + if self.start > 0 { margin } else { 0 },
            self.end().saturating_sub(margin),
        );
        if t < first || t > last {
            self.at(t.saturating_sub(self.width / 2), self.width)
        } else {
            self
        }
    }

    /// Column of `t` among `cols`; `None` when it is not visible.
    pub fn column(self, t: u64, cols: usize) -> Option<usize> {
        self.contains(t).then(|| {
            let col = (u128::from(t - self.start) * cols as u128 / u128::from(self.width)) as usize;
            // Columns begin at rounded-down times: `t` may already belong to the next.
            col + usize::from(
                col + 1 < cols && column_time(self.start, self.width, col + 1, cols) <= t,
            )
        })
    }

    /// The time in the middle of column `col` of `cols`.
    pub fn time(self, col: usize, cols: usize) -> u64 {
        let (a, b) = (
            column_time(self.start, self.width, col, cols),
            column_time(self.start, self.width, col + 1, cols),
        );
        a + (b - a) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoom_keeps_the_point_and_stays_inside() {
        let view = View::fit(1_000_000).at(100_000, 100_000);
        let near = view.zoom(125_000, 1, 2);
        assert_eq!((near.start, near.width), (112_500, 50_000));
        assert_eq!(near.column(125_000, 100), view.column(125_000, 100));
        let far = view.zoom(125_000, 1_000, 1);
        assert_eq!(far, View::fit(1_000_000));
        assert_eq!(view.zoom(150_000, 0, 1).width, NARROWEST);
    }

    #[test]
    fn pan_stops_at_the_ends_and_columns_agree_with_times() {
        let view = View::fit(1_000).at(400, 200);
        assert_eq!(view.pan(-9, 1).start, 0);
        assert_eq!(view.pan(9, 1).end(), 1_001);
        for cols in [1, 7, 80, 300] {
            for col in (0..cols).filter(|c| cols <= 200 || c % 2 == 0) {
                let t = view.time(col, cols);
                if cols <= 200 {
                    assert_eq!(view.column(t, cols), Some(col), "{cols}");
                }
            }
        }
        assert_eq!(view.column(399, 10), None);
        assert_eq!(View::fit(0).column(0, 10), Some(0));
    }

    #[test]
    fn show_moves_only_when_needed() {
        let view = View::fit(10_000).at(1_000, 1_000);
        assert_eq!(view.show(1_500), view);
        assert!(view.show(9_999).contains(9_999) && view.show(0).contains(0));
    }
}
