//! The house rules that a compiler does not check: which room may use what, where threads and
//! `unsafe` may be, how long a file is, what may lie in the repository. Each rule is a test of its
//! own that names file and line, and each rule's checker is shown a bad text first, so that a rule
//! that has gone blind fails too.
//!
//! The checkers read text, not syntax trees: comments, literals and `#[cfg(test)]` modules are
//! blanked out first (`lexer`), then plain words are looked for. Tests may use any room, spawn
//! threads and print.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "tidy/lexer.rs"]
mod lexer;

use lexer::code;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest file that is still read in one go.
const MAX_LINES: usize = 500;
const MIB: u64 = 1 << 20;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Repository-relative paths with `/`: what git knows, or (unpacked archive) everything but build
/// output.
fn tracked() -> Vec<String> {
    // Untracked files that are not ignored count too: they are about to be committed.
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let git = Command::new("git").current_dir(root()).args(args).output();
    let mut paths: Vec<String> = match git {
        Ok(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            text.split('\0').filter(|p| !p.is_empty()).map(String::from).collect()
        }
        _ => walk(&root()),
    };
    paths.retain(|p| root().join(p).is_file());
    paths.sort();
    paths.dedup();
    assert!(paths.iter().any(|p| p == "src/lib.rs"), "found no sources under {}", root().display());
    paths
}

fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | "runs" | ".git") {
            found.extend(walk(&path));
        } else if path.is_file() {
            let relative = path.strip_prefix(root()).expect("below the root");
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn ends_with(path: &str, suffix: &str) -> bool {
    path.to_ascii_lowercase().ends_with(suffix)
}

/// Runs one rule over every tracked file that `wanted` names and fails with all complaints at once.
fn hold(wanted: impl Fn(&str) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) {
    let files: Vec<String> = tracked().into_iter().filter(|p| wanted(p)).collect();
    assert!(!files.is_empty(), "the rule looks at no file");
    let complaints: Vec<String> = files.iter().flat_map(|p| rule(p, &read(p))).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn is_rust(path: &str) -> bool {
    ends_with(path, ".rs")
}

fn is_source(path: &str) -> bool {
    path.starts_with("src/") && is_rust(path)
}

/// The room that a source file belongs to: `src/ui.rs` and `src/ui/lanes.rs` are both `ui`.
fn room(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let end = inner.find(['/', '.']).unwrap_or(inner.len());
    &inner[..end]
}

/// Byte offsets of `word` in `text`, as a whole word.
fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).and_then(|p| bytes.get(p));
        !is_word(before)
            && (word.ends_with(['!', ':', '(', '/']) || !is_word(bytes.get(at + word.len())))
    })
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// Complains about each of `needles` in the code of `path`.
fn forbid(path: &str, code: &str, needles: &[&str], why: &str) -> Vec<String> {
    let hits = needles.iter().flat_map(|n| words(code, n).map(move |at| (at, n)));
    hits.map(|(at, n)| format!("{path}:{}: `{n}` {why}", line_of(code, at))).collect()
}

// --- the rules
// ---------------------------------------------------------------------------------------------------

fn opens_with_purpose(path: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    // A word at least: `//!` alone says nothing.
    if first.strip_prefix("//! ").is_some_and(|s| !s.trim().is_empty()) {
        Vec::new()
    } else {
        vec![format!("{path}:1: open with `//! ` and what this room is for")]
    }
}

fn is_short(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= MAX_LINES {
        Vec::new()
    } else {
        vec![format!("{path}:{lines}: longer than {MAX_LINES} lines")]
    }
}

fn screen_only_in_ui(path: &str, text: &str) -> Vec<String> {
    if room(path) == "ui" {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["ratatui", "crossterm"], "belongs to ui alone")
}

fn burn_only_in_two_rooms(path: &str, text: &str) -> Vec<String> {
    let network =
        path.strip_prefix("src/predictor/dense").is_some_and(|rest| rest.starts_with(['.', '/']));
    if network || room(path) == "train" {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["burn"], "belongs to predictor/dense and train alone")
}

fn engine_is_silent(path: &str, text: &str) -> Vec<String> {
    if matches!(room(path), "cli" | "main") {
        return Vec::new();
    }
    let why = "prints: only cli and main may";
    let text = code(text, false);
    let mut found =
        forbid(path, &text, &["print!", "println!", "eprint!", "eprintln!", "dbg!"], why);
    if room(path) != "ui" {
        // The terminal is ui's; everything else gets a writer handed in. Where a child's output
        // goes is another thing.
        let text = text.replace(".stdout(", ".child_(").replace(".stderr(", ".child_(");
        found.extend(forbid(
            path,
            &text,
            &["stdout(", "stderr("],
            "takes the terminal: only cli, main and ui may",
        ));
    }
    found
}

/// Screens are drawn by `ui::draw` and draw with `ui::pen`: whoever of them asks for the whole
/// frame closes a circle.
fn frames_are_drawn_from_outside(path: &str, text: &str) -> Vec<String> {
    let outside = ["terminal", "bench", "busy", "draw"].map(|name| format!("src/ui/{name}.rs"));
    if room(path) != "ui" || outside.iter().any(|p| p == path) {
        return Vec::new();
    }
    forbid(
        path,
        &code(text, false),
        &["draw::draw", "super::draw", "ui::draw"],
        "draws the frame that it is part of",
    )
}

/// What is printed goes through one door, where text of others is made fit to be shown.
fn one_door(path: &str, text: &str) -> Vec<String> {
    if !matches!(room(path), "cli" | "main") || path == "src/cli/door.rs" {
        return Vec::new();
    }
    // Where a child's output goes is another thing, and so is what the door offers.
    let text = code(text, false)
        .replace("output::stdout(", "output::page(")
        .replace("door::stdout(", "door::page(");
    let text = text.replace("fn stdout(", "fn page(");
    let needles = [
        "print!",
        "println!",
        "eprint!",
        "eprintln!",
        "dbg!",
        "stdout(",
        "stderr(",
        "ProgressDrawTarget",
    ];
    forbid(path, &text, &needles, "prints past cli::door")
}

fn unsafe_only_in_simd(path: &str, text: &str) -> Vec<String> {
    // A test's allocator is the only other one.
    if ["src/simd.rs", "tests/alloc.rs"].contains(&path) {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["unsafe", "unsafe_code"], "belongs to simd.rs alone")
}

/// Everything that runs beside the interface is a job, the blocking reads of keys and signals too.
fn threads_start_in_job(path: &str, text: &str) -> Vec<String> {
    if room(path) == "job" {
        return Vec::new();
    }
    let needles =
        ["ThreadPoolBuilder", "rayon::spawn", "thread::spawn", "thread::scope", "thread::Builder"];
    forbid(path, &code(text, false), &needles, "starts threads: only job may")
}

fn no_temp_path(path: &str, text: &str) -> Vec<String> {
    let why = "is a path of one machine: ask `tempfile` or the caller for a folder";
    forbid(path, &code(text, true), &["/tmp/"], why)
}

/// The needles are put together here so that this file does not contain them.
fn no_machine_path(path: &str, text: &str) -> Vec<String> {
    let needles = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home", "/user")];
    let why = "is a path of one machine";
    // A longer path or an address may contain it: what stands before must not be part of a name.
    forbid(path, text, &needles, why)
}

/// The room list in the documentation of `src/lib.rs`: levels from top to bottom.
fn levels(lib: &str) -> Vec<Vec<String>> {
    let fences = lib.lines().skip_while(|l| l.trim() != "//! ```text").skip(1);
    let lines = fences.take_while(|l| l.trim() != "//! ```");
    let levels = lines.flat_map(|l| l.trim_start_matches("//!").split("->"));
    levels.map(|l| l.split('·').map(|r| r.trim().to_string()).collect()).collect()
}

/// Uses of other rooms in `path` that are not on a lower line.
fn uses_lower_rooms(levels: &[Vec<String>], path: &str, text: &str) -> Vec<String> {
    let own = room(path);
    if own == "lib" {
        return Vec::new();
    }
    let level = |r: &str| levels.iter().position(|l| l.iter().any(|x| x == r));
    let Some(own_level) = level(own) else {
        return vec![format!("{path}:1: room `{own}` is not in the list of src/lib.rs")];
    };
    let text = code(text, false);
    let bad = uses(path, &text).into_iter().filter(|(_, used)| {
        used != own
            && level(used).is_some_and(|l| l <= own_level || (own == "main" && used != "cli"))
    });
    bad.map(|(at, used)| {
        format!(
            "{path}:{}: `{own}` must not use `{used}` (not on a lower line)",
            line_of(&text, at)
        )
    })
    .collect()
}

/// `(offset, first path segment)` of every path from the crate's root.
fn uses(path: &str, text: &str) -> Vec<(usize, String)> {
    let depth = path.matches('/').count();
    let supers = "super::".repeat(depth);
    let prefixes = ["crate::", "kernel_oracle::", supers.as_str()];
    let starts = prefixes.iter().flat_map(|p| words(text, p).map(|at| (at, at + p.len())));
    // A longer chain of `super` (in an inline module) is found again inside itself: count from its
    // first `super`.
    let starts = starts.filter(|(at, _)| !text[..*at].ends_with("super::"));
    starts
        .flat_map(|(at, from)| first_segments(&text[from..]).into_iter().map(move |s| (at, s)))
        .collect()
}

/// `a::b` gives `a`; `{a::{b, c}, d}` gives `a` and `d`.
fn first_segments(rest: &str) -> Vec<String> {
    let ident =
        |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else {
        return vec![ident(rest)];
    };
    let (mut depth, mut found, mut fresh) = (0, Vec::new(), true);
    for (i, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && depth == 0 && !c.is_whitespace() => {
                found.push(ident(&group[i..]));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

fn too_heavy(folder: &str, limit: u64, files: &[(String, u64)]) -> Vec<String> {
    let inside =
        files.iter().filter(|(p, _)| p.strip_prefix(folder).is_some_and(|r| r.starts_with('/')));
    let bytes: u64 = inside.map(|(_, size)| size).sum();
    if bytes <= limit {
        Vec::new()
    } else {
        vec![format!("{folder}/: {bytes} bytes, more than {limit}")]
    }
}

/// Traces that the catalog does not name, and names in the catalog without a trace or without
/// metadata.
fn catalog_gaps(catalog: &str, files: &[String]) -> Vec<String> {
    let table: toml::Table = match catalog.parse() {
        Ok(table) => table,
        Err(e) => return vec![format!("traces/catalog.toml: {e}")],
    };
    let mut named = BTreeSet::new();
    strings(&toml::Value::Table(table), &mut named);
    let stem = |p: &str, ext| {
        p.strip_prefix("traces/").and_then(|p| p.strip_suffix(ext)).map(String::from)
    };
    let traces: BTreeSet<String> = files.iter().filter_map(|p| stem(p, ".csv.zst")).collect();
    let described: BTreeSet<String> = files.iter().filter_map(|p| stem(p, ".toml")).collect();
    let is_named = |t: &String| named.contains(t) || named.contains(&format!("{t}.csv.zst"));
    let unnamed = traces
        .iter()
        .filter(|t| !is_named(t))
        .map(|t| format!("traces/{t}.csv.zst: not in catalog.toml"));
    let bare =
        traces.difference(&described).map(|t| format!("traces/{t}.csv.zst: no {t}.toml beside it"));
    unnamed.chain(bare).collect()
}

/// All keys and strings anywhere in `value`.
fn strings(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(s) => {
            found.insert(s.clone());
        }
        toml::Value::Array(items) => items.iter().for_each(|v| strings(v, found)),
        toml::Value::Table(table) => {
            for (key, v) in table {
                found.insert(key.clone());
                strings(v, found);
            }
        }
        _ => {}
    }
}

// --- the tests
// ---------------------------------------------------------------------------------------------------

#[test]
fn every_file_opens_with_its_purpose() {
    assert_eq!(opens_with_purpose("a.rs", "use x;\n").len(), 1);
    assert_eq!(opens_with_purpose("a.rs", "//!\nuse x;").len(), 1);
    assert!(opens_with_purpose("a.rs", "//! Words.\n").is_empty());
    hold(is_rust, opens_with_purpose);
}

#[test]
fn no_file_is_longer_than_500_lines() {
    assert_eq!(is_short("a.rs", &"x\n".repeat(501)).len(), 1);
    assert!(is_short("a.rs", &"x\n".repeat(500)).is_empty());
    hold(is_rust, is_short);
}

#[test]
fn only_ui_knows_the_terminal() {
    assert_eq!(
        screen_only_in_ui("src/app.rs", "//! a\nuse ratatui::X;\n"),
        ["src/app.rs:2: `ratatui` belongs to ui alone"]
    );
    assert_eq!(screen_only_in_ui("src/uix.rs", "crossterm::event::read()").len(), 1);
    assert!(screen_only_in_ui("src/app.rs", "// not ratatui\nlet s = \"crossterm\";").is_empty());
    assert!(screen_only_in_ui("src/ui/lanes.rs", "use ratatui::X;").is_empty());
    hold(is_source, screen_only_in_ui);
}

#[test]
fn no_screen_draws_the_frame() {
    assert_eq!(
        frames_are_drawn_from_outside("src/ui/train/plot.rs", "use crate::ui::draw::put;").len(),
        1
    );
    assert_eq!(frames_are_drawn_from_outside("src/ui/footer.rs", "use super::draw::put;").len(), 1);
    assert!(
        frames_are_drawn_from_outside("src/ui/terminal.rs", "use super::draw::draw;").is_empty()
    );
    assert!(
        frames_are_drawn_from_outside("src/ui/footer.rs", "list::draw(pen); // ui::draw")
            .is_empty()
    );
    hold(is_source, frames_are_drawn_from_outside);
}

#[test]
fn only_networks_and_training_know_burn() {
    assert_eq!(
        burn_only_in_two_rooms("src/predictor/stream.rs", "use burn::tensor::Tensor;").len(),
        1
    );
    assert_eq!(burn_only_in_two_rooms("src/predictor/densex.rs", "burn::x()").len(), 1);
    assert!(burn_only_in_two_rooms("src/predictor/dense.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/predictor/dense/lstm.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/train/loop.rs", "use burn::x;").is_empty());
    assert!(burn_only_in_two_rooms("src/sched.rs", "let burned = burn_rate;").is_empty());
    hold(is_source, burn_only_in_two_rooms);
}

#[test]
fn the_engine_never_prints() {
    assert_eq!(engine_is_silent("src/ingest.rs", "a\n  println!(\"x\");").len(), 1);
    assert_eq!(engine_is_silent("src/ui.rs", "dbg!(x)").len(), 1);
    assert_eq!(engine_is_silent("src/train.rs", "let o = std::io::stdout();").len(), 1);
    assert!(engine_is_silent("src/record.rs", "command.stdout(a).stderr(b);").is_empty());
    assert!(engine_is_silent("src/cli/eval.rs", "println!()").is_empty());
    assert!(engine_is_silent("src/ui/terminal.rs", "stdout()").is_empty());
    assert!(
        engine_is_silent("src/a.rs", "#[cfg(test)]\nmod t { fn f() { println!(\"}\"); } }")
            .is_empty()
    );
    assert_eq!(
        engine_is_silent("src/a.rs", "#[cfg(test)]\nmod t { fn f() {} }\nfn g() { dbg!(1) }").len(),
        1
    );
    hold(is_source, engine_is_silent);
}

#[test]
fn the_command_line_prints_through_one_door() {
    assert_eq!(one_door("src/cli/eval.rs", "eprintln!(\"{x}\");").len(), 1);
    assert_eq!(one_door("src/cli.rs", "let o = std::io::stdout();").len(), 1);
    assert_eq!(one_door("src/main.rs", "println!()").len(), 1);
    assert!(one_door("src/cli/eval.rs", "output::stdout(b); say!(\"{x}\");").is_empty());
    assert!(one_door("src/cli/door.rs", "std::io::stderr()").is_empty());
    hold(is_source, one_door);
}

#[test]
fn unsafe_code_has_one_home() {
    assert_eq!(unsafe_only_in_simd("src/a.rs", "unsafe { x() }").len(), 1);
    assert_eq!(unsafe_only_in_simd("src/a.rs", "#![allow(unsafe_code)]").len(), 1);
    assert!(
        unsafe_only_in_simd("src/a.rs", "// unsafe\nlet s = r#\"unsafe \" {\"#; let c = '\"';")
            .is_empty()
    );
    hold(is_rust, unsafe_only_in_simd);
}

#[test]
fn only_job_starts_threads() {
    assert_eq!(threads_start_in_job("src/app.rs", "std::thread::spawn(|| {})").len(), 1);
    assert_eq!(threads_start_in_job("src/ui.rs", "rayon::ThreadPoolBuilder::new()").len(), 1);
    assert!(threads_start_in_job("src/job.rs", "std::thread::spawn(|| {})").is_empty());
    assert!(threads_start_in_job("src/cli.rs", "Job::spawn(\"x\", a, b)").is_empty());
    hold(is_source, threads_start_in_job);
}

#[test]
fn rooms_use_only_lower_rooms() {
    let list =
        levels("//! x\n//! ```text\n//! main -> cli\n//! ui\n//! a · b\n//! trace\n//! ```\n");
    assert_eq!(list.len(), 5);
    let check = |path, text| uses_lower_rooms(&list, path, text).len();
    assert_eq!(check("src/trace.rs", "use crate::ui::X;"), 1);
    assert_eq!(check("src/trace/meta.rs", "use super::super::ui::X;"), 1);
    assert_eq!(check("src/trace/meta.rs", "use super::ui;"), 0);
    assert_eq!(check("src/a.rs", "use crate::{trace::T, b::{C, D}};"), 1);
    assert_eq!(check("src/a.rs", "let x = crate::b::f();"), 1);
    assert_eq!(check("src/main.rs", "kernel_oracle::ui::run();"), 1);
    assert_eq!(check("src/main.rs", "kernel_oracle::cli::run();"), 0);
    assert_eq!(check("src/ui.rs", "use crate::trace::T; use crate::a::A;"), 0);
    assert_eq!(check("src/trace.rs", "#[cfg(test)]\nmod tests { use crate::ui::X; }"), 0);
    assert_eq!(check("src/new.rs", ""), 1);

    let lib = read("src/lib.rs");
    let list = levels(&lib);
    let listed: BTreeSet<String> =
        list.iter().flatten().filter(|r| *r != "main").cloned().collect();
    let declared =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';').map(String::from));
    assert_eq!(
        declared.collect::<BTreeSet<_>>(),
        listed,
        "src/lib.rs: modules and the list of rooms differ"
    );
    hold(is_source, |path, text| uses_lower_rooms(&list, path, text));
}

#[test]
fn no_path_of_one_machine() {
    assert_eq!(no_machine_path("a.md", concat!("x\nsee /wo", "rk/y")).len(), 1);
    assert!(no_machine_path("a.md", concat!("net", "/wo", "rk/y")).is_empty());
    assert_eq!(no_temp_path("src/a.rs", "let p = \"/tmp/x\";").len(), 1);
    assert!(
        no_temp_path(
            "src/a.rs",
            "// in /tmp/x\n#[cfg(test)]\nmod t { const P: &str = \"/tmp/x\"; }"
        )
        .is_empty()
    );
    hold(is_source, no_temp_path);
    // Binary files (traces, weights) are not text and cannot be looked at this way.
    let is_text =
        |p: &str| std::fs::read(root().join(p)).is_ok_and(|b| std::str::from_utf8(&b).is_ok());
    hold(is_text, no_machine_path);
}

#[test]
fn bundled_files_stay_small() {
    let files: Vec<(String, u64)> = tracked().into_iter().map(|p| (p.clone(), size(&p))).collect();
    assert_eq!(
        too_heavy("traces", 10, &[("traces/a".into(), 6), ("traces/b".into(), 5), ("x".into(), 9)])
            .len(),
        1
    );
    assert!(
        too_heavy("traces", 11, &[("traces/a".into(), 11), ("tracesx/b".into(), 5)]).is_empty()
    );
    let complaints =
        [too_heavy("traces", 32_000_000, &files), too_heavy("assets", 5 * MIB, &files)].concat();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn size(path: &str) -> u64 {
    std::fs::metadata(root().join(path)).map_or(0, |m| m.len())
}

#[test]
fn the_catalog_names_every_trace() {
    let files = ["traces/a.csv.zst", "traces/a.toml", "traces/b.csv.zst"].map(String::from);
    assert_eq!(catalog_gaps("[[trace]]\nname = \"a\"\n", &files).len(), 2);
    assert!(catalog_gaps("train = [\"a\"]\n", &files[..2]).is_empty());
    assert_eq!(catalog_gaps("[", &files).len(), 1);
    let complaints = catalog_gaps(&read("traces/catalog.toml"), &tracked());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
