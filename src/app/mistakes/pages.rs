//! The sums as pages of bars, made once when they arrive. Each bar and each cell of the matrix has
//! the expression that selects its decisions.

use crate::app::second::short_label;
use crate::app::time;
use crate::evaluate::mistakes::slices::{Slice, Tally};
use crate::evaluate::mistakes::sums::{Confusion, Sums, difference};
use crate::evaluate::mistakes::view::View;
use crate::evaluate::mistakes::{Column, Expr, Table};
use crate::evaluate::overlay::BASELINES;

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it counts.
    pub label: String,
    /// Its length, 0..1.
    pub share: f64,
    /// A mark on it, 0..1.
    pub mark: Option<f64>,
    /// Figures beside it.
    pub text: String,
    /// What selects its decisions.
    pub filter: Option<Expr>,
}

/// A page of the sums.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    /// Title, what the figures are, bars.
    Bars(String, String, Vec<Bar>),
    /// Who was mistaken for whom.
    Confusion(Confusion),
}

impl Page {
    /// Its title.
    pub fn title(&self) -> &str {
        match self {
            Self::Bars(title, ..) => title,
            Self::Confusion(_) => "came in (rows), expected (columns)",
        }
    }

    /// Bars or cells that one can stand on.
    pub fn len(&self) -> usize {
        match self {
            Self::Bars(_, _, bars) => bars.len(),
            Self::Confusion(c) => c.names.len() * c.names.len(),
        }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bars or cells from one line to the next.
    pub fn stride(&self) -> usize {
        match self {
            Self::Bars(..) => 1,
            Self::Confusion(c) => c.names.len().max(1),
        }
    }

    /// What selects the decisions of a bar or cell.
    pub fn filter(&self, at: usize) -> Option<Expr> {
        match self {
            Self::Bars(_, _, bars) => bars.get(at)?.filter.clone(),
            Self::Confusion(c) => {
                let n = c.names.len();
                (at < n * n).then(|| c.filter(at / n, at % n))
            }
        }
    }
}

fn percent(x: f64) -> String {
    if x.is_nan() { "–".into() } else { format!("{:.1} %", 100.0 * x) }
}

fn right(t: &Tally) -> String {
    let (low, high) = t.interval();
    format!(
        "{:>7}  {:>5.1}-{:<5.1}  {:>6.1} ‰  {:>9}",
        percent(t.accuracy()),
        100.0 * low,
        100.0 * high,
        t.per_thousand(),
        time::grouped(t.decisions)
    )
}

/// Slices by a column, with the second predictor's share as a mark when there is one.
fn slice_page(t: &Table, view: &View, column: Column, slices: &[Slice]) -> Page {
    let second = |tally: &Tally| {
        let hits = match view.query.second? {
            Column::Baseline(b) => *tally.baselines.get(usize::from(b))?,
            Column::Other => tally.other,
            _ => return None,
        };
        Some(hits as f64 / tally.decisions as f64)
    };
    let bar = |s: &Slice| {
        let other = second(&s.tally);
        Bar {
            label: s.label.clone(),
            share: s.tally.accuracy(),
            mark: other,
            text: right(&s.tally)
                + &other.map_or_else(String::new, |x| format!("  {:>7}", percent(x))),
            filter: Some(s.filter.clone()),
        }
    };
    let figures = view.query.second.map_or_else(
        || RIGHT.to_owned(),
        |second| {
            let name = if second == Column::Other { &t.models[1] } else { second.name() };
            format!("{RIGHT}  │ {}", short_label(name, 12))
        },
    );
    Page::Bars(format!("by {}", column.name()), figures, slices.iter().map(bar).collect())
}

/// What the figures of [`right`] are.
const RIGHT: &str = "right    95 % interval     misses  decisions";

fn tasks(sums: &Sums) -> Page {
    let most = sums.tasks.iter().map(|s| s.tally.wrong_ns).max().unwrap_or(0).max(1);
    let bar = |s: &Slice| Bar {
        label: s.label.clone(),
        share: s.tally.wrong_ns as f64 / most as f64,
        mark: None,
        text: format!(
            "{:>8}  {:>7} of {:<9}  {:>6.1} ‰",
            time::short(s.tally.wrong_ns),
            time::grouped(s.tally.misses()),
            time::grouped(s.tally.decisions),
            s.tally.per_thousand()
        ),
        filter: Some(s.filter.clone()),
    };
    let bars = sums.tasks.iter().map(bar).collect();
    Page::Bars("hard tasks".into(), "mispredicted for  misses".into(), bars)
}

fn predictors(t: &Table, view: &View) -> Page {
    let total = &view.sums.total;
    let of = |n: u64| n as f64 / total.decisions as f64;
    let bar = |label: String, n: u64, filter: Option<Expr>| Bar {
        label,
        share: of(n),
        mark: None,
        text: format!("{:>7}  {:>9}", percent(of(n)), time::grouped(n)),
        filter,
    };
    let hit = Expr::Flag(Column::Hit);
    let mut bars = vec![bar(format!("{} right", t.models[0]), total.hits, Some(hit.clone()))];
    for (b, n) in total.baselines.iter().enumerate() {
        bars.push(bar(
            format!("{} right", BASELINES[b]),
            *n,
            Some(Expr::Flag(Column::Baseline(b as u8))),
        ));
    }
    let some = (1..BASELINES.len() as u8).map(|b| Expr::Flag(Column::Baseline(b)));
    if let Some(some) = some.reduce(|a, b| Expr::Or(Box::new(a), Box::new(b))) {
        let wrong = hit.negate();
        bars.push(bar(
            "badly learned".into(),
            total.learnable,
            Some(wrong.clone().and(some.clone())),
        ));
        bars.push(bar(
            "hard for all".into(),
            total.misses() - total.learnable,
            Some(wrong.and(some.negate())),
        ));
    }
    let n = total.asked;
    bars.push(Bar {
        share: total.forecasts as f64 / n as f64,
        text: format!(
            "{:>7}  {:>9} of {}",
            percent(total.forecasts as f64 / n as f64),
            time::grouped(total.forecasts),
            time::grouped(n)
        ),
        ..bar("forecast right".into(), total.forecasts, Some(Expr::Flag(Column::Forecast)))
    });
    Page::Bars("predictors".into(), "right    decisions".into(), bars)
}

fn versus(t: &Table, view: &View) -> Option<Page> {
    let (v, second) = (view.versus.as_ref()?, view.query.second?);
    let all = (v.both_right + v.both_wrong + v.fixed + v.broken).max(1);
    let bar = |label: &str, n: u64, a, b| Bar {
        label: label.into(),
        share: n as f64 / all as f64,
        mark: None,
        text: format!("{:>9}  {:>7}", time::grouped(n), percent(n as f64 / all as f64)),
        filter: Some(difference(second, a, b)),
    };
    let bars = vec![
        bar("both right", v.both_right, true, true),
        bar("fixed", v.fixed, false, true),
        bar("broken", v.broken, true, false),
        bar("both wrong", v.both_wrong, false, false),
    ];
    let p = if v.p_value > 0.0 { format!("{:.1e}", v.p_value) } else { "< 1e-300".into() };
    let title = format!("{} → {}: McNemar p {p}", t.models[0], v.name);
    Some(Page::Bars(title, "decisions".into(), bars))
}

fn reliability(sums: &Sums) -> Page {
    let bar = |(i, b): (usize, &crate::evaluate::mistakes::sums::Bin)| {
        let n = b.decisions as f64;
        let filter =
            Expr::number(Column::Bin, crate::evaluate::mistakes::filter::Op::Eq, i as u64 + 1);
        Bar {
            label: format!("p {:.2}-{:.2}", i as f64 / 15.0, (i + 1) as f64 / 15.0),
            share: b.hits as f64 / n,
            mark: Some(b.p / n),
            text: format!(
                "{:>7}  said {:>7}  {:>9}",
                percent(b.hits as f64 / n),
                percent(b.p / n),
                time::grouped(b.decisions)
            ),
            filter: Some(filter),
        }
    };
    let bars = sums.bins.iter().enumerate().filter(|(_, b)| b.decisions > 0).map(bar).collect();
    Page::Bars(
        format!("reliability · ECE {:.3}", sums.ece()),
        "right    │ said        decisions".into(),
        bars,
    )
}

fn answered(sums: &Sums) -> Page {
    let bar = |a: &crate::evaluate::mistakes::sums::Answered| {
        let (n, all) = (a.decisions as f64, sums.total.decisions as f64);
        Bar {
            label: format!("{:>5.1} % answered", 100.0 * n / all),
            share: a.hits as f64 / n,
            mark: None,
            text: format!("{:>7}  p ≥ {:.4}", percent(a.hits as f64 / n), a.least),
            filter: Some(a.filter()),
        }
    };
    Page::Bars(
        "accuracy against share answered".into(),
        "right    from".into(),
        sums.answered.iter().map(bar).collect(),
    )
}

/// Lead times against this machine's latency.
fn in_time(view: &View) -> Page {
    let bar = |(s, share): &(Slice, f64)| Bar {
        label: format!("asked {} before", s.label),
        share: *share,
        mark: None,
        text: format!("{:>7}  {:>9}", percent(*share), time::grouped(s.tally.decisions)),
        filter: Some(s.filter.clone()),
    };
    let latency = match view.in_time.latency {
        Some([middle, most]) => {
            format!("one takes {} (p50), {} (p99)", time::short(middle), time::short(most))
        }
        None => "latency not measured".into(),
    };
    let title = format!("forecast in time {} · {latency}", percent(view.in_time.share));
    Page::Bars(title, "in time  forecasts".into(), view.in_time.classes.iter().map(bar).collect())
}

/// The place of the page that compares two predictors, where there are two.
pub const VERSUS: usize = 2;

/// All pages.
pub fn pages(t: &Table, view: &View) -> Vec<Page> {
    let sums = &view.sums;
    let mut pages = vec![tasks(sums), predictors(t, view)];
    pages.extend(versus(t, view));
    pages.push(Page::Confusion(sums.confusion.clone()));
    for (column, slices) in &sums.slices {
        pages.push(slice_page(t, view, *column, slices));
    }
    pages.push(reliability(sums));
    pages.push(answered(sums));
    pages.push(in_time(view));
    pages
}
