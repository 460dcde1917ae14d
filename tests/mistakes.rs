//! The mistakes of real recordings: every sum adds up to the list, the list to the evaluation, the
//! CSV to both; filters are read as they are written; nothing outside the receptive field moves an
//! answer.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

#[path = "mistakes/explanations.rs"]
mod explanations;
#[path = "mistakes/expressions.rs"]
mod expressions;

use common::program::{bytes, json};
use common::recordings;
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::filter::{OPS, complete, parse};
use kernel_oracle::evaluate::mistakes::slices::{Tally, sliceable, slices};
use kernel_oracle::evaluate::mistakes::sums::{Sums, USUAL, difference, in_time, versus};
use kernel_oracle::evaluate::mistakes::{Bitmap, Column, Table, column::COLUMNS};
use kernel_oracle::evaluate::overlay::BASELINES;
use kernel_oracle::evaluate::report::Report;
use kernel_oracle::evaluate::score::{Counts, score};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::Weights;
use kernel_oracle::trace::{Trace, TraceMeta};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// Train and validation runs of different kinds.
const NAMES: [&str; 3] =
    ["hackbench-pipe-2g_run2", "sysbench-threads-8t_run0", "cpu-bound-8p_run2"];

static MODEL: LazyLock<Arc<Weights>> = LazyLock::new(|| Arc::new(Weights::bundled().unwrap()));

fn engine(trace: &Trace) -> StreamEngine {
    StreamEngine::new(&MODEL, trace.cpus())
}

/// The decisions of all three recordings by the bundled model, with a baseline as the second one.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let one = |name: &&str| {
        let trace = recordings::open(name);
        let (mut model, mut other) = (engine(&trace), Heuristic::new(Rule::Lifo, 0));
        collect(
            &trace,
            recordings::path(name),
            &mut model,
            Some(&mut other),
            &Cancel::new(),
            &|_| {},
        )
        .unwrap()
    };
    Table::join(NAMES.iter().map(one).collect())
});

/// What the evaluation counts on them: the model, then the baselines.
static COUNTED: LazyLock<Vec<(TraceMeta, Counts)>> = LazyLock::new(|| {
    let one = |name: &&str| {
        let trace = recordings::open(name);
        let mut predictors: Vec<Box<dyn Predictor>> = vec![Box::new(engine(&trace))];
        let rules = BASELINES.iter().map(|name| Rule::parse(name).unwrap());
        predictors
            .extend(rules.map(|rule| Box::new(Heuristic::new(rule, 0)) as Box<dyn Predictor>));
        (trace.meta().clone(), score(&trace, &mut predictors, &Cancel::new(), &|_| {}).unwrap())
    };
    NAMES.iter().map(one).collect()
});

fn everything() -> Bitmap {
    Bitmap::all(TABLE.len(), true)
}

#[test]
fn the_list_is_what_the_evaluation_counts() {
    let mut counts = Counts::new(1 + BASELINES.len());
    COUNTED.iter().for_each(|(_, c)| counts.add(c));
    let sums = Sums::new(&TABLE, &everything());
    let total = &sums.total;
    assert!(total.decisions > 10_000 && total.misses() > 1_000);
    assert_eq!(total.decisions, counts.non_trivial);
    assert_eq!(total.hits, counts.pick[0].top1);
    assert_eq!(total.covered, counts.covered_non_trivial);
    for (b, hits) in total.baselines.iter().enumerate() {
        assert_eq!(*hits, counts.pick[1 + b].top1, "{}", BASELINES[b]);
    }
    assert_eq!(total.other, total.baselines[2], "the second model is a baseline");
    for (source, (meta, counts)) in TABLE.sources.iter().zip(COUNTED.iter()) {
        assert_eq!((&source.name, source.whole.decisions), (&meta.name, counts.decisions));
        assert_eq!(source.whole.decisions - source.whole.trivial, counts.non_trivial);
        // The forecasts of trivial decisions have no row, but an evaluation counts them.
        assert_eq!(
            (source.whole.asked, source.whole.forecasts),
            (counts.forecast[0].asked, counts.forecast[0].top1)
        );
        assert!(source.whole.asked > counts.non_trivial && source.whole.forecasts > 0);
    }
    let whole = TABLE.whole();
    assert_eq!((whole.asked, whole.forecasts), (counts.forecast[0].asked, counts.forecast[0].top1));
    assert!(
        total.asked < whole.asked && total.forecasts < whole.forecasts,
        "those of the rows are some of them"
    );
    // Ranks, not only hits; and the calibration error to the last digit that sums in another order
    // leave.
    let ranked = |to| parse(&format!("rank>0 and rank<={to}")).unwrap().rows(&TABLE).count() as u64;
    assert_eq!((ranked(1), ranked(3)), (counts.pick[0].top1, counts.pick[0].top3));
    let pooled = vec![(TraceMeta { name: "all".into(), ..TraceMeta::default() }, counts)];
    let names: Vec<String> = std::iter::once("tcn").chain(BASELINES).map(String::from).collect();
    let report = Report::new(&names, &pooled);
    assert!((sums.ece() - report.traces[0].scores.pick["tcn"].ece).abs() < 1e-9);
    for (column, mine) in
        [(Column::Queue, &report.slices.queue), (Column::State, &report.slices.prev_state)]
    {
        let slices = slices(&TABLE, &everything(), column).unwrap();
        for theirs in mine.iter().filter(|s| s.non_trivial > 0) {
            let slice = slices.iter().find(|s| s.label == theirs.slice).unwrap();
            assert_eq!(
                slice.tally.decisions,
                theirs.non_trivial,
                "{} {}",
                column.name(),
                slice.label
            );
            assert!((slice.tally.accuracy() - theirs.top1["tcn"].unwrap()).abs() < 1e-12);
        }
    }
}

#[test]
fn a_comparison_with_what_is_not_known_is_false_whatever_is_asked() {
    let rows = |text: String| parse(&text).unwrap().rows(&TABLE);
    let unknown = |column: Column| Bitmap::of(TABLE.len(), |i| column.count(&TABLE, i).is_none());
    assert!(
        (1..TABLE.len()).contains(&unknown(Column::Waited).count()),
        "some waits are known and some are not"
    );
    for column in [Column::Waited, Column::Stint, Column::Ran, Column::Lead] {
        let (name, unknown) = (column.name(), unknown(column));
        for (_, op) in OPS.iter().filter(|(op, _)| op.fits(column.kind())) {
            assert_eq!(rows(format!("{name}{op}3ns")).and(&unknown).count(), 0, "{name}{op}3ns");
        }
        // Equal and unequal together are all that is known; "not" is the opposite of an answer, so
        // of the unknown too.
        let either = rows(format!("{name}=3ns or {name}!=3ns"));
        assert_eq!(either.count() + unknown.count(), TABLE.len(), "{name}");
        assert_eq!(
            rows(format!("not {name}!=3ns")).and(&unknown).count(),
            unknown.count(),
            "{name}"
        );
    }
}

#[test]
fn every_slice_adds_up_and_its_filter_selects_it() {
    for rows in [everything(), parse("not hit and queue>2 and p>0.5").unwrap().rows(&TABLE)] {
        let sums = Sums::new(&TABLE, &rows);
        for column in sliceable() {
            let slices = slices(&TABLE, &rows, column).unwrap();
            let mut sum = Tally::default();
            for slice in &slices {
                sum.merge(&slice.tally);
                let selected = slice.filter.rows(&TABLE).and(&rows);
                let mut tally = Tally::default();
                selected.iter().for_each(|i| tally.add(&TABLE, i));
                assert_eq!(
                    tally,
                    slice.tally,
                    "{} {}: {}",
                    column.name(),
                    slice.label,
                    slice.filter
                );
                assert_eq!(parse(&slice.filter.to_string()).unwrap(), slice.filter);
            }
            assert_eq!(sum, sums.total, "{}", column.name());
        }
        assert_eq!(sums.bins.iter().map(|b| b.decisions).sum::<u64>(), sums.total.decisions);
        assert_eq!(sums.bins.iter().map(|b| b.hits).sum::<u64>(), sums.total.hits);
        let last = sums.answered.last().unwrap();
        assert_eq!((last.decisions, last.hits), (sums.total.decisions, sums.total.hits));
        for point in &sums.answered {
            assert_eq!(point.filter().rows(&TABLE).and(&rows).count() as u64, point.decisions);
        }
        let confused = &sums.confusion;
        assert_eq!(confused.counts.iter().flatten().sum::<u64>(), sums.total.misses());
        for (real, counts) in confused.counts.iter().enumerate() {
            for (pred, n) in counts.iter().enumerate() {
                assert_eq!(confused.filter(real, pred).rows(&TABLE).and(&rows).count() as u64, *n);
            }
        }
        let tasks: u64 = sums.tasks.iter().map(|s| s.tally.wrong_ns).sum();
        assert_eq!(tasks, sums.total.wrong_ns);
        for second in (0..BASELINES.len() as u8).map(Column::Baseline).chain([Column::Other]) {
            let v = versus(&TABLE, &rows, second);
            let count = |a, b| difference(second, a, b).rows(&TABLE).and(&rows).count() as u64;
            assert_eq!((v.both_right, v.fixed), (count(true, true), count(false, true)));
            assert_eq!((v.broken, v.both_wrong), (count(true, false), count(false, false)));
            assert_eq!(v.both_right + v.fixed + v.broken + v.both_wrong, sums.total.decisions);
        }
    }
    assert!(TABLE.bytes_per_row() < 80.0, "{}", TABLE.bytes_per_row());
}

/// The fast walk behind the sums, the general one behind `--by`, and one row after the other count
/// the same.
#[test]
fn the_sums_are_those_of_one_row_after_the_other() {
    let half = Bitmap::of(TABLE.len(), |i| i % 2 == 0);
    for rows in [
        everything(),
        half,
        parse("not hit and queue>2").unwrap().rows(&TABLE),
        Bitmap::all(TABLE.len(), false),
    ] {
        let sums = Sums::new(&TABLE, &rows);
        let mut total = Tally::default();
        rows.iter().for_each(|i| total.add(&TABLE, i));
        assert_eq!(sums.total, total);
        for column in USUAL {
            assert_eq!(
                sums.by(column),
                slices(&TABLE, &rows, column).unwrap(),
                "{}",
                column.name()
            );
        }
        let mut tasks = slices(&TABLE, &rows, Column::Real).unwrap();
        tasks.sort_by_key(|s| std::cmp::Reverse((s.tally.wrong_ns, s.tally.misses())));
        assert_eq!(sums.tasks, tasks);
        // How many threads there are makes no difference, to the last bit of a sum of
        // probabilities.
        for threads in [1, 3] {
            let again =
                kernel_oracle::job::on_threads(threads, || Sums::new(&TABLE, &rows)).unwrap();
            assert_eq!(again, sums);
        }
    }
}

#[test]
fn a_forecast_is_in_time_when_its_lead_is_longer_than_a_decision() {
    let (all, sums) = (everything(), Sums::new(&TABLE, &everything()));
    let lead = |i: usize| Column::Lead.count(&TABLE, i);
    let told = |latencies: &[u64]| in_time(&TABLE, &all, sums.by(Column::Lead), latencies);
    assert!((told(&[0]).share - 1.0).abs() < 1e-3 && told(&[u64::MAX]).share.abs() < 1e-12);
    let latencies = [900, 5_000, 5_001, 40_000, 2_000_000];
    let told = told(&latencies);
    let leads: Vec<u64> = (0..TABLE.len()).filter_map(lead).collect();
    let pairs =
        leads.iter().map(|l| latencies.iter().filter(|n| *n < l).count()).sum::<usize>() as f64;
    assert!((told.share - pairs / (leads.len() * latencies.len()) as f64).abs() < 1e-12);
    assert_eq!(told.latency, Some([5_001, 2_000_000]));
    // Each class adds up, and its filter selects it.
    let mut sum = 0.0;
    for (slice, share) in &told.classes {
        let rows = slice.filter.rows(&TABLE);
        assert_eq!(rows.count() as u64, slice.tally.decisions);
        let of = in_time(&TABLE, &rows, Sums::new(&TABLE, &rows).by(Column::Lead), &latencies);
        assert!((of.share - share).abs() < 1e-12);
        sum += share * slice.tally.decisions as f64;
    }
    assert!((sum / leads.len() as f64 - told.share).abs() < 1e-12);
    assert!(told.classes.len() > 3 && in_time(&TABLE, &all, &[], &[]).share.is_nan());
}

#[test]
fn filters_agree_with_what_the_list_shows() {
    let t = &*TABLE;
    let check = |text: &str, is: &dyn Fn(usize) -> bool| {
        let rows = parse(text).unwrap().rows(t);
        assert!(rows.count() > 0 && rows.count() < t.len(), "{text}: {}", rows.count());
        (0..t.len()).for_each(|i| assert_eq!(rows.has(i), is(i), "{text}: row {i}"));
    };
    let text = |c: Column, i: usize| c.text(t, i).into_owned();
    check("cpu=0 and state=S", &|i| text(Column::Cpu, i) == "0" && text(Column::State, i) == "S");
    check("prev~HACKBENCH", &|i| text(Column::Prev, i).contains("hackbench"));
    check("prev!~hackbench and not hit", &|i| {
        !text(Column::Prev, i).contains("hackbench") && text(Column::Hit, i) == "0"
    });
    check("workload=cpu-bound-8p or queue>=4", &|i| {
        text(Column::Workload, i) == "cpu-bound-8p" || Column::Queue.count(t, i).unwrap() >= 4
    });
    check("waited>20us", &|i| Column::Waited.count(t, i).is_some_and(|ns| ns > 20_000));
    check("t>=0.1s and t<0.2s", &|i| {
        (100_000_000..200_000_000).contains(&Column::Time.count(t, i).unwrap())
    });
    check("not (p<90% or eevdf)", &|i| {
        Column::P.share(t, i) >= 0.9 && text(Column::Baseline(4), i) == "0"
    });
    let first = text(Column::Real, 0);
    check(&format!("real=\"{first}\""), &|i| text(Column::Real, i) == first);
    let choices = complete(t, "workload=h", 10).choices;
    assert_eq!(choices.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), ["hackbench-pipe-2g"]);
    for s in 0..t.sources.len() {
        let row = (0..t.len()).rev().find(|i| t.source_ix(*i) == s).unwrap();
        assert_eq!(t.find(s, t.event(row)), Some(row));
        assert_eq!(t.find(s, t.event(row) + 1), None);
    }
}

#[test]
fn of_a_predictor_without_forecasts_nothing_is_said_of_theirs() {
    let (_folder, path) = recordings::small(2_000);
    let ask = |form: &'static str| {
        ["mistakes", form, "--predictor", "eevdf-alone", path.to_str().unwrap()]
    };
    let report = String::from_utf8(bytes(&ask("--markdown"))).unwrap();
    assert!(report.contains("\nno forecasts: eevdf-alone makes none\n"), "{report}");
    assert!(!report.contains("in time") && !report.contains("forecasts of all"), "{report}");
    let found = json(&ask("--json"));
    assert_eq!((&found["asked"], &found["in_time"]["share"]), (&0.into(), &Value::Null));
    assert!(found["decisions"].as_u64() > Some(100), "{found}");
    let lead = found["in_time"]["by_lead"].as_array().unwrap();
    assert!(!lead.is_empty() && lead.iter().all(|class| class["share"].is_null()), "{lead:?}");
}

#[test]
fn the_command_line_says_the_same_as_eval() {
    let files = NAMES.map(|n| recordings::path(n).to_str().unwrap().to_owned());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let with = |first: &[&'static str]| -> Vec<&str> {
        first.iter().copied().chain(files.iter().copied()).collect()
    };
    let eval = json(&with(&["eval", "--json", "--predictors", "tcn,eevdf,fifo"]));
    let found = json(&with(&["mistakes", "--json", "--compare", "eevdf"]));
    let (mut decisions, mut misses) = (0, 0);
    for (trace, source) in
        eval["traces"].as_array().unwrap().iter().zip(found["traces"].as_array().unwrap())
    {
        for key in ["trace", "workload", "category", "kernel", "decisions", "non_trivial"] {
            assert_eq!(trace[key], source[key], "{key}");
        }
        let n = trace["non_trivial"].as_u64().unwrap();
        let answered = source["forecasts_asked"].as_f64().unwrap();
        let foretold = source["forecasts_right"].as_f64().unwrap() / answered;
        assert!((foretold - trace["forecast"]["tcn"]["top1"].as_f64().unwrap()).abs() < 1e-12);
        decisions += n;
        misses += n - (trace["pick"]["tcn"]["top1"].as_f64().unwrap() * n as f64).round() as u64;
    }
    assert_eq!(
        (found["decisions"].as_u64(), found["misses"].as_u64()),
        (Some(decisions), Some(misses))
    );
    assert!(found["in_time"]["measured"].as_u64().unwrap() > 100);
    let compared = &found["compare"];
    let sum = |keys: [&str; 2]| keys.iter().map(|k| compared[k].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(["fixed", "both_wrong"]), misses);
    assert_eq!(Some(sum(["fixed", "both_right"])), found["baselines"]["eevdf"].as_u64());

    // The CSV is the list.
    let rows = |args: &[&'static str]| -> Vec<csv::StringRecord> {
        csv::Reader::from_reader(&bytes(&with(args))[..]).records().map(Result::unwrap).collect()
    };
    let list = rows(&["mistakes", "--csv"]);
    assert_eq!(list.len() as u64, misses);
    assert!(list.iter().all(|r| r.len() == COLUMNS.len() - 3));
    assert_eq!(rows(&["mistakes", "--csv", "--all"]).len() as u64, decisions);
    let wide = rows(&["mistakes", "--csv", "--where", "queue>=4 and state=S"]);
    let filtered = json(&with(&["mistakes", "--json", "--where", "queue>=4 and state=S"]));
    assert_eq!(Some(wide.len() as u64), filtered["misses"].as_u64());
    let cut = rows(&["mistakes", "--csv", "--by", "workload,state"]);
    let number = |r: &csv::StringRecord, at: usize| r[at].parse::<u64>().unwrap();
    for by in ["workload", "state"] {
        let of: Vec<_> = cut.iter().filter(|r| &r[0] == by).collect();
        assert_eq!(of.iter().map(|r| number(r, 3)).sum::<u64>(), decisions);
        assert_eq!(of.iter().map(|r| number(r, 4)).sum::<u64>(), misses);
    }
    let text =
        String::from_utf8(bytes(&with(&["mistakes", "--where", "not hit", "--by", "queue"])))
            .unwrap();
    assert!(text.contains(&format!("where not hit: {misses} of {decisions}")), "{text}");
}
