//! An evaluation as tables, plain or in markdown. All figures come from the same report as the
//! JSON.

use super::output::count;
use crate::evaluate::figures::{Figures, ForecastScore, PickScore, Spread};
use crate::evaluate::report::{KernelReport, MIN_NON_TRIVIAL, Report, Scores, Slice};
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

/// How a command prints its tables.
#[derive(Debug, clap::Args)]
pub struct Printed {
    /// Print one JSON object.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print the tables as markdown.
    #[arg(long)]
    markdown: bool,
}

impl Printed {
    /// How tables are written where they are.
    pub fn style(&self) -> Style {
        if self.markdown { Style::Markdown } else { Style::Text }
    }
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
    /// Rows of the tables.
    pub by: By,
}

/// What a row of a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// A workload on a machine.
    #[default]
    Workload,
    /// A machine, with the mean over its workloads.
    Machine,
}

impl By {
    fn label(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Machine => "machine",
        }
    }

    /// What the row of a machine's mean is called.
    fn mean(self, machine: &str, class: &str) -> String {
        match self {
            Self::Workload => format!("macro {machine} {class}"),
            Self::Machine => format!("{machine} {class}"),
        }
    }
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

    /// The figure in a set, with its spread; `None` when the set has no such figure, or not its
    /// value.
    fn cell<const N: usize, S: Figures<N>>(
        &self,
        score: Option<&S>,
        spread: fn(&S) -> &Spread,
    ) -> Option<String> {
        let score = score?;
        let at = S::NAMES.iter().position(|n| *n == self.name)?;
        let value = Some(score.values()[at]).filter(|x| !x.is_nan())?;
        let one =
            |x: f64| if self.percent { format!("{:.1}", 100.0 * x) } else { format!("{x:.3}") };
        let ends = spread(score)
            .of(self.name)
            .map(|[low, high]| format!(" [{}, {}]", one(low), one(high)));
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
    let asked: Vec<_> =
        names.iter().filter(|n| report.mean.forecast.contains_key(*n)).cloned().collect();
    let wanted = || MEASURES.iter().filter(|m| layout.measures.iter().any(|n| n == m.name));
    let over = |n: usize| count(n as u64, "workload");

    for measure in wanted() {
        page.heading(&format!("Pick: {}, non-trivial decisions", measure.title()));
        let rows = picks(report, layout, measure, &page.strong("macro"));
        page.table(&rows);
        if !report.mean.left_out.is_empty() && layout.by == By::Workload {
            let star = if page.style == Style::Markdown { "\\*" } else { "*" };
            page.line(&format!(
                "{star} fewer than {MIN_NON_TRIVIAL} non-trivial decisions: not in the macro mean"
            ));
        }
    }
    page.heading(&format!("Pick: macro over {}", over(report.mean.pick_workloads)));
    page.table(&measures(names, |m, n| m.pick(&report.mean.pick, n)));

    for measure in wanted().filter(|m| ForecastScore::NAMES.contains(&m.name)) {
        page.heading(&format!("Forecast: {}", measure.title()));
        let rows = forecasts(report, layout, measure, &asked, &page.strong("macro"));
        page.table(&rows);
    }
    page.heading(&format!("Forecast: macro over {}", over(report.mean.forecast_workloads)));
    page.table(&measures(&asked, |m, n| m.forecast(&report.mean.forecast, n)));

    if layout.slices {
        page.heading(
            "Pick by queue size and by the state of the task that leaves: top-1, %, all recordings",
        );
        let mut rows = vec![header(&["slice", "non-trivial"], names)];
        let kinds = [("queue", &report.slices.queue), ("prev", &report.slices.prev_state)];
        for (kind, slices) in kinds {
            rows.extend(
                slices.iter().filter(|s| s.non_trivial > 0).map(|s| slice_row(kind, s, names)),
            );
        }
        page.table(&rows);
    }
    page.out
}

/// One figure of picks: a row per workload, the means of the machines, the mean of all.
fn picks(report: &Report, layout: &Layout, measure: &Measure, strong: &str) -> Vec<Vec<String>> {
    let names = &report.predictors;
    let first = [layout.by.label(), "decisions", "non-trivial", "coverage", "trivial", "idle"];
    let mut rows = vec![header(&first, names)];
    let row =
        |title: String, facts: [String; 5], of: &BTreeMap<String, PickScore>| -> Vec<String> {
            let cells = names.iter().map(|n| or_none(measure.pick(of, n)));
            std::iter::once(title).chain(facts).chain(cells).collect()
        };
    for (workload, w) in report.workloads.iter().filter(|_| layout.by == By::Workload) {
        let star = if w.in_macro { "" } else { " *" };
        rows.push(row(format!("{workload}{star}"), facts(&w.scores), &w.scores.pick));
    }
    for (name, machine) in machines(report, layout) {
        let facts = if layout.by == By::Machine {
            facts_of_machine(report, name)
        } else {
            Default::default()
        };
        rows.push(row(layout.by.mean(name, &machine.class), facts, &machine.mean.pick));
    }
    rows.push(row(strong.to_owned(), Default::default(), &report.mean.pick));
    rows
}

/// One figure of forecasts.
fn forecasts(
    report: &Report,
    layout: &Layout,
    measure: &Measure,
    names: &[String],
    strong: &str,
) -> Vec<Vec<String>> {
    // A mean has no lead.
    let first = [layout.by.label(), "median lead, µs", "coverage"];
    let shown = |column: &usize| layout.by == By::Workload || *column != 1;
    let first: Vec<_> = (0..first.len()).filter(shown).map(|column| first[column]).collect();
    let mut rows = vec![header(&first, names)];
    let row = |title: String,
               lead: String,
               coverage: f64,
               of: &BTreeMap<String, ForecastScore>|
     -> Vec<String> {
        let first = [title, lead, percent(coverage)]
            .into_iter()
            .enumerate()
            .filter(|(column, _)| shown(column));
        first
            .map(|(_, cell)| cell)
            .chain(names.iter().map(|n| or_none(measure.forecast(of, n))))
            .collect()
    };
    for (workload, w) in report.workloads.iter().filter(|_| layout.by == By::Workload) {
        let lead = format!("{:.1}", w.scores.lead_ns_median as f64 / 1e3);
        let lead = if w.scores.decisions == 0 { NONE.into() } else { lead };
        rows.push(row(workload.clone(), lead, w.scores.forecast_coverage, &w.scores.forecast));
    }
    for (name, machine) in machines(report, layout) {
        let (title, mean) = (layout.by.mean(name, &machine.class), &machine.mean);
        rows.push(row(title, String::new(), mean.forecast_coverage, &mean.forecast));
    }
    rows.push(row(
        strong.to_owned(),
        String::new(),
        report.mean.forecast_coverage,
        &report.mean.forecast,
    ));
    rows
}

/// The machines, or, of a report that an earlier version wrote, the kernels. Of one alone its mean
/// is the macro mean.
fn machines<'a>(
    report: &'a Report,
    layout: &Layout,
) -> impl Iterator<Item = (&'a String, &'a KernelReport)> {
    let all = if report.machines.is_empty() { &report.kernels } else { &report.machines };
    let shown = all.len() > 1 || layout.by == By::Machine;
    all.iter().filter(move |_| shown)
}

fn header(first: &[&str], names: &[String]) -> Vec<String> {
    first.iter().map(ToString::to_string).chain(names.iter().cloned()).collect()
}

fn percent(x: f64) -> String {
    if x.is_nan() { NONE.into() } else { format!("{:.1}", 100.0 * x) }
}

fn facts(s: &Scores) -> [String; 5] {
    let [coverage, trivial, idle] = [s.coverage, s.trivial_share, s.idle_share].map(percent);
    [s.decisions.to_string(), s.non_trivial.to_string(), coverage, trivial, idle]
}

/// The facts of all recordings of a machine together.
fn facts_of_machine(report: &Report, name: &str) -> [String; 5] {
    let these = || report.traces.iter().filter(|t| t.machine() == name).map(|t| &t.scores);
    let sum = |of: fn(&Scores) -> u64| these().map(of).sum::<u64>();
    let (decisions, non_trivial) = (sum(|s| s.decisions), sum(|s| s.non_trivial));
    let share = |of: fn(&Scores) -> f64| {
        let parts = these().filter(|s| s.decisions > 0).map(|s| of(s) * s.decisions as f64);
        format!("{:.1}", 100.0 * parts.sum::<f64>() / decisions as f64)
    };
    let [coverage, trivial, idle] =
        [share(|s| s.coverage), share(|s| s.trivial_share), share(|s| s.idle_share)];
    [decisions.to_string(), non_trivial.to_string(), coverage, trivial, idle]
}

/// A row per figure; those that nobody has are left out.
fn measures(names: &[String], of: impl Fn(&Measure, &str) -> Option<String>) -> Vec<Vec<String>> {
    let rows = MEASURES.iter().map(|m| (m, names.iter().map(|n| of(m, n)).collect::<Vec<_>>()));
    let known = rows.filter(|(_, cells)| cells.iter().any(Option::is_some));
    let row = |(m, cells): (&Measure, Vec<_>)| {
        std::iter::once(m.title()).chain(cells.into_iter().map(or_none)).collect()
    };
    std::iter::once(header(&["measure"], names)).chain(known.map(row)).collect()
}

fn slice_row(kind: &str, slice: &Slice, names: &[String]) -> Vec<String> {
    let cell = |n: &String| {
        or_none(slice.top1.get(n).copied().flatten().map(|x| format!("{:.1}", 100.0 * x)))
    };
    let first = [format!("{kind} {}", slice.slice), slice.non_trivial.to_string()];
    first.into_iter().chain(names.iter().map(cell)).collect()
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
        // A heading that nothing follows has its blank line.
        let is_apart = self.out.is_empty() || self.out.ends_with("\n\n");
        let above = if is_apart { "" } else { "\n" };
        let marks = if self.style == Style::Markdown { "#### " } else { "" };
        let _ = writeln!(self.out, "{above}{marks}{text}\n");
    }

    /// A line of text below a table.
    pub fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "\n{text}");
    }

    /// Columns as wide as their widest cell, the first to the left, numbers to the right; the first
    /// row is the header.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let rows: Vec<Vec<Cow<str>>> =
            rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        let columns = rows.first().map_or(0, Vec::len);
        let width = |c: usize| {
            rows.iter()
                .filter_map(|r| r.get(c))
                .map(|s| s.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let [open, between, close] =
            if self.style == Style::Markdown { ["| ", " | ", " |"] } else { ["", "  ", ""] };
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
