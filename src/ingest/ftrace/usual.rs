//! The line that nearly every line of a text is, read from left to right in one pass: columns as
//! the kernel pads them, one of five events, fields under their names, a line end right behind the
//! last number.
//!
//! What it takes, [`super::line::parse`] reads the same way; whatever differs by a byte is left to
//! that (`None`). So a rule here may be too narrow, and must never be too wide. Words of eight or
//! sixteen bytes are looked at in one step. Where nearly all lines have something at one place,
//! that place is taken and then checked: what follows need not wait until the lengths of all before
//! are known.

// A call would cost as much as what it does: lines come by the million.
#![allow(clippy::inline_always)]

use super::head::Head;
use super::line::Body;
use super::payload::{Migrate, Named, Switch, Wakeup};
use crate::trace::{EventKind, TaskState};

/// A line, and its length with its end.
pub type Taken<'a> = (Head, Body<'a>, usize);

/// The line that `text` begins with.
pub fn line(text: &[u8]) -> Option<Taken<'_>> {
    let (head, rest) = columns(text).or_else(|| head(text))?;
    let (body, rest) = body(rest)?;
    Some((head, body, text.len() - rest.strip_prefix(b"\n")?.len()))
}

//        hackbench-13548   [000] dN.2.  4084.523590: sched_switch: ...
//                 16       25 28 31    36    42
/// [`head`] with a pid of up to seven digits, a CPU of three, five flags and up to five digits of
/// seconds.
#[inline(always)]
fn columns(text: &[u8]) -> Option<(Head, &[u8])> {
    let (_, rest) = text.split_first_chunk::<43>()?;
    // How much is left of the text tells where a part of it ends.
    let left = |at: usize| text.len() - at;
    let (actor, behind) = number(actor(text)?)?;
    let (cpu, closing) = three(&text[26..])?;
    if unknown(actor, text)
        || behind_spaces(behind)?.len() != left(25)
        || text[25] != b'['
        || !closing.starts_with(b"] ")
        || behind_flags(&text[31..])?.len() != left(36)
    {
        return None;
    }
    let (seconds, behind) = number(behind_spaces(&text[36..])?)?;
    if behind.len() != left(42) || text[42] != b'.' {
        return None;
    }
    let (ns, rest) = fraction(rest)?;
    let head = Head { actor: actor as i32, cpu, time: seconds * 1_000_000_000 + ns, count: false };
    Some((head, rest.strip_prefix(b": ")?))
}

/// What is behind the name of the actor and its `-`.
#[inline(always)]
fn actor(text: &[u8]) -> Option<&[u8]> {
    let (comm, rest) = text.split_first_chunk::<16>()?;
    let padded = u128::from_le_bytes(*comm);
    // A name that breaks the line, or holds what may be the end of a stamp.
    let colons = places(padded, b':');
    if places(padded, b'\n') != 0 || (colons != 0 && colons & (places(padded, b' ') >> 8) != 0) {
        return None;
    }
    rest.strip_prefix(b"-")
}

/// `<...>--1`: an actor that is not known.
#[inline(always)]
fn unknown(actor: u64, text: &[u8]) -> bool {
    actor == 1 && text[15] == b'-'
}

fn head(text: &[u8]) -> Option<(Head, &[u8])> {
    let (actor, rest) = number(actor(text)?)?;
    if unknown(actor, text) {
        return None;
    }
    let (cpu, rest) = number(behind_spaces(rest)?.strip_prefix(b"[")?)?;
    let rest = behind_flags(rest.strip_prefix(b"] ")?)?;
    let (seconds, rest) = number(behind_spaces(rest)?)?;
    let (ns, rest) = fraction(rest.strip_prefix(b".")?)?;
    let head = Head { actor: actor as i32, cpu, time: seconds * 1_000_000_000 + ns, count: false };
    Some((head, rest.strip_prefix(b": ")?))
}

#[inline(always)]
fn body(text: &[u8]) -> Option<(Body<'_>, &[u8])> {
    if let Some(fields) = text.strip_prefix(b"sched_switch: prev_comm=") {
        return switch(fields);
    }
    let (kind, fields) = if let Some(fields) = text.strip_prefix(b"sched_wakeup: comm=") {
        (EventKind::Wakeup, fields)
    } else if let Some(fields) = text.strip_prefix(b"sched_waking: comm=") {
        (EventKind::Waking, fields)
    } else if let Some(fields) = text.strip_prefix(b"sched_wakeup_new: comm=") {
        (EventKind::WakeupNew, fields)
    } else {
        (EventKind::Migrate, text.strip_prefix(b"sched_migrate_task: comm=")?)
    };
    let (task, rest) = task(fields, b" pid=", b" prio=")?;
    if kind == EventKind::Migrate {
        let (from, rest) = number(rest.strip_prefix(b" orig_cpu=")?)?;
        let (to, rest) = number(rest.strip_prefix(b" dest_cpu=")?)?;
        return Some((Body::Migrate(Migrate { task, from, to }), rest));
    }
    let (cpu, rest) = often_three(rest.strip_prefix(b" target_cpu=")?)?;
    Some((Body::Wakeup(kind, Wakeup { task, cpu, success: true }), rest))
}

// lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=R+ ==> next_comm=bash next_pid=15
// next_prio=120
#[inline(always)]
fn switch(text: &[u8]) -> Option<(Body<'_>, &[u8])> {
    let (prev, rest) = task(text, b" prev_pid=", b" prev_prio=")?;
    let rest = rest.strip_prefix(b" prev_state=")?;
    let letters = if *rest.get(1)? == b' ' { 1 } else { 2 };
    let (state, rest) = rest.split_at_checked(letters)?;
    let (next, rest) = task(rest.strip_prefix(b" ==> next_comm=")?, b" next_pid=", b" next_prio=")?;
    // Numbers have more digits in other layouts.
    let state = if state[0].is_ascii_digit() { None } else { TaskState::parse(state) };
    Some((Body::Switch(Switch { prev, state: state?, next }), rest))
}

/// A name up to the first place of the key `pid`, a pid, the key `prio`, and a priority that is not
/// negative.
#[inline(always)]
fn task<'a, const N: usize, const M: usize>(
    text: &'a [u8],
    pid: &[u8; N],
    prio: &[u8; M],
) -> Option<(Named<'a>, &'a [u8])> {
    let (comm, rest) = name(text, pid)?;
    let (pid, rest) = number(rest)?;
    let (prio, rest) = often_three(rest.strip_prefix(prio)?)?;
    Some((Named { comm, pid: pid as i32, prio: i16::try_from(prio).ok()? }, rest))
}

/// At most 15 bytes without control characters.
#[inline(always)]
fn name<'a, const N: usize>(text: &'a [u8], key: &[u8; N]) -> Option<(&'a [u8], &'a [u8])> {
    let mut ends = low(u128::from_le_bytes(*text.first_chunk()?));
    while ends != 0 {
        let (comm, rest) = text.split_at(ends.trailing_zeros() as usize / 8);
        if let Some(rest) = rest.strip_prefix(key) {
            return Some((comm, rest));
        }
        if rest[0] != b' ' {
            return None;
        }
        ends &= ends - 1;
    }
    None
}

#[inline(always)]
fn behind_spaces(text: &[u8]) -> Option<&[u8]> {
    let word = u64::from_le_bytes(*text.first_chunk()?) ^ u64::from_le_bytes([b' '; 8]);
    let spaces = word.trailing_zeros() as usize / 8;
    if (1..8).contains(&spaces) { Some(&text[spaces..]) } else { None }
}

/// Up to seven letters and a space that is left: `d..2. `. They do not look like the end of another
/// column.
#[inline(always)]
fn behind_flags(text: &[u8]) -> Option<&[u8]> {
    let word = text.first_chunk::<8>()?;
    let flags =
        low(u128::from(u64::from_le_bytes(*word)) | u128::MAX << 64).trailing_zeros() as usize / 8;
    let last = *word.get(flags.wrapping_sub(1))?;
    if flags < 8 && word[flags] == b' ' && last != b':' && last != b']' {
        Some(&text[flags..])
    } else {
        None
    }
}

/// Micro- or nanoseconds behind a point, in ns.
#[inline(always)]
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    match decimal(*text.first_chunk()?) {
        (micros, 6) => Some((micros * 1_000, &text[6..])),
        (tens, 8) => {
            let digit = text.get(8)?.wrapping_sub(b'0');
            if digit <= 9 { Some((tens * 10 + u64::from(digit), &text[9..])) } else { None }
        }
        _ => None,
    }
}

/// The number that `text` begins with: its first eight digits at most, so that what must follow it
/// is to be looked for.
#[inline(always)]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (value, digits) = decimal(*text.first_chunk()?);
    if digits > 0 { Some((value, &text[digits..])) } else { None }
}

/// [`number`] where nearly all have three digits.
#[inline(always)]
fn often_three(text: &[u8]) -> Option<(u64, &[u8])> {
    three(text).or_else(|| number(text))
}

/// A number of three digits, and no digit behind it.
#[inline(always)]
fn three(text: &[u8]) -> Option<(u64, &[u8])> {
    const TOP: u32 = u32::from_le_bytes([0x80; 4]);
    let word = u32::from_le_bytes(*text.first_chunk()?) ^ u32::from_le_bytes([b'0'; 4]);
    // As in [`decimal`].
    if (word.wrapping_add(u32::from_le_bytes([0x76; 4])) | word) & TOP != 0x8000_0000 {
        return None;
    }
    let value = (word & 0xff) * 100 + (word >> 8 & 0xff) * 10 + (word >> 16 & 0xff);
    Some((u64::from(value), &text[3..]))
}

/// The value of the digits that eight bytes begin with, and how many they are.
#[inline(always)]
fn decimal(bytes: [u8; 8]) -> (u64, usize) {
    const TOP: u64 = u64::from_le_bytes([0x80; 8]);
    let word = u64::from_le_bytes(bytes) ^ u64::from_le_bytes([b'0'; 8]);
    // Bytes above 9 get their highest bit; a carry only reaches bytes behind the first of them.
    let others = (word.wrapping_add(u64::from_le_bytes([0x76; 8])) | word) & TOP;
    let digits = others.trailing_zeros() as usize / 8;
    if digits == 0 {
        return (0, 0);
    }
    // The last digit comes to the highest byte, zeros before the first; then pairs, fours and
    // eights are joined.
    let word = word << (64 - 8 * digits);
    let pairs = (word * 10 + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000 + (fours >> 32)) & 0xffff_ffff, digits)
}

const ONES: u128 = u128::from_le_bytes([1; 16]);
const TOPS: u128 = u128::from_le_bytes([0x80; 16]);

/// The highest bit of each byte that is `byte`. Behind the first one there may be more.
#[inline(always)]
fn places(word: u128, byte: u8) -> u128 {
    let word = word ^ (ONES * u128::from(byte));
    word.wrapping_sub(ONES) & !word & TOPS
}

/// The highest bit of each byte that is a space or below it. Behind the first one there may be
/// more.
#[inline(always)]
fn low(word: u128) -> u128 {
    word.wrapping_sub(ONES * 0x21) & !word & TOPS
}
