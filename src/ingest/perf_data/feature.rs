//! What `perf record` notes about the machine: kernel, CPUs, version, command line.

use super::u32_at;
use crate::trace::{MAX_CPUS, TraceMeta};

/// Format texts of the events.
pub const FORMATS: u64 = 1;
const KERNEL: u64 = 4;
const VERSION: u64 = 5;
const CPUS: u64 = 7;
const COMMAND: u64 = 11;

/// True for the features that are read.
pub fn wanted(number: u64) -> bool {
    matches!(number, FORMATS | KERNEL | VERSION | CPUS | COMMAND)
}

/// Takes over what a feature says; [`FORMATS`] is for others.
pub fn take(number: u64, bytes: &[u8], to: &mut TraceMeta) {
    match number {
        KERNEL => to.kernel = text(bytes).map(|t| t.0).unwrap_or_default(),
        VERSION => to.tool = text(bytes).map(|t| format!("perf {}", t.0)).unwrap_or_default(),
        CPUS => {
            // Those that the machine could have come first.
            let online = u32_at(bytes, 4).filter(|n| *n <= u32::from(MAX_CPUS));
            to.cpus = to.cpus.max(online.unwrap_or(0) as u16);
        }
        COMMAND => to.command = command(bytes),
        _ => {}
    }
}

/// A text with its length before it, and what follows.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let length = u32_at(bytes, 0)? as usize;
    let (text, rest) = bytes[4..].split_at_checked(length)?;
    let end = memchr::memchr(0, text).unwrap_or(length);
    Some((String::from_utf8_lossy(&text[..end]).into_owned(), rest))
}

/// The words of the command line, as far as they are there.
fn command(bytes: &[u8]) -> String {
    let count = u32_at(bytes, 0).unwrap_or(0) as usize;
    let mut rest = bytes.get(4..).unwrap_or_default();
    let mut words = Vec::new();
    while let Some((word, after)) = text(rest).filter(|_| words.len() < count) {
        words.push(word);
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: Option<u32>, texts: &[&str]) -> Vec<u8> {
        let mut bytes: Vec<u8> = count.map(|n| n.to_le_bytes().to_vec()).unwrap_or_default();
        for text in texts {
            let padded = text.len() / 64 * 64 + 64;
            bytes.extend((padded as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
            bytes.resize(bytes.len() + padded - text.len(), 0);
        }
        bytes
    }

    #[test]
    fn what_is_noted_is_kept_and_what_is_cut_is_not() {
        let mut meta = TraceMeta::default();
        take(KERNEL, &texts(None, &["6.18.44"]), &mut meta);
        take(CPUS, &[8_u32, 2].map(u32::to_le_bytes).concat(), &mut meta);
        let line = texts(Some(3), &["perf", "record", "-a"]);
        take(COMMAND, &line, &mut meta);
        assert_eq!((&*meta.kernel, meta.cpus, &*meta.command), ("6.18.44", 2, "perf record -a"));
        take(COMMAND, &line[..line.len() - 1], &mut meta);
        take(KERNEL, &[200, 0, 0, 0, b'6'], &mut meta);
        take(CPUS, &[8_u32, u32::MAX].map(u32::to_le_bytes).concat(), &mut meta);
        assert_eq!((&*meta.kernel, meta.cpus, &*meta.command), ("", 2, "perf record"));
    }
}
