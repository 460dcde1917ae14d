//! The settings of a training as a file: printed, read again, overruled by options; what is wrong
//! in one is named with its line.

#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

#[path = "train/tiny.rs"]
mod tiny;

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::path::Path;
use tiny::tiny_catalog;

fn koracle(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("koracle").unwrap();
    command.args(args).current_dir(folder).env("NO_COLOR", "1").env("KORACLE_RUNS", "kept");
    command
}

fn printed(folder: &Path, args: &[&str]) -> String {
    let output = koracle(folder, args).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

/// A network that is trained in a moment.
const SMALL: &str = "channels = 4\nblocks = 1\nhidden = 4\nhidden2 = 0\nforecast = 4\n\
                     forecast2 = 0\nchunk = 64\nepochs = 1\ntraces = \"data\"\n";

#[test]
fn settings_are_printed_and_options_win() {
    let dir = tempfile::tempdir().unwrap();
    let made = ["train", "--print-config", "--model", "lstm", "--lr", "1e-3", "--hold-out", "fio"];
    let text = printed(dir.path(), &made);
    for line in ["model = \"lstm\"", "channels = 48", "lr = 0.001", "hold-out = [\"fio\"]"] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    std::fs::write(dir.path().join("run.toml"), &text).unwrap();
    let again = ["train", "--config", "run.toml", "--print-config"];
    assert_eq!(printed(dir.path(), &again), text);
    let other =
        printed(dir.path(), &[&again[..], &["--lr", "2e-3", "--hold-out", "database"]].concat());
    let changed = text.replace("lr = 0.001", "lr = 0.002").replace("[\"fio\"]", "[\"database\"]");
    assert_eq!(other, changed);
    let piped = koracle(dir.path(), &["train", "--config", "-", "--print-config"])
        .write_stdin("# a note\nseed = 7\n")
        .assert()
        .success();
    assert!(String::from_utf8_lossy(&piped.get_output().stdout).contains("seed = 7\n"));
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    for (text, says) in [
        ("seed = 1\nepoch = 3\n", "run.toml: line 2: no such setting: `epoch`; there are model, "),
        ("seed = 1\nepochs = \"many\"\n", "run.toml: line 2: invalid value 'many' for '--epochs"),
        ("\n\nepochs = 0\n", "run.toml: line 3: epochs: 0 is not in 1 to 10000"),
        ("taps = 1\n", "run.toml: line 1: taps: 1 is not in 2 to 8"),
        ("model = \"gru\"\n", "line 1: invalid value 'gru' for '--model <KIND>': no such network"),
        ("epochs = [1, 2]\n", "line 1: the argument '--epochs <EPOCHS>' cannot be used multiple"),
        ("epochs = { a = 1 }\n", "line 1: `epochs` is no value"),
        ("epochs = \n", "run.toml: line 1: "),
        ("output = \"elsewhere\"\n", "line 1: no such setting: `output`"),
    ] {
        std::fs::write(dir.path().join("run.toml"), text).unwrap();
        let failed = koracle(dir.path(), &["train", "--config", "run.toml"]).assert().code(2);
        let told = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(told.contains(says), "{text}: {told}");
    }
    std::fs::write(dir.path().join("run.toml"), b"KORACLE\n\xff\xfe").unwrap();
    let failed = koracle(dir.path(), &["train", "--config", "run.toml"]).assert().code(2);
    let told = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(told.contains("run.toml: no text, so no settings: they are TOML"), "{told}");
    let piped =
        koracle(dir.path(), &["train", "--config", "-"]).write_stdin(&b"\xff\xfe"[..]).assert();
    let told = String::from_utf8_lossy(&piped.code(2).get_output().stderr).into_owned();
    assert!(told.contains("standard input: no text, so no settings"), "{told}");
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let failed = koracle(dir.path(), &["train", "--config", "folder"]).assert().code(2);
    let told = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(told.contains("folder: a folder, and no run: there is no config.toml"), "{told}");
    std::fs::remove_dir(dir.path().join("folder")).unwrap();
    koracle(dir.path(), &["train", "--config", "not-there.toml"]).assert().code(2);
    koracle(dir.path(), &["train", "--config", "a", "--resume", "b"]).assert().code(2);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no run was made: {left:?}");
}

#[test]
fn a_run_is_made_again_from_what_is_printed_of_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    tiny_catalog(&dir.path().join("data"));
    std::fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    let first = koracle(dir.path(), &["train", "--config", "small.toml"]).assert().success();
    let told = String::from_utf8_lossy(&first.get_output().stderr).into_owned();
    // Its size, its reach, its course, before the first epoch; of its speed nothing is known yet.
    let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
    let sees = place(" parameters; an answer sees the last 3 events of its CPU");
    assert!(sees < place("1 recording; 1 epoch of ") && place("1 recording;") < place("epoch  1"));
    assert!(!told.contains("as fast as"), "{told}");

    let text = printed(dir.path(), &["runs", "--config", "tcn-001"]);
    assert!(text.contains("channels = 4\n"), "{text}");
    koracle(dir.path(), &["train", "--config", "-"]).write_stdin(text).assert().success();
    let third = koracle(dir.path(), &["train", "--config", "tcn-001"]).assert().success();
    let told = String::from_utf8_lossy(&third.get_output().stderr).into_owned();
    assert!(told.contains("as fast as tcn-002 was"), "{told}");
    let kept = |run: &str, file: &str| {
        let text = std::fs::read_to_string(dir.path().join("kept").join(run).join(file)).unwrap();
        text.lines().filter(|l| !l.starts_with("command")).collect::<Vec<_>>().join("\n")
    };
    for run in ["tcn-002", "tcn-003"] {
        assert_eq!(kept(run, "config.toml"), kept("tcn-001", "config.toml"));
        assert_eq!(kept(run, "metrics_workloads.csv"), kept("tcn-001", "metrics_workloads.csv"));
    }
    koracle(dir.path(), &["runs", "--config", "tcn-009"]).assert().code(2);
    let list = printed(dir.path(), &["runs"]);
    let row = list.lines().find(|line| line.starts_with("tcn-001")).unwrap();
    assert!(row.ends_with("  tcn, 4 channels, 3 taps, 1 block  all"), "{list}");

    // Shells expand what they are offered: a name that is more than a word is not.
    for name in ["$(touch made)", "`touch made`", "a b", "a;b"] {
        let odd = dir.path().join("kept").join(name);
        std::fs::create_dir(&odd).unwrap();
        for file in std::fs::read_dir(dir.path().join("kept/tcn-001")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), odd.join(file.file_name())).unwrap();
        }
    }
    assert_eq!(printed(dir.path(), &["runs"]).matches("touch made").count(), 2);
    assert_eq!(
        printed(dir.path(), &["runs", "--names"]).split_whitespace().collect::<BTreeSet<_>>(),
        BTreeSet::from(["tcn-001", "tcn-002", "tcn-003"])
    );
}
