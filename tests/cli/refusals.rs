//! What the command line refuses: wrong usage, bad input, bad targets; each with its exit code and a
//! message that names the culprit.

use super::common::program::{fails, koracle};
use super::common::recordings;
use std::path::Path;

#[test]
fn bad_input_has_a_message_and_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let missing = dir.path().join("none.csv.zst");
    fails(&["info", missing.to_str().unwrap()], 1, "none.csv.zst");
    fails(&["info", dir.path().to_str().unwrap()], 1, "directory");
    fails(&["info", &file("empty.csv", b"")], 1, "empty");
    let junk: Vec<u8> =
        (0..5_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    fails(&["info", &file("junk", &junk)], 1, "not a recording");
    let header_only = std::fs::read(recordings::path("cpu-bound-4p_run3")).unwrap()[..12].to_vec();
    fails(&["info", &file("cut.csv.zst", &header_only)], 1, "cut.csv.zst");
}

#[test]
fn wrong_usage_is_code_2() {
    fails(&["info"], 2, "TRACE");
    fails(&["eval", "--predictors", "oracle"], 2, "possible values: tcn, lstm, mlp, ppm");
    fails(
        &["eval", "--report", "Cargo.toml"],
        1,
        "Cargo.toml: no report that `koracle eval --json` wrote",
    );
    fails(&["tasks", "x", "--where", "wait>1"], 2, "wait>1");
    fails(&["eval", "--split", "exam"], 2, "possible values: train, validation, test");
    fails(&["export", "x", "--format", "parquet", "-o", "-"], 2, "parquet");
    fails(&["info", "--no-such-option", "x"], 2, "--no-such-option");
}

#[test]
fn the_explorer_refuses_before_it_takes_the_screen() {
    fails(&["recrod"], 2, "no such command or file: recrod");
    fails(&["recrod", "nor-this.csv"], 2, "no such command or file: recrod");
    fails(&["-"], 1, "standard output is not a terminal");
    let (_dir, path) = recordings::small(10);
    fails(&[path.to_str().unwrap()], 1, "standard output is not a terminal");
    fails(&[path.to_str().unwrap(), "gone.csv"], 1, "no such file: gone.csv");
    fails(&[], 1, "standard output is not a terminal");
    fails(
        &["--compare", "nobody", path.to_str().unwrap()],
        2,
        "nobody is no predictor, run or model file",
    );
    fails(&["--compare", "mlp", path.to_str().unwrap()], 1, "standard output is not a terminal");
}

#[test]
fn errors_of_the_output_name_the_target() {
    let (dir, path) = recordings::small(300);
    let path = path.to_str().unwrap();
    let folder = dir.path().to_str().unwrap();
    fails(&["predict", path, "-o", folder], 1, "this is a directory");
    fails(&["export", path, "--format", "csv", "-o", folder], 1, "this is a directory");
    let nowhere = dir.path().join("none").join("x.csv");
    let assert = koracle(&["predict", path, "-o", nowhere.to_str().unwrap()]).assert().code(1);
    let says = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(says.contains(nowhere.to_str().unwrap()) && !says.contains(".koracle-"), "{says}");
    if Path::new("/dev/full").exists() {
        fails(&["predict", path, "-o", "/dev/full"], 1, "/dev/full: No space left");
        fails(
            &["export", path, "--format", "ftrace", "-o", "/dev/full"],
            1,
            "/dev/full: No space left",
        );
    }
}

#[test]
fn a_recording_is_not_written_over_itself() {
    let (dir, path) = recordings::small(100);
    let before = std::fs::read(&path).unwrap();
    let again = dir.path().join(".").join("small.csv");
    fails(&["import", path.to_str().unwrap(), "-o", again.to_str().unwrap()], 2, "another name");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_model_variable_is_named_and_may_be_empty() {
    let (dir, path) = recordings::small(200);
    let path = path.to_str().unwrap();
    koracle(&["predict", path, "-o", "-"]).env("KORACLE_MODEL", "").assert().success();
    let none = dir.path().join("none.koracle");
    let assert =
        koracle(&["predict", path, "-o", "-"]).env("KORACLE_MODEL", &none).assert().code(1);
    let says = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(says.contains("KORACLE_MODEL") && says.contains("none.koracle"), "{says}");
    let junk = dir.path().join("junk.koracle");
    std::fs::write(&junk, "junk").unwrap();
    let assert =
        koracle(&["predict", path, "-o", "-"]).env("KORACLE_MODEL", &junk).assert().code(1);
    let says = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(says.contains("KORACLE_MODEL") && says.contains("junk.koracle"), "{says}");
}

#[test]
fn a_model_file_that_was_cut_or_goes_on_is_told_by_that() {
    let (dir, path) = recordings::small(200);
    let whole = std::fs::read("assets/models/tcn.koracle").unwrap();
    let model = dir.path().join("m.koracle");
    let args = ["predict", path.to_str().unwrap(), "--model", model.to_str().unwrap(), "-o", "-"];
    let size = format!("cut short: by its header it has {} bytes", whole.len());
    for cut in [20_000, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        std::fs::write(&model, &whole[..cut]).unwrap();
        fails(&args, 1, &size);
    }
    for cut in [9, 15, 100] {
        std::fs::write(&model, &whole[..cut]).unwrap();
        fails(&args, 1, "cut short: it ends inside its header");
    }
    let mut changed = whole.clone();
    changed[30_000] ^= 0x55;
    std::fs::write(&model, changed).unwrap();
    fails(&args, 1, "the checksum does not match: bytes in the file were changed; copy it again");
    for (more, says) in [(1, "1 byte too many"), (6, "6 bytes too many")] {
        std::fs::write(&model, [&whole[..], &vec![b'x'; more]].concat()).unwrap();
        fails(&args, 1, &format!("m.koracle, byte {}: {says}", whole.len()));
    }
}

#[test]
fn a_device_that_was_not_built_in_is_refused_before_a_run_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let train = |device: &str, code, says: &str| {
        fails(&["train", "--device", device, "-o", run.to_str().unwrap()], code, says);
    };
    train("gpu", 2, "cpu, cuda, cuda:N, wgpu, wgpu:N");
    for (kind, built) in [("cuda", cfg!(feature = "cuda")), ("wgpu", cfg!(feature = "wgpu"))] {
        if !built {
            train(&format!("{kind}:1"), 1, &format!("`cargo build --release --features {kind}`"));
        }
    }
    assert!(!run.exists(), "nothing was made");
}

#[test]
fn wrong_values_are_wrong_usage() {
    let (_dir, path) = recordings::small(1_000);
    let path = path.to_str().unwrap();
    for (args, says) in [
        (&["train", "--lr", "nan", "-o", "never"][..], "'nan' for '--lr <LR>': a positive number"),
        (&["train", "--taps", "0", "-o", "never"], "--taps: 0 is not in 2 to 8"),
        (&["train", "--batch", "0", "-o", "never"], "--batch"),
        (&["train", "--forecast-weight", "nan", "-o", "never"], "--forecast-weight"),
        (&["train", "--memory-limit", "0", "-o", "never"], "--memory-limit"),
        (&["eval", "--category", "zork"], "no recording of category zork"),
        (&["mistakes", "--compare", "zork", path], "--compare: zork"),
        (&["mistakes", "--why", "99999999", path], "--why 99999999: the recording has 1000 events"),
        (&["record", "--local", "-o", "x.txt", "--", "true"], "ends in .csv.zst"),
        (&["import", path, "-o", "x.txt"], "x.txt: a native recording's name ends in .csv.zst"),
        (&["mistakes", path, "--where", "p>2"], "column 3: p is a share"),
        (&["mistakes", path, "--where", "state=Q"], "column 7: no state \"Q\""),
        (&["waits", path, "--where", "kind=sleepy"], "column 6: kind is one of"),
        (
            &["train", "--resume", "tcn-001", "--device", "cpu", "--epochs", "18", "--lr", "0.5"],
            "koracle train --config tcn-001 --epochs",
        ),
        (&["score", path, path], "the answers come first"),
    ] {
        fails(args, 2, says);
    }
    fails(&["runs", "not-there"], 1, "not-there: no such folder");
}

#[test]
fn what_leaves_no_recording_is_wrong_usage_and_makes_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let out = out.to_str().unwrap();
    let machines = ["6.1", "6.1x4", "6.12", "6.12x8", "6.18"];
    let all: Vec<&str> =
        machines.iter().flat_map(|m| ["--hold-out", m]).chain(["train", "-o", out]).collect();
    let train: Vec<&str> = all.iter().skip(10).chain(&all[..10]).copied().collect();
    fails(&train, 2, "no recording is left to train on");
    fails(
        &["train", "-o", out, "--hold-out", "6.12x9"],
        2,
        "no recording of category or machine 6.12x9; there are",
    );
    fails(&["eval", "--machine", "6.12x8", "--kernel", "6.1"], 2, "is of that kind");
    fails(&["experiment", "machines", "-o", out, "--machine", "6.12x9"], 2, "there are 6.1, 6.12");
    fails(
        &["experiment", "hold-out", "-o", out, "--machine", "6.1"],
        2,
        "--machine is for machines",
    );
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}
