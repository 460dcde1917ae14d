//! What came of an experiment: medians and spreads over seeds, who won, what was lost by going
//! elsewhere, as JSON and as tables. Trains and scores nothing.

use super::super::table::{MEASURES, Page, Style};
use super::plan::{ALL, Part, Plan};
use super::trained::{Finished, Trained, first_of_each};
use super::{Args, Name};
use crate::dataset::catalog::Split;
use crate::evaluate::figures::{Figures, ForecastScore, PickScore, Spread};
use crate::evaluate::report::Report;
use serde::Serialize;
use std::collections::BTreeMap;

/// Both questions, per predictor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answers {
    /// Over non-trivial decisions.
    pub pick: BTreeMap<String, PickScore>,
    /// Of those that answer it.
    pub forecast: BTreeMap<String, ForecastScore>,
}

/// How the first kind of network did against another predictor, on top-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Above it, whatever the seeds.
    Won,
    /// The ranges over seeds touch.
    Tied,
    /// Below it, whatever the seeds.
    Lost,
}

/// One question's verdicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Against {
    /// By predictor.
    pub each: BTreeMap<String, Verdict>,
    /// Lost against nobody.
    pub won_or_tied: bool,
}

/// Trainings of one fold, scored on one test set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreRow {
    /// What was trained on.
    pub trained: String,
    /// What was scored on.
    pub tested: String,
    /// Scored recordings.
    pub traces: usize,
    /// Their non-trivial decisions.
    pub non_trivial: u64,
    /// Share of all their decisions with the real task among the candidates.
    pub coverage: f64,
    /// Macro means.
    #[serde(rename = "macro")]
    pub mean: Answers,
    /// By workload.
    pub workloads: BTreeMap<String, Answers>,
    /// The first kind of network against the others: pick.
    pub pick: Against,
    /// Forecast.
    pub forecast: Against,
}

/// What a network loses on recordings of a kernel or machine that it was not trained on, in percent
/// points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drop {
    /// Kind of network.
    pub model: &'static str,
    /// What was trained on.
    pub trained: String,
    /// The kernel or machine scored on, which the other one of the comparison was trained on.
    pub tested: String,
    /// Of pick and forecast top-1, medians; `None` where a question was not asked.
    pub pick_points: Option<f64>,
    /// See `pick_points`.
    pub forecast_points: Option<f64>,
}

/// How fast a kind of network is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Kind of network.
    pub model: &'static str,
    /// Numbers in it.
    pub parameters: usize,
    /// Taking one event into its state, streaming, median ns.
    pub token_ns: u64,
    /// All of a switch with few candidates, features and both questions, median ns.
    pub decision_ns: u64,
    /// Events per second in training, median over steps and trainings; NaN if no training was
    /// timed.
    pub train_events_per_s: f64,
}

/// Chosen on validation, for the record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    /// Kind of network.
    pub model: &'static str,
    /// What was trained on.
    pub trained: String,
    /// Its seed.
    pub seed: u64,
    /// What it said of itself.
    #[serde(flatten)]
    pub finished: Finished,
}

/// An experiment's results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    /// Which experiment.
    pub experiment: Name,
    /// The command line.
    pub command: String,
    /// Scored on recordings of this split.
    pub split: Split,
    /// Passes over the data.
    pub epochs: usize,
    /// Trainings of each.
    pub seeds: u64,
    /// In order of the columns: networks, then baselines.
    pub predictors: Vec<String>,
    /// Results.
    pub rows: Vec<ScoreRow>,
    /// Rows of what was not trained on against the same recordings' own; of kernels and machines.
    pub drops: Vec<Drop>,
    /// Empty unless asked.
    pub speed: Vec<Speed>,
    /// Every training.
    pub trainings: Vec<Training>,
}

/// Least and greatest value, or the value itself.
fn ends<const N: usize, S: Figures<N>>(score: &S, spread: &Spread) -> [f64; 2] {
    spread.of("top1").unwrap_or([score.values()[0]; 2])
}

/// Compares the ranges of `mine` and `theirs`; `None` where there is no figure.
fn verdict(mine: [f64; 2], theirs: [f64; 2]) -> Option<Verdict> {
    if mine.iter().chain(&theirs).any(|x| x.is_nan()) {
        return None;
    }
    Some(match () {
        () if mine[0] > theirs[1] => Verdict::Won,
        () if mine[1] < theirs[0] => Verdict::Lost,
        () => Verdict::Tied,
    })
}

fn against<const N: usize, S: Figures<N>>(
    of: &BTreeMap<String, S>,
    first: &str,
    spread: fn(&S) -> &Spread,
) -> Against {
    let range = |s: &S| ends(s, spread(s));
    let Some(mine) = of.get(first).map(range) else { return Against::default() };
    let others = of.iter().filter(|(name, _)| *name != first);
    let each: BTreeMap<_, _> =
        others.filter_map(|(n, s)| Some((n.clone(), verdict(mine, range(s))?))).collect();
    let won_or_tied = !each.is_empty() && each.values().all(|v| *v != Verdict::Lost);
    Against { each, won_or_tied }
}

/// Medians over reports that differ in a seed only, beside what `baselines` say of the same
/// recordings.
fn joined<'a, P, F>(
    networks: &[(&str, Vec<&'a Report>)],
    baselines: &'a Report,
    pick: P,
    forecast: F,
) -> Answers
where
    P: Fn(&'a Report) -> Option<&'a BTreeMap<String, PickScore>>,
    F: Fn(&'a Report) -> Option<&'a BTreeMap<String, ForecastScore>>,
{
    let mut answers = Answers {
        pick: pick(baselines).cloned().unwrap_or_default(),
        forecast: forecast(baselines).cloned().unwrap_or_default(),
    };
    for (name, reports) in networks {
        let picks: Vec<_> =
            reports.iter().copied().filter_map(|r| pick(r)?.get(*name).cloned()).collect();
        let forecasts: Vec<_> =
            reports.iter().copied().filter_map(|r| forecast(r)?.get(*name).cloned()).collect();
        if !picks.is_empty() {
            answers.pick.insert((*name).to_owned(), PickScore::median(&picks));
        }
        if !forecasts.is_empty() {
            answers.forecast.insert((*name).to_owned(), ForecastScore::median(&forecasts));
        }
    }
    answers
}

impl Results {
    /// From what was trained and scored: `scored` has a report per training and test set,
    /// `baselines` one per test set.
    pub fn new(
        args: &Args,
        plan: &Plan,
        trained: &[Trained],
        scored: &[Vec<Report>],
        baselines: &[Report],
        speed: Vec<Speed>,
    ) -> Self {
        let kinds: Vec<&'static str> =
            first_of_each(trained).map(|t| t.part.kind.label()).collect();
        let mut folds: Vec<&Part> = Vec::new();
        for one in trained {
            if folds.iter().all(|f| f.trained != one.part.trained) {
                folds.push(&one.part);
            }
        }
        let mut rows = Vec::new();
        for fold in folds {
            for (at, test) in fold.tests.iter().enumerate() {
                let of_kind = |kind: &str| {
                    let these = trained.iter().zip(scored);
                    let these = these.filter(|(t, _)| {
                        t.part.trained == fold.trained && t.part.kind.label() == kind
                    });
                    these.map(|(_, reports)| &reports[at]).collect::<Vec<_>>()
                };
                let networks: Vec<_> = kinds.iter().map(|k| (*k, of_kind(k))).collect();
                rows.push(row(
                    &fold.trained,
                    &plan.tests[*test].name,
                    &networks,
                    &baselines[*test],
                ));
            }
        }
        let drops = drops(args.name, &rows, &kinds);
        let own = baselines.first().map(|b| b.predictors.clone()).unwrap_or_default();
        let training = |t: &Trained| Training {
            model: t.part.kind.label(),
            trained: t.part.trained.clone(),
            seed: t.part.config.seed,
            finished: t.finished,
        };
        Self {
            experiment: args.name,
            command: super::command(),
            split: args.split,
            epochs: trained.first().map_or(0, |t| t.part.config.epochs),
            seeds: args.seeds,
            predictors: kinds.iter().map(|k| (*k).to_owned()).chain(own).collect(),
            rows,
            drops,
            speed,
            trainings: trained.iter().map(training).collect(),
        }
    }

    /// As tables.
    pub fn render(&self, style: Style) -> String {
        let mut page = Page::new(style);
        page.command(&self.command);
        let asked = |n: &&String| self.rows.iter().any(|r| r.mean.forecast.contains_key(*n));
        let all: Vec<_> = self.predictors.iter().collect();
        let some: Vec<_> = self.predictors.iter().filter(asked).collect();
        let top1 = &MEASURES[0];
        self.render_question("Pick", &all, &|a, n| top1.pick(&a.pick, n), &mut page);
        self.render_question("Forecast", &some, &|a, n| top1.forecast(&a.forecast, n), &mut page);
        self.render_verdicts(&mut page);
        self.render_drops(&mut page);
        self.render_speed(&mut page);
        page.out
    }

    /// Both tables of one question, with a column for each of `names`: of all workloads, and by
    /// workload.
    fn render_question(
        &self,
        question: &str,
        names: &[&String],
        cell: &dyn Fn(&Answers, &str) -> Option<String>,
        page: &mut Page,
    ) {
        let cells = |a: &Answers| -> Vec<String> {
            names.iter().map(|n| cell(a, n).unwrap_or_else(|| "–".into())).collect()
        };
        let header = |first: &[&str]| -> Vec<String> {
            first.iter().copied().chain(names.iter().map(|n| n.as_str())).map(Into::into).collect()
        };
        page.heading(&format!(
            "{question}: macro top-1, %; {} recordings, median [least, greatest] of {} seeds",
            self.split.label(),
            self.seeds
        ));
        let mut rows = vec![header(&["trained on", "scored on", "non-trivial", "coverage"])];
        for row in &self.rows {
            let coverage = format!("{:.1}", 100.0 * row.coverage);
            let decisions = row.non_trivial.to_string();
            let first = [row.trained.clone(), row.tested.clone(), decisions, coverage];
            rows.push(first.into_iter().chain(cells(&row.mean)).collect());
        }
        page.table(&rows);
        page.heading(&format!("{question}: top-1 by workload, %"));
        let mut rows = vec![header(&["trained on", "workload"])];
        for row in &self.rows {
            for (workload, answers) in &row.workloads {
                let first = [row.trained.clone(), workload.clone()];
                rows.push(first.into_iter().chain(cells(answers)).collect());
            }
        }
        page.table(&rows);
    }

    fn render_drops(&self, page: &mut Page) {
        if self.drops.is_empty() {
            return;
        }
        page.heading("Lost on what was not trained on, percent points of macro top-1");
        let points = |x: Option<f64>| x.map_or_else(|| "–".into(), |x| format!("{x:.1}"));
        let head = ["network", "trained on", "scored on", "pick", "forecast"];
        let mut rows = vec![head.map(String::from).to_vec()];
        for d in &self.drops {
            let [pick, forecast] = [d.pick_points, d.forecast_points].map(points);
            rows.push(vec![d.model.into(), d.trained.clone(), d.tested.clone(), pick, forecast]);
        }
        page.table(&rows);
    }

    fn render_speed(&self, page: &mut Page) {
        if self.speed.is_empty() {
            return;
        }
        page.heading("Size and speed, one thread");
        let head =
            ["network", "parameters", "ns per event", "ns per decision", "training, k events/s"];
        let mut rows = vec![head.map(String::from).to_vec()];
        for s in &self.speed {
            let train = if s.train_events_per_s.is_nan() {
                "–".into()
            } else {
                format!("{:.0}", s.train_events_per_s / 1e3)
            };
            let [size, token, decision] =
                [s.parameters as u64, s.token_ns, s.decision_ns].map(|n| n.to_string());
            rows.push(vec![s.model.into(), size, token, decision, train]);
        }
        page.table(&rows);
    }

    fn render_verdicts(&self, page: &mut Page) {
        let Some(first) =
            self.predictors.first().filter(|_| self.rows.iter().any(|r| !r.pick.each.is_empty()))
        else {
            return;
        };
        page.heading(&format!(
            "{first} against each: won, tied (the ranges over seeds touch) or lost"
        ));
        let others: Vec<_> = self.predictors.iter().skip(1).collect();
        let mut head = ["trained on", "scored on", "question"].map(String::from).to_vec();
        head.extend(others.iter().map(ToString::to_string));
        let mut rows = vec![head];
        for row in &self.rows {
            for (question, against) in [("pick", &row.pick), ("forecast", &row.forecast)] {
                let cell = |n: &&String| match against.each.get(*n) {
                    Some(Verdict::Won) => "won".to_owned(),
                    Some(Verdict::Tied) => "tied".to_owned(),
                    Some(Verdict::Lost) => "lost".to_owned(),
                    None => "–".to_owned(),
                };
                let first = [row.trained.clone(), row.tested.clone(), question.to_owned()];
                rows.push(first.into_iter().chain(others.iter().map(cell)).collect());
            }
        }
        page.table(&rows);
        let of =
            |f: fn(&ScoreRow) -> &Against| self.rows.iter().filter(|r| f(r).won_or_tied).count();
        let (pick, forecast, n) = (of(|r| &r.pick), of(|r| &r.forecast), self.rows.len());
        page.line(&format!("Lost to nobody: pick {pick} of {n}, forecast {forecast} of {n}."));
    }
}

fn row<'a>(
    trained: &str,
    tested: &str,
    networks: &[(&str, Vec<&'a Report>)],
    baselines: &'a Report,
) -> ScoreRow {
    let mean = joined(networks, baselines, |r| Some(&r.mean.pick), |r| Some(&r.mean.forecast));
    let of = |name: &String| {
        let scores = |r: &'a Report| Some(&r.workloads.get(name)?.scores);
        (
            name.clone(),
            joined(networks, baselines, |r| Some(&scores(r)?.pick), |r| Some(&scores(r)?.forecast)),
        )
    };
    let first = networks.first().map_or("", |(name, _)| name);
    let scored = || baselines.traces.iter().map(|t| &t.scores).filter(|s| s.decisions > 0);
    let decisions: u64 = scored().map(|s| s.decisions).sum();
    let covered: f64 = scored().map(|s| s.coverage * s.decisions as f64).sum();
    ScoreRow {
        trained: trained.to_owned(),
        tested: tested.to_owned(),
        traces: baselines.traces.len(),
        non_trivial: baselines.traces.iter().map(|t| t.scores.non_trivial).sum(),
        coverage: covered / decisions as f64,
        workloads: baselines.workloads.keys().map(of).collect(),
        pick: against(&mean.pick, first, |s| &s.spread),
        forecast: against(&mean.forecast, first, |s| &s.spread),
        mean,
    }
}

/// Each row of a foreign kernel or machine against the row of the same recordings whose training
/// saw such.
fn drops(name: Name, rows: &[ScoreRow], kinds: &[&'static str]) -> Vec<Drop> {
    let mut drops = Vec::new();
    let is_home = |r: &ScoreRow| match name {
        Name::Kernels => r.trained == r.tested,
        Name::Machines => r.trained == ALL,
        Name::HoldOut | Name::Seeds | Name::Models => false,
    };
    for away in rows.iter().filter(|r| !is_home(r)) {
        let Some(home) = rows.iter().find(|r| r.tested == away.tested && is_home(r)) else {
            continue;
        };
        let points =
            |a: Option<f64>, b: Option<f64>| Some(100.0 * (a? - b?)).filter(|x| !x.is_nan());
        for kind in kinds {
            let pick = |r: &ScoreRow| r.mean.pick.get(*kind).map(|s| s.top1);
            let forecast = |r: &ScoreRow| r.mean.forecast.get(*kind).map(|s| s.top1);
            drops.push(Drop {
                model: kind,
                trained: away.trained.clone(),
                tested: away.tested.clone(),
                pick_points: points(pick(home), pick(away)),
                forecast_points: points(forecast(home), forecast(away)),
            });
        }
    }
    drops
}
