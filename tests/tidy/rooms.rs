//! The rule of the rooms: each uses only those on lower lines of the list in src/lib.rs.

use super::lexer::code;
use super::words::{line_of, room, words};

/// The room list in the documentation of `src/lib.rs`: levels from top to bottom.
pub fn levels(lib: &str) -> Vec<Vec<String>> {
    let fences = lib.lines().skip_while(|l| l.trim() != "//! ```text").skip(1);
    let lines = fences.take_while(|l| l.trim() != "//! ```");
    let levels = lines.flat_map(|l| l.trim_start_matches("//!").split("->"));
    levels.map(|l| l.split('·').map(|r| r.trim().to_string()).collect()).collect()
}

/// Uses of other rooms in `path` that are not on a lower line.
pub fn uses_lower_rooms(levels: &[Vec<String>], path: &str, text: &str) -> Vec<String> {
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
