//! What the README promises is what the program has: the key table, the two set-up commands, the commands that exist.
//! Nothing here looks at style.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

const README: &str = include_str!("../README.md");
const CI: &str = include_str!("../.ci/run");

/// The text between `<!-- name` and `<!-- /name -->`.
fn section(name: &str) -> &str {
    let (_, from) = README.split_once(&format!("<!-- {name}")).expect("the section opens");
    let (_, from) = from.split_once("-->\n").expect("its comment ends");
    from.split_once(&format!("<!-- /{name} -->")).expect("the section closes").0
}

#[test]
fn the_keys_are_those_of_the_program() {
    let table = kernel_oracle::app::keys::markdown();
    assert_eq!(section("keys").trim(), table.trim(), "\nput this into README.md:\n{table}");
}

#[test]
fn there_are_exactly_two_set_up_commands_and_ci_runs_the_second() {
    let (_, setup) = README.split_once("## Set up").expect("a section about setting up");
    let block = setup.split("```").nth(1).expect("a block of commands");
    let commands: Vec<&str> = block.lines().filter(|l| !l.is_empty()).collect();
    assert_eq!(commands, ["cargo run --release", "cargo test --release --no-fail-fast"]);
    assert!(CI.contains(&format!("tests() {{ {}; }}", commands[1])), ".ci/run runs the README's test command");
}
