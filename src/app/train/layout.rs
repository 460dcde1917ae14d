//! Where things are on the Train screen; shared by drawing and the mouse.

use crate::app::layout::Area;

/// The Train screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrainLayout {
    /// Headings of the list, one row.
    pub head: Area,
    /// The list's rows.
    pub list: Area,
    /// The large chart.
    pub main: Area,
    /// Charts beside it, from the top; none where there is no room.
    pub side: Vec<Area>,
    /// Differences between runs, or one run's workloads; empty where there is no room.
    pub details: Area,
}

/// Columns of the numbers left of a plot.
const GUTTER: u16 = 8;

/// The dots inside a chart: a title above, numbers at the left and below.
pub fn plot(chart: Area) -> Area {
    Area {
        x: chart.x + GUTTER,
        y: chart.y + 1,
        w: chart.w.saturating_sub(GUTTER + 1),
        h: chart.h.saturating_sub(2),
    }
}

impl TrainLayout {
    /// For a terminal of this size and so many runs.
    pub fn new((w, h): (u16, u16), runs: usize) -> Self {
        let body = h.saturating_sub(2);
        let area = |y, h| Area { x: 0, y, w, h };
        let rows = u16::try_from(runs.max(1)).unwrap_or(u16::MAX).min((body / 4).clamp(1, 8));
        let details = match body {
            0..18 => 0,
            18..34 => 5,
            _ => 14,
        };
        let top = 2 + rows;
        let charts = area(top, body.saturating_sub(1 + rows + details));
        let (main, side) = if w >= 100 && charts.h >= 8 {
            let left = w * 6 / 10;
            let n = if charts.h >= 32 { 4 } else { 2 };
            let each = charts.h / n;
            let part = |i: u16| Area {
                x: left,
                y: charts.y + i * each,
                w: w - left,
                h: if i + 1 == n { charts.h - each * (n - 1) } else { each },
            };
            (Area { w: left, ..charts }, (0..n).map(part).collect())
        } else {
            (charts, Vec::new())
        };
        Self {
            head: area(1, 1),
            list: area(2, rows),
            main,
            side,
            details: area(charts.y + charts.h, details),
        }
    }

    /// Rows of the list.
    pub fn rows(&self) -> usize {
        usize::from(self.list.h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stays_on_the_screen() {
        for w in 30..220 {
            for h in 8..70 {
                for runs in [0, 1, 7, 300] {
                    let l = TrainLayout::new((w, h), runs);
                    assert!(l.list.h >= 1 && l.main.h >= 2, "{w}x{h}: {l:?}");
                    assert_eq!(l.details.y + l.details.h, h - 1, "{w}x{h}: {l:?}");
                    assert!(l.main.y >= l.list.y + l.list.h);
                    for side in &l.side {
                        assert!(
                            side.x + side.w == w && side.y + side.h <= l.details.y,
                            "{w}x{h}: {l:?}"
                        );
                    }
                    let p = plot(l.main);
                    assert!(p.x + p.w <= w && p.y + p.h < h);
                }
            }
        }
    }
}
