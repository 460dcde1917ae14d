//! One chart: raw values faint, smoothed ones strong over them, validation as points, simple rules
//! as lines across, the values at the cursor above. What a column shows is all that falls into it,
//! never every n-th point.

use super::dots::Dots;
use crate::app::layout::Area;
use crate::app::train::Train;
use crate::app::train::chart::{Axis, Metric};
use crate::app::train::layout::plot;
use crate::app::train::run::Run;
use crate::ui::palette::Theme;
use crate::ui::pen::Pen;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Maps values to rows of dots.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    log: bool,
    rows: usize,
}

impl Scale {
    fn of(&self, y: f64) -> f64 {
        if self.log { y.max(1e-12).log10() } else { y }
    }

    /// Row of a value, clamped by at most the plot; `None` outside.
    fn row(&self, y: f64) -> Option<usize> {
        let share = (self.of(self.high) - self.of(y)) / (self.of(self.high) - self.of(self.low));
        (-1e-9..=1.0 + 1e-9)
            .contains(&share)
            .then(|| ((share * (self.rows - 1) as f64).round() as usize).min(self.rows - 1))
    }

    fn clamped(&self, y: f64) -> usize {
        self.row(y.clamp(self.low, self.high)).unwrap_or(0)
    }
}

/// A chart of the shown runs into `area`.
pub struct Plot<'a> {
    /// The state of the screen.
    pub train: &'a Train,
    /// What is shown.
    pub metric: Metric,
    /// Title, numbers and dots.
    pub area: Area,
    /// How things look.
    pub theme: Theme,
}

/// A number with three digits that matter.
pub fn number(x: f64) -> String {
    let size = x.abs();
    match size {
        _ if size == 0.0 => "0".into(),
        1e5.. => format!("{x:.1e}"),
        100.0.. => format!("{x:.0}"),
        10.0.. => format!("{x:.1}"),
        0.1.. => format!("{x:.2}"),
        0.001.. => format!("{x:.4}"),
        _ => format!("{x:.1e}"),
    }
}

/// Round numbers between `low` and `high`, about `n` of them.
fn ticks(low: f64, high: f64, n: usize, log: bool) -> Vec<f64> {
    if log {
        let from = low.max(1e-12).log10().floor() as i32;
        let powers = from..=high.max(1e-12).log10().ceil() as i32;
        let all = powers.flat_map(|p| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(p)));
        let inside: Vec<f64> = all.filter(|x| (low..=high).contains(x)).collect();
        if inside.len() >= 2 {
            let skip = inside.len().div_ceil(n.max(2));
            return inside.into_iter().step_by(skip).collect();
        }
    }
    let least = (high - low) / n.max(1) as f64;
    if !(least > 0.0 && least.is_finite()) {
        return vec![low];
    }
    let power = 10_f64.powf(least.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= least).unwrap_or(least);
    let first = (low / step).ceil();
    (0..=2 * n).map(|i| (first + i as f64) * step).filter(|x| *x <= high + step * 1e-9).collect()
}

impl Plot<'_> {
    fn axis(&self) -> Axis {
        self.train.chart.axis
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen) {
        let inner = plot(self.area);
        let runs = self.train.shown();
        let (from, to) = self.train.chart.window(self.train.end());
        self.title(&runs, pen);
        if inner.w < 4 || inner.h < 2 {
            return;
        }
        let x = |at: f64| {
            ((at - from) / (to - from).max(f64::MIN_POSITIVE) * f64::from(2 * inner.w)) as isize
        };
        let Some(scale) = self.scale(&runs, (from, to), usize::from(inner.h) * 4) else {
            self.frame(inner, (from, to), None, pen);
            let text = match (self.metric.series(), self.workload()) {
                (Some(_), _) => "no step yet",
                (None, Some(_)) if runs.iter().any(|(_, r)| !r.epochs.is_empty()) => {
                    "these runs know nothing of it"
                }
                (None, _) => "no epoch has been validated yet",
            };
            pen.put(inner.x + 1, inner.y + inner.h / 2, inner.w, text, self.theme.dim());
            return;
        };
        self.frame(inner, (from, to), Some(scale), pen);
        self.rules(&runs, inner, scale, pen);
        let mut dots = Dots::new(inner);
        for strong in [false, true] {
            for (place, run) in &runs {
                self.series((*place, run), strong, (from, to), scale, &mut dots);
            }
        }
        for (place, run) in &runs {
            self.validated((*place, run), &x, scale, &mut dots);
        }
        dots.draw(pen);
        for (place, run) in &runs {
            self.marks((*place, run), &x, inner, scale, pen);
        }
        if let Some(at) = self.train.chart.cursor.filter(|at| (from..=to).contains(at)) {
            let col = (x(at).max(0) as u16 / 2).min(inner.w - 1);
            for y in inner.y..inner.y + inner.h {
                if let Some(cell) = pen.cell((inner.x + col, y)).filter(|c| c.symbol() == " ") {
                    cell.set_symbol("│").set_style(self.theme.playhead());
                }
            }
            pen.put(inner.x + col, inner.y + inner.h, 1, "▲", self.theme.playhead());
        }
    }

    fn title(&self, runs: &[(usize, &Run)], pen: &mut Pen) {
        let (a, chart) = (self.area, &self.train.chart);
        let log = if self.is_log() { " (log)" } else { "" };
        let mut x = a.x + 1;
        let title = match self.workload() {
            Some(name) => self.metric.title().replace("validation", name),
            None => format!("{}{log}", self.metric.title()),
        };
        x += pen.put(x, a.y, a.w.saturating_sub(1), &title, self.theme.strong());
        if let Some(at) = chart.cursor {
            let end = a.x + a.w;
            let text = format!("  {} {}", chart.axis.name(), number(at));
            x += pen.put(x, a.y, end.saturating_sub(x), &text, self.theme.playhead());
            for (place, run) in runs {
                let value = self.read(run, at, runs.len() > 1);
                let text = format!("  {} {value}", super::letter(*place));
                x += pen.put(x, a.y, end.saturating_sub(x), &text, self.theme.run(*place));
            }
        } else if self.metric.is_noisy() && a.w >= 60 {
            let words = if self.metric.series().is_some()
                && self.metric.validated(&crate::train::Validation::default(), 1.0, None).is_some()
            {
                "  ⠶ raw, smoothed   ◆ validation   ★ best epoch"
            } else {
                "  ⠶ raw, smoothed"
            };
            pen.put(x, a.y, (a.x + a.w).saturating_sub(x), words, self.theme.dim());
        }
    }

    /// The workload whose accuracy this is.
    fn workload(&self) -> Option<&str> {
        self.train.chart.workload.as_deref().filter(|_| self.metric.is_accuracy())
    }

    /// The values of a run where the cursor stands; briefly where others stand beside them.
    fn read(&self, run: &Run, at: f64, brief: bool) -> String {
        let axis = self.axis();
        let epoch = run.epochs.iter().rev().find(|e| axis.of_epoch(e) <= at + 1e-9);
        let validated = epoch.and_then(|e| {
            let v = self.metric.validated(
                &e.validation,
                run.config.forecast_weight,
                self.workload(),
            )?;
            Some((e.epoch, v))
        });
        let Some(series) = self.metric.series() else {
            let at = |epoch| if brief { String::new() } else { format!(" at epoch {epoch}") };
            return validated.map_or("–".into(), |(epoch, v)| format!("{v:.2}{}", at(epoch)));
        };
        let steps = run.curve.steps();
        let i = steps.partition_point(|s| axis.of(run, s) <= at + 1e-9).checked_sub(1);
        let Some(i) = i else { return "–".into() };
        let value = |v: Option<f64>| v.map_or("–".into(), |v| number(self.metric.unit(v)));
        let mut text = value(run.curve.smooth(series, i));
        if self.metric.is_noisy() && !brief {
            let _ = write!(text, " (raw {})", value(run.curve.raw(series, i))); // a String takes all
        }
        if let Some((_, v)) = validated {
            let _ = write!(text, " val {}", number(v));
        }
        text
    }

    fn is_log(&self) -> bool {
        self.train.chart.log
            && !matches!(self.metric, Metric::Pick | Metric::Forecast | Metric::Throughput)
    }

    /// Steps of a run that are visible, as indices.
    fn visible(&self, run: &Run, (from, to): (f64, f64)) -> std::ops::Range<usize> {
        let (steps, axis) = (run.curve.steps(), self.axis());
        let a = steps.partition_point(|s| axis.of(run, s) < from);
        a..steps.partition_point(|s| axis.of(run, s) <= to).max(a)
    }

    fn scale(&self, runs: &[(usize, &Run)], window: (f64, f64), rows: usize) -> Option<Scale> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut take = |y: f64| {
            if y.is_finite() {
                (low, high) = (low.min(y), high.max(y));
            }
        };
        for (_, run) in runs {
            if let Some(series) = self.metric.series() {
                let range = self.visible(run, window);
                // A hundred places of the smoothed line say how far it goes; the ends are among
                // them.
                let n = range.len();
                let places = (0..=100).filter(|_| n > 0).map(|i| range.start + (n - 1) * i / 100);
                places
                    .filter_map(|i| run.curve.smooth(series, i))
                    .for_each(|y| take(self.metric.unit(y)));
            }
            let axis = self.axis();
            let seen =
                run.epochs.iter().filter(|e| (window.0..=window.1).contains(&axis.of_epoch(e)));
            let weight = run.config.forecast_weight;
            seen.filter_map(|e| self.metric.validated(&e.validation, weight, self.workload()))
                .for_each(&mut take);
        }
        // The best two of the simple rules are what there is to beat: always in sight.
        let mut rules: Vec<f64> = runs
            .iter()
            .flat_map(|(_, r)| &r.baselines)
            .filter_map(|b| self.metric.baseline(b, self.workload()))
            .collect();
        rules.sort_by(|a, b| b.total_cmp(a));
        rules.dedup();
        rules.into_iter().take(2).for_each(&mut take);
        if low > high {
            return None;
        }
        let log = self.is_log() && low > 0.0;
        let room = if log { 0.0 } else { ((high - low) * 0.06).max(high.abs() * 0.02).max(1e-9) };
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let (low, high) =
            if log { (low / 1.1, high * 1.1) } else { ((low - room).max(floor), high + room) };
        Some(Scale { low, high, log, rows })
    }

    /// Numbers at the left and below.
    fn frame(&self, inner: Area, (from, to): (f64, f64), scale: Option<Scale>, pen: &mut Pen) {
        let dim = self.theme.dim();
        if let Some(scale) = scale {
            for y in ticks(scale.low, scale.high, usize::from(inner.h / 3).max(1), scale.log) {
                let Some(row) = scale.row(y) else { continue };
                let text = number(y);
                let w = text.chars().count() as u16;
                let at = inner.y + (row / 4) as u16;
                pen.put((inner.x - 1).saturating_sub(w), at, w, &text, dim);
                pen.put(inner.x - 1, at, 1, "┤", dim);
            }
        }
        let y = inner.y + inner.h;
        let mut free = inner.x;
        for at in ticks(from, to, usize::from(inner.w / 16).max(1), false) {
            let share = (at - from) / (to - from).max(f64::MIN_POSITIVE);
            let x = inner.x + ((share * f64::from(inner.w)) as u16).min(inner.w - 1);
            let text = if at.fract() == 0.0 && at < 1e9 {
                crate::app::time::grouped(at as u64)
            } else {
                number(at)
            };
            let text = format!("╵{text}");
            if x >= free && x + text.chars().count() as u16 <= inner.x + inner.w {
                free = x + pen.put(x, y, inner.w, &text, dim) + 1;
            }
        }
        let name = self.axis().name();
        let w = name.len() as u16;
        if free + w < inner.x + inner.w {
            pen.put(inner.x + inner.w - w, y, w, name, dim);
        } else {
            pen.put(self.area.x, y, inner.x - self.area.x, name, dim);
        }
    }

    /// Lines across for what simple rules score.
    fn rules(&self, runs: &[(usize, &Run)], inner: Area, scale: Scale, pen: &mut Pen) {
        // They are the same for all runs that are validated on the same recordings: the selected
        // run's.
        let Some((_, run)) = runs.iter().find(|(i, _)| *i == self.train.list.at) else { return };
        let mut taken = BTreeMap::new();
        for b in &run.baselines {
            let score = self.metric.baseline(b, self.workload());
            let Some((y, row)) = score.and_then(|y| Some((y, scale.row(y)? / 4))) else { continue };
            // Rules in one row share the line and stand beside each other on it, the first at the
            // right.
            let at = inner.y + row as u16;
            let used = taken.entry(row).or_insert_with(|| {
                pen.put(
                    inner.x,
                    at,
                    inner.w,
                    &"┄".repeat(usize::from(inner.w)),
                    self.theme.pending(),
                );
                1
            });
            let text = format!(" {} {y:.1} ", b.name);
            let w = text.chars().count() as u16;
            if *used + w < inner.w {
                *used += pen.put(inner.x + inner.w - *used - w, at, w, &text, self.theme.dim());
            }
        }
    }

    fn series(
        &self,
        (place, run): (usize, &Run),
        strong: bool,
        window: (f64, f64),
        scale: Scale,
        dots: &mut Dots,
    ) {
        let Some(series) = self.metric.series() else { return };
        if !strong && !self.metric.is_noisy() {
            return;
        }
        let (axis, steps) = (self.axis(), run.curve.steps());
        let range = self.visible(run, window);
        let style = if strong { self.theme.run(place) } else { self.theme.faint(place) };
        let width = dots.width();
        let column = |i: usize| {
            let share =
                (axis.of(run, &steps[i]) - window.0) / (window.1 - window.0).max(f64::MIN_POSITIVE);
            ((share * width as f64) as usize).min(width - 1)
        };
        let mut i = range.start;
        let mut before: Option<(usize, usize, usize)> = None;
        while i < range.end {
            let col = column(i);
            // Where the next column of dots begins.
            let edge = window.0 + (window.1 - window.0) * (col + 1) as f64 / width as f64;
            let next = steps.partition_point(|s| axis.of(run, s) < edge).clamp(i + 1, range.end);
            if strong {
                if let Some(y) = run.curve.smooth(series, next - 1).map(|y| self.metric.unit(y)) {
                    let here = (col, scale.clamped(y));
                    match before.filter(|(_, _, last)| !run.curve.broken(*last, next - 1)) {
                        Some((x, y, _)) => dots.line((x, y), here, style),
                        None => dots.set(here.0, here.1, style),
                    }
                    before = Some((here.0, here.1, next - 1));
                }
            } else if let Some([low, high]) =
                run.curve.band(series, i..next).map(|b| b.map(|y| self.metric.unit(y)))
                && high >= scale.low
                && low <= scale.high
            {
                for row in scale.clamped(high)..=scale.clamped(low) {
                    dots.faint(col, row, style);
                }
            }
            i = next;
        }
    }

    fn validated(
        &self,
        (place, run): (usize, &Run),
        x: &dyn Fn(f64) -> isize,
        scale: Scale,
        dots: &mut Dots,
    ) {
        let axis = self.axis();
        let place_of =
            |step: usize| run.curve.steps().partition_point(|s| s.step <= step).saturating_sub(1);
        let mut before: Option<((usize, usize), usize)> = None;
        for e in &run.epochs {
            let y =
                self.metric.validated(&e.validation, run.config.forecast_weight, self.workload());
            let Some(y) = y else { continue };
            let at = x(axis.of_epoch(e));
            let here = (at.max(0) as usize).min(dots.width().saturating_sub(1));
            if at < 0 || at > dots.width() as isize {
                before = None;
                continue;
            }
            let here = (here, scale.clamped(y));
            let step = place_of(e.step);
            // A pause is a gap in this line too.
            if let Some((from, _)) = before.filter(|(_, last)| !run.curve.broken(*last, step)) {
                dots.line(from, here, self.theme.run(place));
            }
            before = Some((here, step));
        }
    }

    /// Points of epochs, the best one, and the run's letter at the end of its line.
    fn marks(
        &self,
        (place, run): (usize, &Run),
        x: &dyn Fn(f64) -> isize,
        inner: Area,
        scale: Scale,
        pen: &mut Pen,
    ) {
        let (axis, style) = (self.axis(), self.theme.run(place));
        let cell = |at: f64, y: f64| {
            let col = x(at);
            let row = scale.row(y)?;
            (0..=2 * inner.w as isize)
                .contains(&col)
                .then(|| (inner.x + (col as u16 / 2).min(inner.w - 1), inner.y + (row / 4) as u16))
        };
        let best = run.best().map(|e| e.epoch);
        for e in &run.epochs {
            let y =
                self.metric.validated(&e.validation, run.config.forecast_weight, self.workload());
            if let Some((x, y)) = y.and_then(|y| cell(axis.of_epoch(e), y)) {
                pen.put(x, y, 1, if best == Some(e.epoch) { "★" } else { "◆" }, style);
            }
        }
        let last = run.curve.steps().len().checked_sub(1);
        let end = self.metric.series().zip(last).and_then(|(series, i)| {
            let y = self.metric.unit(run.curve.smooth(series, i)?);
            cell(axis.of(run, &run.curve.steps()[i]), y)
        });
        if let Some((x, y)) = end {
            let x = (x + 1).min(inner.x + inner.w);
            pen.put(x, y, 1, &super::letter(place), style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0, 5, false), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.7, 3.2, 3, false), [1.0, 2.0, 3.0]);
        assert_eq!(ticks(0.5, 60.0, 4, true), [0.5, 2.0, 10.0, 50.0]);
        assert_eq!(ticks(1.0, 1.0, 3, false), [1.0]);
        assert_eq!(
            [0.0, 1234.0, 12.34, 0.5, 0.0123, 3e-5, 1e6].map(number),
            ["0", "1234", "12.3", "0.50", "0.0123", "3.0e-5", "1.0e6"]
        );
    }

    #[test]
    fn rows_grow_downwards() {
        let scale = Scale { low: 0.0, high: 1.0, log: false, rows: 5 };
        assert_eq!([1.0, 0.5, 0.0, 2.0].map(|y| scale.row(y)), [Some(0), Some(2), Some(4), None]);
        let log = Scale { low: 0.01, high: 1.0, log: true, rows: 5 };
        assert_eq!((log.row(0.1), log.clamped(7.0), log.clamped(1e-9)), (Some(2), 0, 4));
    }
}
