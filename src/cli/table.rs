//! An evaluation as tables, plain or in markdown. All figures come from the same report as the JSON.

use super::output::count;
use crate::evaluate::figures::{Figures, ForecastScore, PickScore, Spread};
use crate::evaluate::report::{MIN_NON_TRIVIAL, Report, Scores, Slice};
use crate::text::shown;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// In place of a figure that there is not.
const NONE: &str = "–";

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For a terminal.
    Text,
    /// For a page.
    Markdown,
}

/// What to print of a report.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How.
    pub style: Style,
    /// Figures that get a table per workload, by their names in the JSON.
    pub measures: Vec<String>,
    /// The slices too.
    pub slices: bool,
}

/// A figure as it is written in tables.
pub struct Measure {
    /// Its name in the JSON.
    pub name: &'static str,
    /// Its name in tables.
    label: &'static str,
    /// Shares are written in percent.
    percent: bool,
}

/// All figures; a forecast has some of them.
pub const MEASURES: [Measure; 6] = [
    Measure { name: "top1", label: "top-1", percent: true },
    Measure { name: "top3", label: "top-3", percent: true },
    Measure { name: "mrr", label: "MRR", percent: false },
    Measure { name: "nll", label: "NLL", percent: false },
    Measure { name: "ece", label: "ECE", percent: false },
    Measure { name: "answered_at_90", label: "answered at 90 % right", percent: true },
];

impl Measure {
    fn title(&self) -> String {
        if self.percent { format!("{}, %", self.label) } else { self.label.to_owned() }
    }

    /// The figure in a set, with its spread; `None` when the set has no such figure, or not its value.
    fn cell<const N: usize, S: Figures<N>>(&self, score: Option<&S>, spread: fn(&S) -> &Spread) -> Option<String> {
        let score = score?;
        let at = S::NAMES.iter().position(|n| *n == self.name)?;
        let value = Some(score.values()[at]).filter(|x| !x.is_nan())?;
        let one = |x: f64| if self.percent { format!("{:.1}", 100.0 * x) } else { format!("{x:.3}") };
        let ends = spread(score).of(self.name).map(|[low, high]| format!(" [{}, {}]", one(low), one(high)));
        Some(one(value) + &ends.unwrap_or_default())
    }

    /// A pick's figure.
    pub fn pick(&self, of: &BTreeMap<String, PickScore>, name: &str) -> Option<String> {
        self.cell(of.get(name), |s| &s.spread)
    }

    /// A forecast's figure.
    pub fn forecast(&self, of: &BTreeMap<String, ForecastScore>, name: &str) -> Option<String> {
        self.cell(of.get(name), |s| &s.spread)
    }
}

/// Renders a report.
pub fn render(report: &Report, layout: &Layout) -> String {
    let mut page = Page::new(layout.style);
    let names = &report.predictors;
    let asked: Vec<_> = names.iter().filter(|n| report.mean.forecast.contains_key(*n)).cloned().collect();
    let wanted = || MEASURES.iter().filter(|m| layout.measures.iter().any(|n| n == m.name));
    // With one machine its mean is the macro mean. A report of an earlier version has kernels alone.
    let machines = if report.machines.is_empty() { &report.kernels } else { &report.machines };
    let machines = || machines.iter().filter(|_| machines.len() > 1);
    let title = |name: &str, class: &str| format!("macro {name} {class}");

    for measure in wanted() {
        page.heading(&format!("Pick: {}, non-trivial decisions", measure.title()));
        let mut rows = vec![header(&["workload", "decisions", "non-trivial", "coverage", "trivial", "idle"], names)];
        for (workload, w) in &report.workloads {
            let star = if w.in_macro { "" } else { " *" };
            let mut row = vec![format!("{workload}{star}")];
            row.extend(facts(&w.scores));
            row.extend(names.iter().map(|n| or_none(measure.pick(&w.scores.pick, n))));
            rows.push(row);
        }
        for (name, machine) in machines() {
            let of = |n: &String| measure.pick(&machine.mean.pick, n);
            rows.push(mean(&title(name, &machine.class), names, 5, of));
        }
        rows.push(mean(&page.strong("macro"), names, 5, |n| measure.pick(&report.mean.pick, n)));
        page.table(&rows);
        if !report.mean.left_out.is_empty() {
            let star = if page.style == Style::Markdown { "\\*" } else { "*" };
            page.line(&format!("{star} fewer than {MIN_NON_TRIVIAL} non-trivial decisions: not in the macro mean"));
        }
    }
    let over = |n: usize| count(n as u64, "workload");
    page.heading(&format!("Pick: macro over {}", over(report.mean.pick_workloads)));
    page.table(&measures(names, |m, n| m.pick(&report.mean.pick, n)));

    for measure in wanted().filter(|m| ForecastScore::NAMES.contains(&m.name)) {
        page.heading(&format!("Forecast: {}", measure.title()));
        let mut rows = vec![header(&["workload", "median lead, µs"], &asked)];
        for (workload, w) in &report.workloads {
            let lead = format!("{:.1}", w.scores.lead_ns_median as f64 / 1e3);
            let mut row = vec![workload.clone(), if w.scores.decisions == 0 { NONE.into() } else { lead }];
            row.extend(asked.iter().map(|n| or_none(measure.forecast(&w.scores.forecast, n))));
            rows.push(row);
        }
        for (name, machine) in machines() {
            let of = |n: &String| measure.forecast(&machine.mean.forecast, n);
            rows.push(mean(&title(name, &machine.class), &asked, 1, of));
        }
        rows.push(mean(&page.strong("macro"), &asked, 1, |n| measure.forecast(&report.mean.forecast, n)));
        page.table(&rows);
    }
    page.heading(&format!("Forecast: macro over {}", over(report.mean.forecast_workloads)));
    page.table(&measures(&asked, |m, n| m.forecast(&report.mean.forecast, n)));

    if layout.slices {
        page.heading("Pick by queue size and by the state of the task that leaves: top-1, %, all recordings");
        let mut rows = vec![header(&["slice", "non-trivial"], names)];
        let kinds = [("queue", &report.slices.queue), ("prev", &report.slices.prev_state)];
        for (kind, slices) in kinds {
            rows.extend(slices.iter().filter(|s| s.non_trivial > 0).map(|s| slice_row(kind, s, names)));
        }
        page.table(&rows);
    }
    page.out
}

fn header(first: &[&str], names: &[String]) -> Vec<String> {
    first.iter().map(ToString::to_string).chain(names.iter().cloned()).collect()
}

fn facts(s: &Scores) -> [String; 5] {
    let percent = |x: f64| if x.is_nan() { NONE.into() } else { format!("{:.1}", 100.0 * x) };
    let [coverage, trivial, idle] = [s.coverage, s.trivial_share, s.idle_share].map(percent);
    [s.decisions.to_string(), s.non_trivial.to_string(), coverage, trivial, idle]
}

/// A row per figure; those that nobody has are left out.
fn measures(names: &[String], of: impl Fn(&Measure, &str) -> Option<String>) -> Vec<Vec<String>> {
    let rows = MEASURES.iter().map(|m| (m, names.iter().map(|n| of(m, n)).collect::<Vec<_>>()));
    let known = rows.filter(|(_, cells)| cells.iter().any(Option::is_some));
    let row =
        |(m, cells): (&Measure, Vec<_>)| std::iter::once(m.title()).chain(cells.into_iter().map(or_none)).collect();
    std::iter::once(header(&["measure"], names)).chain(known.map(row)).collect()
}

fn slice_row(kind: &str, slice: &Slice, names: &[String]) -> Vec<String> {
    let cell = |n: &String| or_none(slice.top1.get(n).copied().flatten().map(|x| format!("{:.1}", 100.0 * x)));
    let first = [format!("{kind} {}", slice.slice), slice.non_trivial.to_string()];
    first.into_iter().chain(names.iter().map(cell)).collect()
}

fn mean(title: &str, names: &[String], blanks: usize, of: impl Fn(&String) -> Option<String>) -> Vec<String> {
    let blank = std::iter::repeat_n(String::new(), blanks);
    std::iter::once(title.to_owned()).chain(blank).chain(names.iter().map(|n| or_none(of(n)))).collect()
}

fn or_none(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| NONE.into())
}

/// Headings and tables, one after the other.
pub struct Page {
    /// The text so far.
    pub out: String,
    /// How.
    pub style: Style,
}

impl Page {
    /// Nothing yet.
    pub fn new(style: Style) -> Self {
        Self { out: String::new(), style }
    }

    fn strong(&self, text: &str) -> String {
        if self.style == Style::Markdown { format!("**{text}**") } else { text.to_owned() }
    }

    /// The command that made what follows; for a page only, at a terminal it was just typed.
    pub fn command(&mut self, command: &str) {
        if self.style == Style::Markdown {
            let _ = writeln!(self.out, "```\n{command}\n```");
        }
    }

    /// A line above a table.
    pub fn heading(&mut self, text: &str) {
        let above = if self.out.is_empty() { "" } else { "\n" };
        let marks = if self.style == Style::Markdown { "#### " } else { "" };
        let _ = writeln!(self.out, "{above}{marks}{text}\n");
    }

    /// A line of text below a table.
    pub fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "\n{text}");
    }

    /// Columns as wide as their widest cell, the first to the left, numbers to the right; the first row is the header.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let rows: Vec<Vec<Cow<str>>> = rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        let columns = rows.first().map_or(0, Vec::len);
        let width =
            |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0).max(3);
        let widths: Vec<_> = (0..columns).map(width).collect();
        let [open, between, close] = if self.style == Style::Markdown { ["| ", " | ", " |"] } else { ["", "  ", ""] };
        for (i, row) in rows.iter().enumerate() {
            let cell = |(c, (text, w)): (usize, (&Cow<str>, &usize))| {
                if c == 0 { format!("{text:<w$}") } else { format!("{text:>w$}") }
            };
            let cells: Vec<_> = row.iter().zip(&widths).enumerate().map(cell).collect();
            let _ = writeln!(self.out, "{open}{}{close}", cells.join(between));
            if i == 0 {
                let rule = |(c, w): (usize, &usize)| match self.style {
                    Style::Text => "─".repeat(*w),
                    Style::Markdown => "-".repeat(w + 1) + if c == 0 { "-" } else { ":" },
                };
                let rules: Vec<_> = widths.iter().enumerate().map(rule).collect();
                let _ = match self.style {
                    Style::Text => writeln!(self.out, "{}", rules.join(between)),
                    Style::Markdown => writeln!(self.out, "|{}|", rules.join("|")),
                };
            }
        }
    }
}

/// Appends a table in markdown.
pub(super) fn table(out: &mut String, rows: &[Vec<String>]) {
    let mut page = Page { out: std::mem::take(out), style: Style::Markdown };
    page.table(rows);
    *out = page.out;
}
