//! The rules about what a file may say: each looks for words in its code and names file and line.

use super::lexer::code;

/// Longest file that is still read in one go.
pub const MAX_LINES: usize = 500;

/// The room that a source file belongs to: `src/ui.rs` and `src/ui/lanes.rs` are both `ui`.
pub fn room(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let end = inner.find(['/', '.']).unwrap_or(inner.len());
    &inner[..end]
}

/// Byte offsets of `word` in `text`, as a whole word.
pub fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).and_then(|p| bytes.get(p));
        !is_word(before)
            && (word.ends_with(['!', ':', '(', '/']) || !is_word(bytes.get(at + word.len())))
    })
}

pub fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// Complains about each of `needles` in the code of `path`.
pub fn forbid(path: &str, code: &str, needles: &[&str], why: &str) -> Vec<String> {
    let hits = needles.iter().flat_map(|n| words(code, n).map(move |at| (at, n)));
    hits.map(|(at, n)| format!("{path}:{}: `{n}` {why}", line_of(code, at))).collect()
}

pub fn opens_with_purpose(path: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    // A word at least: `//!` alone says nothing.
    if first.strip_prefix("//! ").is_some_and(|s| !s.trim().is_empty()) {
        Vec::new()
    } else {
        vec![format!("{path}:1: open with `//! ` and what this room is for")]
    }
}

pub fn is_short(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= MAX_LINES {
        Vec::new()
    } else {
        vec![format!("{path}:{lines}: longer than {MAX_LINES} lines")]
    }
}

pub fn screen_only_in_ui(path: &str, text: &str) -> Vec<String> {
    if room(path) == "ui" {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["ratatui", "crossterm"], "belongs to ui alone")
}

pub fn burn_only_in_two_rooms(path: &str, text: &str) -> Vec<String> {
    let network =
        path.strip_prefix("src/predictor/dense").is_some_and(|rest| rest.starts_with(['.', '/']));
    if network || room(path) == "train" {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["burn"], "belongs to predictor/dense and train alone")
}

pub fn engine_is_silent(path: &str, text: &str) -> Vec<String> {
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
pub fn frames_are_drawn_from_outside(path: &str, text: &str) -> Vec<String> {
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
pub fn one_door(path: &str, text: &str) -> Vec<String> {
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

pub fn unsafe_only_in_simd(path: &str, text: &str) -> Vec<String> {
    // A test's allocator is the only other one.
    if path.starts_with("src/simd/") || ["src/simd.rs", "tests/alloc.rs"].contains(&path) {
        return Vec::new();
    }
    forbid(path, &code(text, false), &["unsafe", "unsafe_code"], "belongs to the room simd alone")
}

/// Everything that runs beside the interface is a job, the blocking reads of keys and signals too.
pub fn threads_start_in_job(path: &str, text: &str) -> Vec<String> {
    if room(path) == "job" {
        return Vec::new();
    }
    let needles =
        ["ThreadPoolBuilder", "rayon::spawn", "thread::spawn", "thread::scope", "thread::Builder"];
    forbid(path, &code(text, false), &needles, "starts threads: only job may")
}

pub fn no_temp_path(path: &str, text: &str) -> Vec<String> {
    let why = "is a path of one machine: ask `tempfile` or the caller for a folder";
    forbid(path, &code(text, true), &["/tmp/"], why)
}

/// The needles are put together here so that this file does not contain them.
pub fn no_machine_path(path: &str, text: &str) -> Vec<String> {
    let needles = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home", "/user")];
    let why = "is a path of one machine";
    // A longer path or an address may contain it: what stands before must not be part of a name.
    forbid(path, text, &needles, why)
}
