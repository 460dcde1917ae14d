//! What stands before the fields of an event, in the usual layout and in latency format: who, where,
//! when.

use crate::ingest::num;

/// Who, where, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// `common_pid`; -1 when not known.
    pub actor: i32,
    pub cpu: u64,
    /// Clock value in ns.
    pub time: u64,
    /// The stamp is a whole number: the count of a clock that does not tell time.
    pub count: bool,
}

/// The head, and what follows it. The stamp is looked for first: it is the only thing that ends in
/// a digit, a colon and a space, and everything to its left but the name is fixed. A name can look
/// like a stamp, so every such place is tried, each at a cost that does not depend on how long the
/// line is.
pub fn head(line: &[u8]) -> Option<(Head, &[u8])> {
    memchr::memchr_iter(b':', line).find_map(|colon| {
        if *line.get(colon + 1)? != b' ' {
            return None;
        }
        // 520352811us : and 16763us+: in latency format; the sign says how long the pause was.
        let (end, micros) = match &line[..colon] {
            [.., b'0'..=b'9'] => (colon, false),
            [.., b'0'..=b'9', b'u', b's', b' ' | b'+' | b'!' | b'#' | b'*' | b'@' | b'$'] => {
                (colon - 3, true)
            }
            _ => return None,
        };
        let (left, time, count) = if micros {
            let (left, time) = num::trailing(&line[..end])?;
            (left, time.saturating_mul(1_000), false)
        } else {
            stamp_at_end(&line[..end])?
        };
        let (actor, cpu) = place(left.strip_suffix(b" ")?)?;
        Some((Head { actor, cpu, time, count }, line[colon + 1..].trim_ascii_start()))
    })
}

/// A stamp has at most 20 digits before the point and 9 behind it.
pub const STAMP: usize = 32;

/// Spaces, flags and the columns of thread groups, CPUs and pids are narrower than this.
const COLUMN: usize = 64;

/// Where the last byte of this kind is, within `far` bytes of the end.
pub fn last_of(text: &[u8], far: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let from = text.len().saturating_sub(far);
    text[from..].iter().rposition(|&b| is(b)).map(|at| from + at)
}

/// The last place of `byte`, within a column of the end.
pub fn last(text: &[u8], byte: u8) -> Option<usize> {
    last_of(text, COLUMN, |b| b == byte)
}

/// Without the spaces at the end.
pub fn trimmed(text: &[u8]) -> Option<&[u8]> {
    last_of(text, COLUMN, |b| b != b' ').map(|at| &text[..=at])
}

pub fn place(text: &[u8]) -> Option<(i32, u64)> {
    let text = trimmed(text)?;
    let (text, cpu) = bracketed(text).or_else(|| {
        let (left, flags) = text.split_at(last(text, b' ')? + 1);
        bracketed(trimmed(left)?).filter(|_| flags.len() <= 8).or_else(|| {
            let digits = flags.iter().position(|b| !b.is_ascii_digit())?;
            let known = (4..=6).contains(&(flags.len() - digits));
            Some((left, num::unsigned(&flags[..digits]).filter(|_| known)?))
        })
    })?;
    let mut text = trimmed(text)?;
    if let Some(inner) = text.strip_suffix(b")") {
        text = trimmed(&inner[..last(inner, b'(')?])?;
    }
    let (name, pid) = num::trailing(text)?;
    let name = name.strip_suffix(b"-")?;
    // The way `export` writes an actor that is not known.
    let unknown = pid == 1 && name.ends_with(b"<...>-");
    Some((if unknown { -1 } else { i32::try_from(pid).ok()? }, cpu))
}

/// `... [001]`: what is before, and the number.
pub fn bracketed(text: &[u8]) -> Option<(&[u8], u64)> {
    let (before, n) = num::trailing(text.strip_suffix(b"]")?)?;
    Some((before.strip_suffix(b"[")?, n))
}

/// `4084.521486` in µs or `4123.237432777` in ns; without a point it is the raw value of a counting
/// clock, which is said.
pub fn stamp(text: &[u8]) -> Option<(u64, bool)> {
    stamp_at_end(text).and_then(|(left, time, count)| left.is_empty().then_some((time, count)))
}

/// [`stamp`] of what a text ends in, and what comes before it.
fn stamp_at_end(text: &[u8]) -> Option<(&[u8], u64, bool)> {
    let (left, n) = num::trailing(text)?;
    let Some(whole) = left.strip_suffix(b".") else { return Some((left, n, true)) };
    let ns = n * 10u64.checked_pow(9u32.checked_sub((text.len() - left.len()) as u32)?)?;
    let (left, seconds) = num::trailing(whole)?;
    Some((left, seconds.saturating_mul(1_000_000_000).saturating_add(ns), false))
}
