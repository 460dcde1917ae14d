//! The settings file as a user meets it: its place, its example, what a wrong one says.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::Path;
use std::process::{Command, Output};

fn config(home: &Path, args: &[&str]) -> Output {
    let mut koracle = Command::new(env!("CARGO_BIN_EXE_koracle"));
    koracle.arg("config").args(args).env("XDG_CONFIG_HOME", home).output().unwrap()
}

#[test]
fn the_example_can_be_kept_and_a_wrong_file_is_named_with_its_line() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("koracle/config.toml");
    let text = |out: &Output| String::from_utf8(out.stdout.clone()).unwrap();
    let missing = config(home.path(), &[]);
    assert!(missing.status.success() && text(&missing).contains("not there"), "{}", text(&missing));
    assert!(text(&missing).starts_with(file.to_str().unwrap()));

    let example = config(home.path(), &["--example"]);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &example.stdout).unwrap();
    let there = config(home.path(), &[]);
    assert_eq!((there.status.code(), text(&there)), (Some(0), format!("{}\n", file.display())));

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let folder = config(home.path(), &[]);
    let said = String::from_utf8_lossy(&folder.stderr).into_owned();
    assert!(folder.status.code() == Some(1) && said.contains("this is no file"), "{said}");
    std::fs::remove_dir(&file).unwrap();

    std::fs::write(&file, "theme = \"dark\"\nspeed = \"fast\"\n").unwrap();
    for args in [&["config"][..], &["tests/data/pipe_lost.txt"]] {
        let mut koracle = Command::new(env!("CARGO_BIN_EXE_koracle"));
        koracle
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("XDG_CONFIG_HOME", home.path());
        let out = koracle.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        if args == ["config"] {
            assert_eq!(out.status.code(), Some(2));
            assert!(
                said.contains("config.toml: line 2: no such speed: `fast`; one of auto, 1/100000"),
                "{said}"
            );
        } else {
            // Without a terminal the explorer does not get that far; it says so.
            assert!(!out.status.success() && said.contains("terminal"), "{said}");
        }
    }
}
