//! Text that others wrote (names of tasks and files, what a kernel or a machine says) made fit to
//! be shown: characters that steer a terminal, turn the direction of writing or cannot be seen
//! become escapes that can. No room is lower.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a character does something else than stand where it is written: controls (C0, DEL, C1),
/// line and paragraph separators, controls of direction, characters without width or look.
pub fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A text for one line: every [`hidden`] character is written as `\x1b` or `\u{202e}`.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// A text of several lines: as [`shown`], but line ends (also those of two characters) and tabs
/// stay.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    let stays = |c| matches!(c, '\n' | '\t');
    if text.contains("\r\n") {
        return Cow::Owned(escaped(&text.replace("\r\n", "\n"), stays).into_owned());
    }
    escaped(text, stays)
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let hides = |c: char| hidden(c) && !stays(c);
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // A String takes all.
        let _ = match c {
            c if !hides(c) => out.write_char(c),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c => write!(out, "\\u{{{:x}}}", u32::from(c)),
        };
    }
    Cow::Owned(out)
}

/// As much of a text as fits into so many columns; what is missing shows as `…` at its end.
pub fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.into();
    }
    text.chars().take(room.saturating_sub(1)).chain((room > 0).then_some('…')).collect()
}

/// The same of its end: of a path that says most.
pub fn tail(text: &str, room: usize) -> String {
    let count = text.chars().count();
    if count <= room {
        return text.into();
    }
    let end = text.chars().skip(count - room.saturating_sub(1).min(count));
    (room > 0).then_some('…').into_iter().chain(end).collect()
}

/// A number with thousands separated by commas.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 line`, `2 lines`.
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `1 event`, `1,200 events`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Which whole numbers are taken, for whoever typed something else. [`u64::MAX`] as the most is
/// said only to who typed more.
pub fn whole_number(typed: &str, least: u64, most: u64) -> String {
    let is_number = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    if most < u64::MAX {
        format!("a whole number from {least} to {most}")
    } else if is_number && typed.parse::<u64>().is_err() {
        format!("a whole number, at most {most}")
    } else {
        format!("a whole number, {least} or more")
    }
}

/// The line, from 1, that byte `at` of a text lies in.
pub fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1
}

/// JSON in which every [`hidden`] character of a string is an escape of JSON: the same value for
/// whoever reads it. `json` must be JSON; outside of strings only line ends are hidden characters
/// there, and those stay.
pub fn shown_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}"); // a String takes all
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes what it is given as [`shown_lines`]; bytes that are no UTF-8 become escapes too.
#[derive(Debug)]
pub struct Shown<W: Write> {
    to: W,
    /// The beginning of a character whose rest is still to come.
    begun: Vec<u8>,
}

impl<W: Write> Shown<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, begun: Vec::new() }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.utf8_chunks() {
            self.to.write_all(escaped(chunk.valid(), |c| matches!(c, '\n' | '\t')).as_bytes())?;
            for byte in chunk.invalid() {
                write!(self.to, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let all = [std::mem::take(&mut self.begun), bytes.to_vec()].concat();
        let whole = match std::str::from_utf8(&all) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            // Bad bytes before a character that is only begun: it is looked for behind them.
            Err(_) => all.len() - begun_at_end(&all),
            Ok(_) => all.len(),
        };
        self.put(&all[..whole])?;
        self.begun = all[whole..].to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        self.put(&begun)?;
        self.to.flush()
    }
}

/// Bytes at the end that may be the beginning of a character.
fn begun_at_end(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let begins = |n: &usize| {
        std::str::from_utf8(&tail[tail.len() - n..]).is_err_and(|e| e.error_len().is_none())
    };
    (1..=tail.len()).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREIGN: &str = "a\u{1b}]52;c;eA==\u{7}\u{9b}31m\u{7f}\u{202e}b\u{2066}\u{200f}\u{61c}\u{feff}\u{2028}\r\n\té日";

    #[test]
    fn what_is_cut_says_so() {
        let at = [0, 1, 4, 5, 9].map(|room| cut("nächt", room));
        assert_eq!(at, ["", "…", "näc…", "nächt", "nächt"]);
        let at = [0, 1, 4, 5].map(|room| tail("nächt", room));
        assert_eq!(at, ["", "…", "…cht", "nächt"]);
    }

    #[test]
    fn what_is_hidden_is_seen_and_the_rest_stays() {
        assert!(matches!(shown("hackbench:41 é日 ▌✗"), Cow::Borrowed(_)));
        assert_eq!(shown("\u{1b}[2J\n"), "\\x1b[2J\\x0a");
        assert_eq!(shown("\u{9b}\u{202e}x\u{e0041}"), "\\x9b\\u{202e}x\\u{e0041}");
        assert_eq!(shown_lines("a\r\nb\rc\td"), "a\nb\\x0dc\td");
        assert!(!shown(FOREIGN).chars().any(hidden));
        assert!(shown_lines(FOREIGN).ends_with("\\u{2028}\n\té日"));
    }

    #[test]
    fn json_means_the_same() {
        let text = serde_json::to_string(&[FOREIGN]).unwrap();
        let safe = shown_json(&text);
        assert!(!safe.chars().any(hidden));
        assert_eq!(serde_json::from_str::<[String; 1]>(&safe).unwrap()[0], FOREIGN);
    }

    #[test]
    fn a_writer_escapes_wherever_its_input_is_cut() {
        let bytes = [FOREIGN.as_bytes(), b"\x9b\xff", "é\u{9b}".as_bytes(), b"\xe2\x80"].concat();
        let all = |cut: usize| {
            let mut out = Vec::new();
            let mut writer = Shown::new(&mut out);
            for part in bytes.chunks(cut) {
                writer.write_all(part).unwrap();
            }
            writer.flush().unwrap();
            String::from_utf8(out).unwrap()
        };
        let whole = all(bytes.len());
        assert!(whole.ends_with("é日\\x9b\\xffé\\x9b\\xe2\\x80"), "{whole}");
        assert!(!whole.chars().any(|c| hidden(c) && c != '\n' && c != '\t'));
        for cut in 1..8 {
            assert_eq!(all(cut), whole, "cut every {cut}");
        }
    }
}
