//! The rule on the length of functions.

use super::lexer::code;
use super::words::{line_of, words};

/// Lines that a function has at most.
const MOST: usize = 60;

/// Longer ones, each a list of assignments, one a column, that has no seam.
const EXCEPT: [(&str, &str); 3] = [
    ("src/features/candidates.rs", "fill"),
    ("src/features/expected.rs", "describe"),
    ("src/features/extractor.rs", "learn"),
];

/// Functions of more than [`MOST`] lines, from `fn` to the closing brace. Those of test modules may
/// be longer.
pub fn long_functions(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return found;
    }
    let text = code(text, false);
    // The type of a function has no name.
    for (at, rest) in
        words(&text, "fn").filter_map(|at| Some((at, text[at..].strip_prefix("fn ")?)))
    {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let lines = body_end(&text, at).map_or(0, |end| 1 + text[at..end].matches('\n').count());
        if lines > MOST && !EXCEPT.contains(&(path, name.as_str())) {
            let line = line_of(&text, at);
            found.push(format!("{path}:{line}: `{name}` has {lines} lines, more than {MOST}"));
        }
    }
    found
}

/// The brace that closes the body of the function at `at`; `None` for one without a body.
fn body_end(text: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (i, b) in text.bytes().enumerate().skip(at) {
        match b {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.checked_sub(1)?,
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(i),
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}
