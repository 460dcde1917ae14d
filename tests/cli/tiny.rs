//! Recordings too small to score: why there is nothing, in a sentence, never a table of nothing.

use super::common::program::{fails, json, output};
use std::path::Path;

fn tiny(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny").join(name);
    path.to_str().unwrap().to_owned()
}

/// What is printed, and what is said beside it; the exit code is 0.
fn said(args: &[&str]) -> [String; 2] {
    let out = output(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    [out.stdout, out.stderr].map(|text| String::from_utf8(text).unwrap())
}

#[test]
fn eval_says_why_nothing_is_scored() {
    let one = tiny("one_switch.txt");
    fails(&["eval", &one, "--predictors", "lifo"], 1, "a longer recording has more");
    fails(&["eval", &one, "--predictors", "lifo"], 1, "no decision is scored");
    // Programs that read it get an object all the same.
    assert_eq!(
        json(&["eval", &one, "--predictors", "lifo", "--json"])["traces"][0]["decisions"],
        0
    );
    let folder = tempfile::tempdir().unwrap();
    let answers = folder.path().join("answers.csv");
    std::fs::write(&answers, "event,predicted\n0,200\n").unwrap();
    let answers = answers.to_str().unwrap();
    fails(&["score", answers, &one, "--predictors", "none"], 1, "a longer recording has more");
}

#[test]
fn eval_says_why_no_pick_is_scored() {
    let few = tiny("no_wakeups.txt");
    let [text, beside] = said(&["eval", &few, "--predictors", "lifo"]);
    assert!(text.contains("Forecast: top-1"), "forecasts need no wake-ups: {text}");
    assert!(beside.contains("no pick to score: no wake-ups were recorded"), "{beside}");
}

#[test]
fn mistakes_says_why_the_list_is_empty() {
    let one = tiny("one_switch.txt");
    let [text, _] = said(&["mistakes", &one, "--predictor", "lifo"]);
    assert!(text.starts_with("nothing to list: too few events"), "{text}");
    let [text, beside] = said(&["mistakes", &one, "--predictor", "lifo", "--csv"]);
    assert_eq!(text.lines().count(), 1);
    assert!(beside.contains("nothing to list") && !beside.contains("like that"), "{beside}");
    let [text, _] = said(&["mistakes", &one, "--predictor", "lifo", "--why", "0"]);
    assert!(text.contains("no pick is asked here, unknown time before"), "{text}");
}

#[test]
fn no_pick_is_as_the_rule_says_where_none_could_be_decided() {
    let one = tiny("one_switch.txt");
    let [text, _] = said(&["conform", &one]);
    assert!(text.contains("no pick could be decided") && !text.contains("100.000 % are"), "{text}");
    assert!(json(&["conform", &one, "--json"]).to_string().contains("\"share\":null"));
}
