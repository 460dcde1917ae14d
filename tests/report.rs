//! Reports: what is pooled, averaged, and taken the median of; the printed tables, word for word;
//! that a report comes back from its JSON; and that the results in docs/ and in the README are
//! those of the bundled model's report.

#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

use common::program::text;
use kernel_oracle::evaluate::report::Report;
use kernel_oracle::evaluate::score::Counts;
use kernel_oracle::trace::TraceMeta;
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAMES: [&str; 5] = ["tcn", "tcn", "tcn", "lstm", "fifo"];

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// A recording with 100 decisions, `non_trivial` of them not trivial, of which each column has so
/// many hits. The sure ones, at 0.99, are right, the others were said with 0.3.
fn recording(
    workload: &str,
    kernel: &str,
    non_trivial: u64,
    hits: [u64; 5],
) -> (TraceMeta, Counts) {
    let mut counts = Counts::new(NAMES.len());
    (counts.decisions, counts.non_trivial) = (100, non_trivial);
    (counts.covered, counts.covered_non_trivial, counts.idle) = (99, non_trivial, 5);
    counts.slices[0] = non_trivial;
    counts.slices[8] = non_trivial;
    counts.lead = (1..=100).map(|i| i * 1_000).collect();
    counts.foreseeable = if kernel == "6.12.1" { 90 } else { 98 };
    for (column, hits) in hits.into_iter().enumerate() {
        let pick = &mut counts.pick[column];
        (pick.asked, pick.covered, pick.top1, pick.top3) =
            (non_trivial, non_trivial, hits, non_trivial);
        pick.reciprocal = hits as f64 + 0.5 * (non_trivial - hits) as f64;
        pick.nll = non_trivial as f64 * 0.25;
        (pick.slices[0], pick.slices[8]) = (hits, hits);
        for i in 0..non_trivial {
            pick.confidence.push(if i < hits { 0.99 } else { 0.3 }, i < hits);
        }
        pick.bins[14] = (non_trivial, 0.99 * hits as f64 + 0.3 * (non_trivial - hits) as f64, hits);
        if NAMES[column] != "lstm" {
            let forecast = &mut counts.forecast[column];
            (forecast.asked, forecast.top1, forecast.top3) = (100, hits / 2, 90);
            (0..100).for_each(|i| forecast.confidence.push(0.5, i < hits / 2));
        }
    }
    let name = format!("{workload}-{kernel}");
    let (workload, kernel) = (workload.to_owned(), kernel.to_owned());
    (TraceMeta { name, workload, kernel, category: "any".into(), ..TraceMeta::default() }, counts)
}

fn on_cpus(cpus: u16, (meta, counts): (TraceMeta, Counts)) -> (TraceMeta, Counts) {
    (TraceMeta { cpus, ..meta }, counts)
}

/// Under both classes, on two machines of one, and with too few decisions.
fn example() -> Report {
    let names = NAMES.map(String::from);
    Report::new(
        &names,
        &[
            recording("both", "6.1.0-38", 40, [30, 32, 34, 20, 4]),
            recording("both", "6.18.44", 60, [54, 54, 57, 30, 6]),
            recording("both", "6.18.45", 20, [20, 18, 15, 10, 2]),
            recording("one", "6.12.1", 50, [30, 25, 35, 50, 5]),
            on_cpus(8, recording("one", "6.18.44", 50, [30, 25, 35, 50, 5])),
            recording("rare", "6.18.44", 9, [9, 9, 9, 9, 9]),
        ],
    )
}

#[test]
fn workloads_are_kept_apart_by_machine_and_pooled_within() {
    let report = example();
    assert_eq!(report.predictors, ["tcn", "lstm", "fifo"], "each name once, in order");
    assert_eq!(
        report.workloads.keys().collect::<Vec<_>>(),
        ["both@6.1", "both@6.18", "one@6.12", "one@6.18x8", "rare"]
    );
    let pool = &report.workloads["both@6.18"];
    assert_eq!((pool.traces, pool.scores.non_trivial, pool.scores.decisions), (2, 80, 200));
    // 74, 72, 72 of 80: the median of the trainings, each pooled first.
    let tcn = &pool.scores.pick["tcn"];
    assert!(close(tcn.top1, 0.9), "{tcn:?}");
    assert_eq!((tcn.spread.of("top1"), tcn.spread.seeds), (Some([0.9, 0.925]), 3));
    let lstm = &pool.scores.pick["lstm"];
    assert!(close(lstm.top1, 0.5) && lstm.spread.seeds == 0 && lstm.spread.of("top1").is_none());
    assert!(!pool.scores.forecast.contains_key("lstm"), "it answers no forecast");
    assert_eq!(report.mean.left_out, ["rare"]);
    assert_eq!((report.mean.pick_workloads, report.mean.forecast_workloads), (4, 5));
    assert!(close(report.workloads["one@6.12"].scores.forecast_coverage, 0.9));
    assert!(close(report.mean.forecast_coverage, (0.9 + 4.0 * 0.98) / 5.0));
    assert_eq!(
        report.slices.queue[0].top1["lstm"],
        Some(f64::from(20 + 30 + 10 + 50 + 50 + 9) / 229.0)
    );
    assert_eq!(report.slices.queue[1].top1["lstm"], None);
}

#[test]
fn what_is_known_of_no_machine_has_a_row_too() {
    let report = Report::new(
        &NAMES.map(String::from),
        &[recording("one", "", 40, [30; 5]), recording("one", "6.1.0-38", 40, [30; 5])],
    );
    assert_eq!(report.machines.keys().collect::<Vec<_>>(), ["6.1", "?"]);
    assert_eq!(report.workloads.keys().collect::<Vec<_>>(), ["one@6.1", "one@?"]);
    assert_eq!(report.traces[0].machine(), "?");
}

#[test]
fn the_macro_is_taken_per_training_and_then_the_median() {
    let report = example();
    let of =
        |both1: f64, both18: f64, one: f64| (both1 / 40.0 + both18 / 80.0 + 2.0 * one / 50.0) / 4.0;
    let mut macros = [of(30.0, 74.0, 30.0), of(32.0, 72.0, 25.0), of(34.0, 72.0, 35.0)];
    macros.sort_by(f64::total_cmp);
    let tcn = &report.mean.pick["tcn"];
    let [low, high] = tcn.spread.of("top1").unwrap();
    assert!(
        close(tcn.top1, macros[1]) && close(low, macros[0]) && close(high, macros[2]),
        "{tcn:?} {macros:?}"
    );
    // The kernels: workloads are pooled within one, whatever the classes of the others.
    let kernels: Vec<_> =
        report.kernels.iter().map(|(name, k)| (&**name, &*k.class, k.traces)).collect();
    assert_eq!(kernels, [("6.1", "CFS", 1), ("6.12", "EEVDF", 1), ("6.18", "EEVDF", 4)]);
    let kernel = &report.kernels["6.18"].mean;
    assert_eq!((kernel.pick_workloads, &kernel.left_out[..]), (2, &["rare".to_owned()][..]));
    assert!(close(kernel.pick["lstm"].top1, f64::midpoint(40.0 / 80.0, 1.0)));
    let machines: Vec<_> =
        report.machines.iter().map(|(name, m)| (&**name, &*m.class, m.traces)).collect();
    assert_eq!(
        machines,
        [("6.1", "CFS", 1), ("6.12", "EEVDF", 1), ("6.18", "EEVDF", 3), ("6.18x8", "EEVDF", 1)]
    );
    assert!(close(report.machines["6.18x8"].mean.pick["lstm"].top1, 1.0));
}

#[test]
fn what_is_sure_and_right_can_be_answered() {
    let report = example();
    // Of 80, 40 are said surely and are right; the rest, all wrong, comes in one piece and is too
    // much.
    assert!(close(report.workloads["both@6.18"].scores.pick["lstm"].answered_at_90, 0.5));
    // All are as sure as each other: 50 of 100 right is not enough for any.
    assert!(close(report.workloads["one@6.12"].scores.forecast["tcn"].answered_at_90, 0.0));
    assert!(close(report.workloads["rare"].scores.pick["tcn"].answered_at_90, 1.0));
}

/// Equal up to the last digits of numbers, which text need not keep.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => close(a.as_f64().unwrap(), b.as_f64().unwrap()),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn tables_and_json_of_a_kept_report() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.json");
    let kept = serde_json::to_value(example()).unwrap();
    std::fs::write(&file, kept.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let again: Value = serde_json::from_str(&text(&["eval", "--report", file, "--json"])).unwrap();
    assert!(same(&again, &kept), "it comes back as it was:\n{again}\n{kept}");
    let mut other = kept.clone();
    other["workloads"]["one"]["pick"]["tcn"]["top1_max"] = 0.701.into();
    assert!(!same(&other, &kept));
    insta::assert_snapshot!("report_markdown", text(&["eval", "--report", file, "--markdown"]));
    let args = ["eval", "--report", file, "--measures", "top1,nll", "--slices"];
    insta::assert_snapshot!("report_text", text(&args));
}

/// Without a key wherever it stands.
fn without(value: &mut Value, key: &str) {
    if let Value::Object(of) = value {
        of.remove(key);
        of.values_mut().for_each(|value| without(value, key));
    } else if let Value::Array(of) = value {
        for value in of {
            without(value, key);
        }
    }
}

#[test]
fn a_report_from_before_forecasts_had_candidates_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.json");
    let mut kept = serde_json::to_value(example()).unwrap();
    without(&mut kept, "forecast_coverage");
    assert!(!kept.to_string().contains("forecast_coverage"));
    std::fs::write(&file, kept.to_string()).unwrap();
    let text = text(&["eval", "--report", file.to_str().unwrap(), "--by", "machine"]);
    let row = text.lines().rfind(|line| line.starts_with("6.12 ")).unwrap();
    assert_eq!(row.split_whitespace().nth(2), Some("–"), "it does not say:\n{text}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The results are what their command prints of the report beside the bundled model: the report is
/// made when a model is, the tables are held to it here.
#[test]
fn the_results_in_the_docs_are_those_of_the_bundled_models_report() {
    let page = std::fs::read_to_string(root().join("docs/results.md")).unwrap();
    let (above, from) = page.split_once("<!-- results").expect("the results open");
    let (_, from) = from.split_once("-->\n").expect("their comment ends");
    let (tables, _) = from.split_once("<!-- /results -->").expect("the results close");
    let command = above.rsplit("```").nth(1).expect("a block with the command above").trim();
    assert_eq!(command, "koracle eval --by machine --markdown");
    let report = root().join("assets/models/tcn.report.json");
    let printed =
        text(&["eval", "--report", report.to_str().unwrap(), "--by", "machine", "--markdown"]);
    assert!(
        tables.trim() == printed.trim(),
        "the results in docs/results.md differ from the report; put in what this prints:\n\
         koracle eval --report assets/models/tcn.report.json --by machine --markdown\n{printed}"
    );
}

/// The README has one line for each network and for the strongest rules.
#[test]
fn the_short_results_in_the_readme_are_those_of_the_same_report() {
    let report: Value = serde_json::from_slice(
        &std::fs::read(root().join("assets/models/tcn.report.json")).unwrap(),
    )
    .unwrap();
    let line = |name: &&str| {
        let [pick, forecast] = ["pick", "forecast"]
            .map(|q| 100.0 * report["macro"][q][name]["top1"].as_f64().unwrap());
        format!("| `{name}` | {pick:.1} | {forecast:.1} |")
    };
    let lines: Vec<String> =
        ["tcn", "lstm", "mlp", "ppm", "eevdf", "fifo"].iter().map(line).collect();
    let table = format!("| | pick, % | forecast, % |\n|---|---:|---:|\n{}", lines.join("\n"));
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, from) = readme.split_once("<!-- results in short").expect("the short results open");
    let (_, from) = from.split_once("-->\n").expect("their comment ends");
    let (told, _) = from.split_once("<!-- /results in short -->").expect("the short results close");
    assert!(told.trim() == table, "put this into README.md:\n{table}");
}

/// Beside the numbers, the structure: what is printed of a scored recording has the tables that
/// docs/results.md shows.
#[test]
fn the_tables_are_those_that_a_scored_recording_gets() {
    let headings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| l.starts_with("#### "));
        lines.map(|l| l.split(" over ").next().unwrap().to_owned()).collect()
    };
    let rows = |text: &str| -> Vec<String> {
        let lines =
            text.lines().filter(|l| l.starts_with("| workload") || l.starts_with("| measure"));
        let before_predictors = |l: &str| {
            l.split('|').map(str::trim).take_while(|c| *c != "tcn").collect::<Vec<_>>().join("|")
        };
        lines.map(before_predictors).collect()
    };
    let packed =
        std::fs::read(Path::new(&root()).join("traces/hackbench-pipe-2g_run0.csv.zst")).unwrap();
    let csv = String::from_utf8(zstd::stream::decode_all(&packed[..]).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("part.csv");
    std::fs::write(&file, csv.split_inclusive('\n').take(3_000).collect::<String>()).unwrap();
    let scored = text(&["eval", "--markdown", "--predictors", "tcn,fifo", file.to_str().unwrap()]);
    let kept = root().join("assets/models/tcn.report.json");
    let shown = text(&["eval", "--report", kept.to_str().unwrap(), "--markdown"]);
    assert_eq!(headings(&scored), headings(&shown));
    assert_eq!(rows(&scored), rows(&shown));
    assert_eq!(rows(&shown).len(), 4);
}
