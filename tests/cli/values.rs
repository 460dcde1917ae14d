//! Every option with a closed set of values, or a number with limits, refuses all others with exit
//! code 2 before anything is read or made; and so do options that have no effect together.

use super::common::program::{fails, output};
use super::common::recordings;
use std::path::Path;

const TCN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/tcn.koracle");

/// A command line after the program's name, `@` for a recording of 1,000 events, and a part of what
/// is said.
type Case = (&'static str, &'static str);

/// In a folder of its own, where nothing is left behind.
fn all_refused(cases: &[Case]) {
    let (_dir, path) = recordings::small(1_000);
    let path = path.to_str().unwrap();
    let here = tempfile::tempdir().unwrap();
    let [out, csv] = ["out.csv.zst", "out.csv"].map(|name| here.path().join(name));
    for (line, says) in cases {
        let word = |word| match word {
            "@" => path,
            "OUT" => out.to_str().unwrap(),
            "OUT.csv" => csv.to_str().unwrap(),
            "TCN" => TCN,
            word => word,
        };
        fails(&line.split(' ').map(word).collect::<Vec<_>>(), 2, says);
        assert!(std::fs::read_dir(here.path()).unwrap().next().is_none(), "{line}");
    }
    assert!(!Path::new("OUT").exists());
}

#[test]
fn a_value_that_is_none_of_the_known_ones() {
    all_refused(&[
        ("completions ksh", "possible values: bash"),
        ("conform @ --limit x", "--limit"),
        ("diff @ @ --model nobody", "--model: nobody is no predictor"),
        ("eval --adapt perhaps", "on or off"),
        ("eval --by cpu", "possible values: workload, machine"),
        ("eval --category nothing", "no recording of category nothing"),
        ("eval --kernel 9x @", "--kernel 9x: a kernel release"),
        ("eval --kernel nothing", "no recording of kernel nothing"),
        ("eval --machine nothing", "no recording of machine nothing"),
        ("eval --measures top1,top9", "possible values: top1, top3"),
        ("eval --model nobody", "--model: nobody is no network"),
        ("eval --predictors fifo,oracle", "possible values: tcn, lstm"),
        ("eval --rules eevdf,best", "possible values: eevdf"),
        ("eval --split exam", "possible values: train"),
        ("eval --workload nothing", "no recording of workload nothing"),
        ("experiment luck -o OUT", "possible values: hold-out"),
        ("experiment seeds -o OUT --model oracle", "possible values: tcn"),
        ("experiment seeds -o OUT --split exam", "possible values: train"),
        ("experiment hold-out -o OUT --category nothing", "nothing"),
        ("export @ -f perfetto --predictor oracle -o OUT", "possible values: tcn"),
        ("export @ -f perfetto --model nobody -o OUT.csv", "--model: nobody is no network"),
        ("frontier --split exam", "possible values: train"),
        ("frontier --model nobody", "--model: nobody is no network"),
        ("import @ -o OUT --events a..b", "is no number of events"),
        ("import @ -o OUT --events 3..3", "nothing in this range"),
        ("import @ -o OUT --events 5000..6000", "the recording has 1000 events"),
        ("info @ --autogroup perhaps", "on or off"),
        ("info @ --hz 0", "--hz"),
        ("info @ --kernel nothing", "a kernel release such as"),
        ("info @ --slice 0", "--slice"),
        ("mistakes @ --by colour", "possible values: t, cpu"),
        ("mistakes @ --by other", "--by other: this column is of a second model"),
        ("mistakes @ --where other_p>0.5", "name one with --compare"),
        ("mistakes @ --compare fifo --by other", "fifo is a column of its own"),
        ("mistakes @ --predictor oracle", "possible values: tcn"),
        ("mistakes @ --why 99999999", "the recording has 1000 events"),
        ("mistakes --why 3", "name just that one"),
        ("predict @ --predictor oracle -o OUT", "possible values: tcn"),
        ("predict @ --model nobody -o OUT.csv", "--model: nobody is no network"),
        ("record --local -o OUT --workload nothing", "nothing"),
        ("record --local -o OUT --workload hackbench-pipe-2g --seconds 0", "--seconds"),
        ("record --local -o OUT --workload hackbench-pipe-2g --buffer 0", "--buffer"),
        ("runs --config nobody", "nobody: no run is kept here"),
        ("runs --delete nobody --yes", "nobody: no run is kept here"),
        ("runs --export nobody", "nobody: no run is kept here"),
        ("train --resume nobody", "nobody: no run is kept here"),
        ("score @ @ --predictors nobody", "nobody"),
        ("score TCN @ --predictors=", "possible values: tcn, lstm"),
        ("score TCN @ --predictors tcn,,eevdf", "none, RUN, FILE]"),
        ("mistakes @ --compare=", "possible values: tcn, lstm"),
        ("mistakes @ --where foo=1", "columns: t, cpu"),
        ("mistakes @ --where rank=-1", "a whole number, 0 or more"),
        ("waits @ --where colour=1", "columns: "),
        ("train --print-config --traces OUT", "no such folder"),
        ("train -o OUT --traces OUT", "--traces: "),
        ("tasks @ --by cpu", "possible values: thread"),
        ("train -o OUT --model oracle", "--model"),
        ("train --print-config --only nothing", "no recording of category nothing"),
        ("train --print-config --hold-out nothing", "nothing"),
        ("train -o OUT --schedule never", "--schedule"),
        ("vm up nothing", "nothing"),
        ("vm up cfs --cpus 0", "--cpus"),
    ]);
}

#[test]
fn a_file_name_that_promises_something_else() {
    all_refused(&[
        ("export @ -f csv -o OUT", "is not compressed"),
        ("export @ -f ftrace -o x.txt.gz", "without .gz"),
        ("features @ -o x.txt", "ends in .npz, or -"),
        ("features @ -o OUT.csv", "ends in .npz, or -"),
        ("predict @ -o x.txt", "ends in .csv, or -"),
        ("predict @ --full -o OUT", "ends in .csv, or -"),
        ("predict @ -o x.npz", "ends in .csv, or -"),
        ("eval --report @", "this is a recording"),
    ]);
}

#[test]
fn a_value_that_is_named_twice() {
    all_refused(&[
        ("eval @ --rules eevdf,cfs,eevdf", "--rules: eevdf is named twice"),
        ("eval @ --predictors fifo,lifo,fifo", "--predictors: fifo is named twice"),
        ("eval @ --predictors fifo --measures nll,nll", "--measures: nll is named twice"),
        ("eval @ --model TCN --model TCN", "is named twice"),
        ("experiment models -o OUT --model mlp,mlp", "--model: mlp is named twice"),
        ("experiment kernels -o OUT --kernel 6.1 --kernel 6.1", "--kernel: 6.1 is named twice"),
        ("mistakes @ --by cpu,cpu", "--by: cpu is named twice"),
        ("score - @ --predictors fifo,fifo", "--predictors: fifo is named twice"),
    ]);
}

#[test]
fn a_number_outside_its_limits() {
    all_refused(&[
        ("bench --screens @ --cpus 0", "--cpus"),
        ("bench --steps tcn --channels -1", "a whole number, 0 or more"),
        ("conform @ --limit -1", "'-1' for '--limit <N>': a whole number, 0 or more"),
        ("info @ --hz abc", "'abc' for '--hz <N>': a whole number from 10 to 10000"),
        ("mistakes @ --why -1", "'-1' for '--why <EVENT>': a whole number, 0 or more"),
        ("mistakes @ --why 1.5", "a whole number, 0 or more"),
        ("predict @ --slice -5 -o OUT.csv", "a whole number from 1000 to 1000000000"),
        ("bench --screens @ --events 0", "--events"),
        ("bench --frames @ --training 0", "--training"),
        ("bench --frames @ --training 1 --seconds 0", "--seconds"),
        ("bench --steps tcn --channels 0", "channels: 0 is not in 1 to"),
        ("bench --steps tcn --blocks 0", "blocks: 0 is not in 1 to"),
        ("experiment seeds -o OUT --seeds 0", "--seeds"),
        ("experiment seeds -o OUT --epochs 0", "--epochs"),
        ("experiment seeds -o OUT --jobs 65", "--jobs"),
        ("train -o OUT --epochs 0", "--epochs"),
        ("train -o OUT --epochs -1", "a whole number from 1 to 10000"),
        ("train -o OUT --epochs 1e3", "a whole number from 1 to 10000"),
        ("train -o OUT --lr -1", "--lr: -1 is not a positive number"),
        ("train -o OUT --lr nan", "'nan' for '--lr <LR>': a positive number"),
        ("train -o OUT --memory-limit 0", "a whole number, 1 or more"),
        ("train -o OUT --memory-limit foo", "a whole number, 1 or more"),
        ("train -o OUT --seed -1", "a whole number, 0 or more"),
        ("train -o OUT --seed 99999999999999999999", "at most 18446744073709551615"),
        ("train -o OUT --weight-decay -1", "--weight-decay: -1 is not zero or a positive number"),
        ("train -o OUT --batch 0", "--batch"),
        ("train -o OUT --chunk 0", "--chunk"),
        ("train -o OUT --channels 99999", "--channels"),
        ("train -o OUT --clip=-1", "--clip"),
        ("train -o OUT --weight-decay=-1", "--weight-decay"),
        ("waits @ --top x", "--top"),
        ("waits @ --top 0", "a whole number, 1 or more"),
        ("waits @ --from 2s --to 1s", "nothing lies between"),
    ]);
}

#[test]
fn options_that_have_no_effect_together() {
    all_refused(&[
        ("bench --decisions --train", "--train"),
        ("diff - -", "cannot both be standard input"),
        ("score - -", "cannot both be standard input"),
        ("score TCN @ --predictors none,tcn", "none stands alone"),
        ("bench --seconds 3", "--training"),
        ("bench --steps tcn --model TCN", "--model"),
        ("bench --steps tcn --train", "--train"),
        ("bench --screens @ --train", "--train"),
        ("eval --json --markdown", "--markdown"),
        ("eval --predictors fifo --adapt on", "--adapt is for networks"),
        ("eval --predictors fifo --model TCN", "which --predictors does not name"),
        ("eval --rules eevdf --measures top3", "--measures"),
        ("eval --rules eevdf --by machine", "--by"),
        ("eval @ --truth --adapt on", "--adapt"),
        ("eval @ --split test", "--split"),
        ("export @ -f csv --predictor fifo -o OUT", "only in --format perfetto"),
        ("export @ -f ftrace --model TCN -o OUT", "only in --format perfetto"),
        (
            "export @ -f perfetto --predictor fifo --model TCN -o OUT.csv",
            "--model is for a network",
        ),
        ("mistakes @ --predictor fifo --model TCN", "--model is for a network, not for fifo"),
        ("mistakes @ --why 3 --by prev", "--by"),
        (
            "predict @ --predictor fifo --model TCN -o OUT.csv",
            "--model is for a network, not for fifo",
        ),
        ("predict @ --predictor lstm --model TCN -o OUT.csv", "the model is for tcn, not for lstm"),
        ("record --local -o OUT --ssh-config x -- true", "--ssh-config"),
        ("runs --json --export x", "--export"),
        ("runs --yes", "--delete"),
        ("waits @ --json --csv", "--csv"),
    ]);
}

/// What a command that succeeds says on standard output, and beside it on standard error.
fn says(args: &[&str]) -> [String; 2] {
    let out = output(args);
    let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(out.status.code(), Some(0), "{args:?}: {}", said[1]);
    said
}

#[test]
fn an_event_that_is_no_switch_is_told_where_switches_are() {
    let (_dir, path) = recordings::small(1_000);
    let path = path.to_str().unwrap();
    let rows = std::fs::read_to_string(path).unwrap();
    let is_switch: Vec<bool> = rows.lines().skip(1).map(|row| row.contains(",switch,")).collect();
    let event = is_switch.iter().position(|is| !is).unwrap();
    let nearest = (0..is_switch.len()).filter(|i| is_switch[*i]).min_by_key(|i| i.abs_diff(event));
    let [event, nearest] = [event, nearest.unwrap()].map(|n| n.to_string());
    let args = ["mistakes", path, "--predictor", "fifo", "--why"];
    let says = format!("no switch; the nearest switch is {nearest}; the numbers of decisions are");
    fails(&[&args[..], &[&event]].concat(), 2, &says);
    assert!(output(&[&args[..], &[&nearest]].concat()).status.success());
}

#[test]
fn what_is_told_against_the_recording_is_said_in_one_line() {
    // With its metadata beside it.
    let path = recordings::path("hackbench-pipe-2g_run3");
    let path = path.to_str().unwrap();
    let told = ["--kernel", "6.1", "--hz", "100", "--slice", "5000", "--autogroup", "off"];
    let note = |args: &[&str]| says(args)[1].clone();
    for command in [&["info"][..], &["eval", "--predictors", "fifo"], &["waits"], &["conform"]] {
        let said = note(&[command, &[path], &told].concat());
        assert_eq!(said.matches("koracle: note:").count(), 1, "{command:?} {said}");
        for part in [
            "--kernel 6.1 (CFS) goes before",
            "--hz 100 goes before the recorded 250",
            "recorded on",
        ] {
            assert!(said.contains(part), "{command:?} {said}");
        }
        assert!(!said.contains("--slice"), "the recording does not say it: {said}");
        assert_eq!(note(&[command, &[path]].concat()), "", "{command:?}");
    }
    assert_eq!(note(&["info", path, "--kernel", "6.18", "--hz", "250"]), "");
    assert!(note(&["info", path, "--kernel", "6.12"]).contains("means the same scheduler"));
}

#[test]
fn of_no_decision_nothing_else_is_said() {
    let (_dir, path) = recordings::small(1_000);
    let args = ["mistakes", path.to_str().unwrap(), "--predictor", "fifo"];
    let of = |more: &[&str]| says(&[&args[..], more].concat());
    let [text, _] = of(&["--where", "cpu=99"]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("no decision is like that: cpu=99"), "{text}");
    let [text, beside] = of(&["--where", "cpu=99", "--csv"]);
    assert_eq!(
        (text.lines().count(), beside.as_str()),
        (1, "koracle: note: no decision is like that\n")
    );
    let [text, beside] = of(&["--where", "hit", "--csv"]);
    assert!(text.lines().count() == 1 && beside.contains("--all lists"), "{beside}");
    let [text, beside] = of(&["--where", "hit", "--csv", "--all"]);
    assert!(text.lines().count() > 1 && beside.is_empty(), "{beside}");
    let [text, _] = of(&["--where", "hit"]);
    assert!(text.contains("--all lists") && !text.contains("### Wrong decisions"), "{text}");
}

#[test]
fn no_page_has_two_blank_lines() {
    let (_dir, path) = recordings::small(1_000);
    let path = path.to_str().unwrap();
    for args in [&["waits", path, "--top", "2"][..], &["waits", path], &["tasks", path]] {
        let [text, _] = says(args);
        assert!(!text.contains("\n\n\n"), "{args:?} {text}");
    }
}
