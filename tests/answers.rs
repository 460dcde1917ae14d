//! Answers and inputs for other programs: what `predict` writes and `score` reads back gives what
//! `eval` says, a file that is wrong is refused with its line, and the arrays of `features` fit
//! each other and the recording.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::program::output;
use common::recordings;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;

const PREDICTORS: [&str; 2] = ["tcn", "ppm"];

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/long_queues.csv.zst")
}

fn done(args: &[&str]) -> String {
    let out = output(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The report of one recording.
fn report(args: &[&str]) -> Value {
    let all: Value = serde_json::from_str(&done(args)).unwrap();
    all["traces"][0].clone()
}

fn figure(report: &Value, question: &str, who: &str, name: &str) -> f64 {
    report[question][who][name].as_f64().unwrap_or_else(|| panic!("no {name} of {who} in {report}"))
}

#[test]
fn what_predict_writes_scores_as_eval_says() {
    let (dir, trace) = (tempfile::tempdir().unwrap(), recording());
    let trace = trace.to_str().unwrap();
    for who in PREDICTORS {
        let ours = report(&["eval", trace, "--predictors", who, "--json"]);
        for full in [false, true] {
            let file = dir.path().join(format!("{who}-{full}.csv"));
            let file = file.to_str().unwrap();
            let mut args = vec!["predict", trace, "--predictor", who, "-o", file];
            args.extend(full.then_some("--full"));
            done(&args);
            let theirs = report(&["score", file, trace, "--predictors", "none", "--json"]);
            assert_eq!(theirs["non_trivial"], ours["non_trivial"]);
            // A full file has every probability, the other one that of one thread.
            let exact: &[&str] = if full { &["top1", "top3", "mrr", "nll"] } else { &["top1"] };
            for name in exact {
                let [a, b] =
                    [figure(&theirs, "pick", "answers", name), figure(&ours, "pick", who, name)];
                assert!((a - b).abs() < 2e-3, "pick {name} of {who}, full {full}: {a} and {b}");
            }
            let [a, b] = [
                figure(&theirs, "forecast", "answers", "top1"),
                figure(&ours, "forecast", who, "top1"),
            ];
            assert!((a - b).abs() < 2e-3, "forecast of {who}, full {full}: {a} and {b}");
        }
    }
}

/// Rows of a table, by the names of its columns.
fn rows(text: &str) -> Vec<HashMap<String, String>> {
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    csv.deserialize().collect::<Result<_, _>>().unwrap()
}

/// The share of those that are right.
fn share(right: impl IntoIterator<Item = bool>) -> f64 {
    let right: Vec<bool> = right.into_iter().collect();
    right.iter().filter(|right| **right).count() as f64 / right.len() as f64
}

/// Right or wrong of each scored question in a table with a row for each candidate: the most
/// probable one came in.
fn most_probable(rows: &[HashMap<String, String>], question: &str) -> Vec<bool> {
    let of = |row: &&HashMap<String, String>| row["question"] == question && row["scored"] == "1";
    let mut best: HashMap<&str, (f32, bool)> = HashMap::new();
    for row in rows.iter().filter(of) {
        let p: f32 = row["p"].parse().unwrap();
        let first = best.entry(&row["event"]).or_insert((-1.0, false));
        if p > first.0 {
            *first = (p, row["real"] == "1");
        }
    }
    best.into_values().map(|(_, right)| right).collect()
}

#[test]
fn the_rows_that_predict_marks_as_scored_give_the_figures_of_eval() {
    let trace = recordings::argument("hackbench-pipe-2g_run3");
    for who in ["tcn", "lifo"] {
        let eval = report(&["eval", &trace, "--predictors", who, "--json"]);
        let wide = rows(&done(&["predict", &trace, "--predictor", who, "-o", "-"]));
        let full = rows(&done(&["predict", &trace, "--predictor", who, "--full", "-o", "-"]));
        for (question, scored, named) in
            [("pick", "pick_scored", "predicted"), ("forecast", "forecast_scored", "forecast")]
        {
            let all = || wide.iter().map(|row| row[named] == row["real"]);
            let marked = || {
                let marked = wide.iter().filter(|row| row[scored] == "1");
                marked.map(|row| row[named] == row["real"])
            };
            let told = eval[question][who]["top1"].as_f64();
            let Some(told) = told else {
                assert_eq!(marked().count(), 0, "{who} answers no {question}");
                continue;
            };
            let close = |share: f64| (share - told).abs() < 1e-12;
            assert!(close(share(marked())), "{question} of {who}: {} for {told}", share(marked()));
            let full = share(most_probable(&full, question));
            assert!(close(full), "{question} of {who}, full: {full} for {told}");
            // All rows together say something else: this recording has rows that do not count.
            assert!(!close(share(all())), "{question} of {who}");
        }
        let picks = wide.iter().filter(|row| row["pick_scored"] == "1").count();
        assert_eq!(eval["non_trivial"], picks);
    }
    // Who reads the table learns of it where he looks.
    let help = done(&["predict", "--help"]);
    assert!(help.contains("pick_scored = 1") && help.contains("forecast_scored = 1"), "{help}");
}

#[test]
fn what_is_not_answered_is_wrong_and_said() {
    let (dir, trace) = (tempfile::tempdir().unwrap(), recording());
    let trace = trace.to_str().unwrap();
    let [whole, half] = ["whole.csv", "half.csv"].map(|name| dir.path().join(name));
    done(&["predict", trace, "--predictor", "ppm", "-o", whole.to_str().unwrap()]);
    let text = std::fs::read_to_string(&whole).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(i, _)| *i == 0 || i % 2 == 1)
        .map(|(_, line)| line)
        .collect();
    std::fs::write(&half, kept.join("\n")).unwrap();
    let score = |file: &Path| {
        output(&["score", file.to_str().unwrap(), trace, "--predictors", "none", "--json"])
    };
    let top1 = |out: &Output| {
        let all: Value = serde_json::from_slice(&out.stdout).unwrap();
        ["pick", "forecast"].map(|question| figure(&all["traces"][0], question, "answers", "top1"))
    };
    let [all, some] = [&whole, &half].map(|file| score(file));
    assert!(!String::from_utf8_lossy(&all.stderr).contains("no answer"));
    let said = String::from_utf8_lossy(&some.stderr).into_owned();
    assert!(
        said.contains("scored picks: they count as wrong") && said.contains("scored forecasts"),
        "{said}"
    );
    // Nobody is called so.
    let other = dir.path().join("other.csv");
    let wrong: Vec<String> = text
        .lines()
        .take(1_000)
        .skip(1)
        .map(|l| l.split(',').nth(2).unwrap().to_owned() + ",nobody:2000000")
        .collect();
    std::fs::write(&other, format!("event,predicted\n{}", wrong.join("\n"))).unwrap();
    let said = String::from_utf8_lossy(&score(&other).stderr).into_owned();
    assert!(said.contains("answered with nobody who was a candidate: wrong"), "{said}");
    for (some, all) in top1(&some).into_iter().zip(top1(&all)) {
        assert!(some > 0.3 * all && some < 0.7 * all, "{some} of {all}");
    }
}

#[test]
fn an_answer_that_cannot_be_is_refused_with_its_line() {
    let (dir, trace) = (tempfile::tempdir().unwrap(), recording());
    let file = dir.path().join("answers.csv");
    let first = done(&["predict", trace.to_str().unwrap(), "--predictor", "fifo", "-o", "-"]);
    let event = first.lines().nth(1).unwrap().split(',').nth(2).unwrap().to_owned();
    for (text, says) in [
        ("event,who\n1,2\n".to_owned(), "line 1: no answers"),
        (format!("event,predicted,p,p\n{event},12,1,0\n"), "line 1: column `p` is there twice"),
        (format!("event,predicted, event\n{event},12,1\n"), "line 1: column `event`"),
        (format!("event,predicted\n{event},bash:12\nx,bash:12\n"), "line 3: event `x` is no index"),
        (format!("event,predicted\n{event},bash\n"), "line 2: thread `bash`"),
        (format!("event,predicted\n{event},12\n{event},13\n"), "line 3: event"),
        (format!("event,predicted,p\n{event},12,-1\n"), "line 2: p `-1`"),
        (format!("event,predicted,p\n{event},12,1.7\n"), "line 2: p 1.7"),
        ("event,predicted\n".to_owned(), "there is no answer in it"),
        ("event,predicted\n99999999,12\n".to_owned(), "line 2: event 99999999: the recording has"),
        (
            format!("event,question,thread,p\n{event},pick,12,0.5\n{event},guess,12,0.5\n"),
            "line 3: question `guess`",
        ),
        (
            format!("event,question,thread,p\n{event},pick,12,0.5\n{event},pick,a:12,0.5\n"),
            "line 3: a:12 was answered",
        ),
        (format!("event,question,thread,p\n{event},pick,12\n"), "line: 2"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let out = output(&["score", file.to_str().unwrap(), trace.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(said.contains(says) && said.contains("answers.csv"), "{text}{said}");
    }
    let out = output(&["score", "-", trace.to_str().unwrap(), "--predictors", "nobody"]);
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
}

/// An array of the archive: its type, its shape, its bytes.
type Array = (String, Vec<usize>, Vec<u8>);

fn arrays(path: &Path) -> HashMap<String, Array> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut all = HashMap::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let length = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let head = String::from_utf8(bytes[10..length].to_vec()).unwrap();
        let between = |from: &str, to: &str| {
            head.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned()
        };
        let shape =
            between("'shape': (", ")").split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let name = file.name().unwrap().strip_suffix(".npy").unwrap().to_owned();
        all.insert(name, (between("'descr': '", "'"), shape, bytes.split_off(length)));
    }
    all
}

fn numbers<const N: usize>(array: &Array) -> Vec<[u8; N]> {
    array.2.chunks_exact(N).map(|bytes| bytes.try_into().unwrap()).collect()
}

#[test]
fn arrays_fit_each_other_and_what_eval_counts() {
    let (dir, trace) = (tempfile::tempdir().unwrap(), recording());
    let (trace, file) = (trace.to_str().unwrap(), dir.path().join("x.npz"));
    done(&["features", trace, "-o", file.to_str().unwrap()]);
    let all = arrays(&file);
    let scored = report(&["eval", trace, "--predictors", "fifo", "--json"]);
    for kind in ["pick", "forecast"] {
        let get = |name: &str| &all[&format!("{kind}_{name}")];
        let first: Vec<i64> = numbers(get("first")).into_iter().map(i64::from_le_bytes).collect();
        let target: Vec<i32> = numbers(get("target")).into_iter().map(i32::from_le_bytes).collect();
        let pid: Vec<i32> = numbers(get("pid")).into_iter().map(i32::from_le_bytes).collect();
        let (rows, questions) = (get("rows"), target.len());
        assert_eq!(rows.1, [*first.last().unwrap() as usize, get("rows_names").1[0]]);
        assert_eq!((rows.0.as_str(), rows.2.len()), ("<f4", 4 * rows.1[0] * rows.1[1]));
        assert_eq!((first.len(), pid.len()), (questions + 1, rows.1[0]));
        assert_eq!(get("query").1, [questions, get("query_names").1[0]]);
        for name in ["scored", "event", "answered", "time_ns", "cpu", "tokens"] {
            assert_eq!(get(name).1, [questions], "{kind}_{name}");
        }
        for (i, target) in target.iter().enumerate() {
            let candidates = &pid[first[i] as usize..first[i + 1] as usize];
            assert!(*target < candidates.len() as i32, "{kind} {i}");
            let mut different = candidates.to_vec();
            different.sort_unstable();
            different.dedup();
            assert_eq!(
                different.len(),
                candidates.len(),
                "{kind} {i}: a pid stands for one candidate"
            );
        }
        let is_scored = |i: &usize| get("scored").2[*i] == 1;
        let asked = (0..questions).filter(is_scored).count();
        let found = (0..questions).filter(is_scored).filter(|i| target[*i] >= 0).count();
        let share = found as f64 / asked as f64;
        if kind == "pick" {
            assert_eq!(asked as u64, scored["non_trivial"].as_u64().unwrap());
            assert!((share - scored["coverage_non_trivial"].as_f64().unwrap()).abs() < 1e-9);
        } else {
            assert!((share - scored["forecast_coverage"].as_f64().unwrap()).abs() < 1e-9);
        }
    }
    let steps = all["token_kind"].1[0];
    assert!(
        steps > 0
            && ["token_rank", "token_state", "token_cpu", "token_event"]
                .iter()
                .all(|n| all[*n].1 == [steps])
    );
    assert_eq!(all["token_x"].1, [steps, all["token_x_names"].1[0]]);
}
