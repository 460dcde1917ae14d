//! Just enough of Rust's lexer to look for words in code: comments, literals and test modules
//! become spaces. No rule of the house is here.

/// `text` with comments, literals and test modules replaced by spaces; line breaks stay. `strings`
/// keeps literals.
pub fn code(text: &str, strings: bool) -> String {
    let mut out = masked(text, strings).into_bytes();
    // Test modules: from the attribute to the brace that closes the item, found with literals
    // blanked.
    let shape = masked(text, false);
    let mut from = 0;
    while let Some(at) = shape[from..].find("#[cfg(test)]").map(|p| p + from) {
        let end = item_end(shape.as_bytes(), at);
        blank(&mut out, at, end);
        from = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn blank(out: &mut [u8], from: usize, to: usize) {
    for b in out.iter_mut().take(to).skip(from).filter(|b| **b != b'\n') {
        *b = b' ';
    }
}

fn masked(text: &str, strings: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let after_word = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_');
        let (len, literal) = if rest.starts_with(b"//") {
            (rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), false)
        } else if rest[0] == b'"' {
            (quoted(rest), true)
        } else if rest[0] == b'r' && !after_word && raw_string(rest).is_some() {
            (raw_string(rest).unwrap_or(1), true)
        } else if rest[0] == b'\'' {
            (char_literal(rest), true)
        } else {
            (0, false)
        };
        if len > 0 && !(literal && strings) {
            blank(&mut out, i, i + len);
        }
        i += len.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        if rest[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut i = 1;
    while i < rest.len() {
        match rest[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', hashes));
    let start = 2 + hashes;
    let end = rest[start..].windows(close.len()).position(|w| w == close);
    Some(end.map_or(rest.len(), |p| start + p + close.len()))
}

/// Length of a character literal, or 0 for a lifetime.
fn char_literal(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|&b| b == b'\'').map_or(0, |p| p + 4);
    }
    let close = rest.iter().skip(2).take(4).position(|&b| b == b'\'').map_or(0, |p| p + 3);
    // One character only: `'a, 'b` is two lifetimes.
    std::str::from_utf8(&rest[..close])
        .map_or(0, |s| if s.chars().count() == 3 { close } else { 0 })
}

/// End of the item that starts at `at`: its closing brace, or the `;` that comes before any brace.
fn item_end(shape: &[u8], at: usize) -> usize {
    let mut depth = 0;
    for (i, &b) in shape.iter().enumerate().skip(at) {
        match b {
            b'{' => depth += 1,
            b'}' if depth == 1 => return i + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    shape.len()
}
