//! What README.md and docs/ promise is what the program and the repository have: the set-up
//! commands, the key table, the commands, the formats, and every relative link with its anchor.
//! Nothing here looks at style.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::ingest::READERS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const CI: &str = include_str!("../.ci/run");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The text between `<!-- name` and `<!-- /name -->` in a page.
fn section(page: &str, name: &str) -> String {
    let text = read(page);
    let (_, from) = text.split_once(&format!("<!-- {name}")).expect("the section opens");
    let (_, from) = from.split_once("-->\n").expect("its comment ends");
    from.split_once(&format!("<!-- /{name} -->")).expect("the section closes").0.to_owned()
}

#[test]
fn the_keys_are_those_of_the_program() {
    let table = kernel_oracle::app::keys::markdown();
    assert_eq!(
        section("docs/keys.md", "keys").trim(),
        table.trim(),
        "\nput this into docs/keys.md:\n{table}"
    );
}

#[test]
fn the_words_are_those_of_the_program() {
    let words = kernel_oracle::app::words::markdown();
    assert_eq!(
        section("docs/glossary.md", "words").trim(),
        words.trim(),
        "\nput this into docs/glossary.md:\n{words}"
    );
}

#[test]
fn there_are_exactly_two_set_up_commands_and_ci_runs_the_second() {
    let readme = read("README.md");
    let (_, setup) = readme.split_once("## Set up").expect("a section about setting up");
    let block = setup.split("```").nth(1).expect("a block of commands");
    let commands: Vec<&str> = block.lines().filter(|l| !l.is_empty()).collect();
    assert_eq!(commands, ["cargo run --release", "cargo test --release --no-fail-fast"]);
    assert!(
        CI.contains(&format!("tests() {{ {}; }}", commands[1])),
        ".ci/run runs the README's test command"
    );
}

#[test]
fn the_front_page_stays_short() {
    let readme = read("README.md");
    assert!(
        readme.len() <= 10_000,
        "README.md has {} bytes: what is longer belongs to docs/",
        readme.len()
    );
}

/// The table lists what `READERS` opens, by the name that machine output has for it: no more, no
/// less.
#[test]
fn the_formats_are_those_that_are_read() {
    let table = section("docs/formats.md", "formats");
    let rows = table.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| format"));
    let told: BTreeSet<&str> =
        rows.map(|l| l.split('`').rev().find(|c| is_label(c)).unwrap_or(l)).collect();
    let read: BTreeSet<&str> = READERS.iter().map(|r| r.format().label()).collect();
    assert_eq!(told, read, "docs/formats.md and the readers differ");
}

fn is_label(word: &str) -> bool {
    READERS.iter().any(|r| r.format().label() == word)
}

/// Every command that `koracle --help` lists has a line in the page, and each line is one that
/// there is.
#[test]
fn the_commands_are_those_of_the_program() {
    let help = Command::new(env!("CARGO_BIN_EXE_koracle")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, listed) = help.split_once("Commands:\n").expect("a list of commands");
    let commands = listed
        .lines()
        .take_while(|l| !l.trim().is_empty())
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    let has: BTreeSet<&str> =
        commands.filter_map(|l| l.split_whitespace().next()).filter(|c| *c != "help").collect();
    let page = read("docs/command-line.md");
    let block = page.split("```").nth(1).expect("a block of commands");
    let lines = block.lines().filter_map(|l| l.strip_prefix("koracle "));
    let told: BTreeSet<&str> =
        lines.filter_map(|l| l.split_whitespace().next()).filter(|w| !w.starts_with('[')).collect();
    assert_eq!(told, has, "docs/command-line.md and koracle --help differ");
}

// --- links
// -------------------------------------------------------------------------------------------------------

/// The pages whose links are followed.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|e| format!("docs/{}", e.unwrap().file_name().to_string_lossy()));
    let others =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "traces/README.md"];
    let mut pages: Vec<String> =
        docs.filter(|p| is_page(p)).chain(others.map(String::from)).collect();
    pages.sort();
    pages
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == "md")
}

/// The lines outside blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(n, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((n + 1, line))
    })
}

/// The targets of `[words](target)` and of pictures, with their lines. A link's words may break
/// over two lines, its target never does.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in prose(text) {
        // Words between backquotes are no links.
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
            for rest in plain.split(open).skip(1) {
                found.push((
                    n,
                    rest.split_once(close).map_or(rest, |(target, _)| target).to_owned(),
                ));
            }
        }
    }
    found
}

/// What a page's headings are called in links: lower case, letters, digits, `-` and `_`, blanks as
/// `-`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, line) in prose(text).filter(|(_, l)| l.starts_with('#')) {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let name: String =
            words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
        // A heading that is there twice gets a number.
        let number = (1..).map(|n| format!("{name}-{n}"));
        let name =
            std::iter::once(name.clone()).chain(number).find(|n| !names.contains(n)).unwrap();
        names.insert(name);
    }
    names
}

/// What is wrong with a link of a page.
fn broken(page: &str, target: &str, here: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) =
        target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = root().join(page).parent().unwrap_or(Path::new("")).join(path);
    if !path.is_empty() && !file.exists() {
        return Some(format!("{path} is not there"));
    }
    let anchor = anchor?;
    let text =
        if path.is_empty() { here.to_owned() } else { std::fs::read_to_string(&file).ok()? };
    (!anchors(&text).contains(anchor)).then(|| format!("no heading #{anchor} in {target}"))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let text = "# Two `words`, here\n[a](#two-words-here) [b](nowhere.md) `[c](x)`\n```\n[d](y)\n# \
                no\n```\n# Two words here\n";
    assert_eq!(
        anchors(text).into_iter().collect::<Vec<_>>(),
        ["two-words-here", "two-words-here-1"]
    );
    assert_eq!(links(text), [(2, "#two-words-here".to_owned()), (2, "nowhere.md".to_owned())]);
    assert!(
        broken("README.md", "#two-words-here", text).is_none()
            && broken("README.md", "#no", text).is_some()
    );
    assert!(broken("docs/a.md", "../README.md#set-up", text).is_none());
    assert!(broken("docs/a.md", "README.md#set-up", text).is_some());
    assert!(
        broken("README.md", "nowhere.md", text).is_some()
            && broken("README.md", "https://x.y/z", text).is_none()
    );

    let mut complaints = Vec::new();
    for page in pages() {
        let text = read(&page);
        for (line, target) in links(&text) {
            complaints
                .extend(broken(&page, &target, &text).map(|what| format!("{page}:{line}: {what}")));
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/README.md");
    let links: BTreeSet<String> =
        links(&index).into_iter().map(|(_, target)| format!("docs/{target}")).collect();
    let lost: Vec<String> =
        pages().into_iter().filter(|p| p.starts_with("docs/") && p != "docs/README.md").collect();
    let lost: Vec<&String> = lost.iter().filter(|p| !links.contains(*p)).collect();
    assert!(lost.is_empty(), "not in docs/README.md: {lost:?}");
}
