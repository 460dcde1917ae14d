//! A first line that is nearly the header of a native CSV: by which column, or by which separator,
//! it is none. Who renamed a column, or let a spreadsheet save the table, reads what to mend.

use super::{HEADER, LONGEST_HEADER, REQUIRED, unquoted};

/// What other programs put between columns.
const SEPARATORS: [u8; 4] = [b';', b'\t', b'|', b' '];
/// Fewer names of ours may stand in anybody's table.
const LEAST: usize = 3;
/// Of a foreign name so many characters are shown.
const SHOWN: usize = 40;

/// What is wrong with a header of ours, and at which byte of the text; `None` where most names are
/// not ours.
pub fn near(text: &[u8]) -> Option<(usize, String)> {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len()).min(LONGEST_HEADER);
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let line = text.get(start..end)?;
    if let Some(separator) = SEPARATORS.into_iter().find(|s| is_ours(&names(line, *s))) {
        let at = start + memchr::memchr(separator, line)?;
        let shown = (separator as char).escape_default();
        return Some((at, format!("a native CSV has `,` between its columns, not `{shown}`")));
    }
    let names = names(line, b',');
    if !is_ours(&names) {
        return None;
    }
    let missing: Vec<usize> = (0..HEADER.len())
        .filter(|&i| REQUIRED.contains(&HEADER[i]) && !names.contains(&HEADER[i].as_bytes()))
        .collect();
    let wanted = missing.iter().map(|&i| format!("`{}`", HEADER[i])).collect::<Vec<_>>().join(", ");
    let problem = format!("a native CSV without its column {wanted}");
    // What stands where it should be, else the first name that is none.
    let foreign = |at: &usize| names.get(*at).is_some_and(|name| !is_name(name));
    let instead = missing.first().copied().filter(foreign);
    match instead.or_else(|| (0..names.len()).find(foreign)) {
        Some(at) => {
            let name: String = String::from_utf8_lossy(names[at]).chars().take(SHOWN).collect();
            let byte =
                line.split(|&b| b == b',').take(at).map(|field| field.len() + 1).sum::<usize>();
            Some((start + byte, format!("{problem}; column {} is `{name}`", at + 1)))
        }
        None => Some((start, problem)),
    }
}

fn names(line: &[u8], separator: u8) -> Vec<&[u8]> {
    line.split(|&b| b == separator).map(|name| unquoted(name.trim_ascii())).collect()
}

fn is_name(name: &[u8]) -> bool {
    HEADER.iter().any(|ours| ours.as_bytes() == name) || name.starts_with(b"truth_")
}

/// Whether most of these names are ours.
fn is_ours(names: &[&[u8]]) -> bool {
    let ours = names.iter().filter(|name| is_name(name)).count();
    ours >= LEAST && 2 * ours > names.len()
}
