//! What the probe printed: a line for each switch, `@s[TIME, CPU]: (PREV, NEXT, NUMBER, ...)`, in
//! no order. Words that were read in one go stand in brackets, `[WORD,WORD]`. Before them the plan
//! says `@room: COUNT`, for how many there was room; probes of older versions said `@n: COUNT`, how
//! many they saw. What is damaged costs its own line.

use super::Probe;
use super::program::Column;
use crate::trace::truth::{Field, Of, Value};
use crate::trace::{CpuId, MAX_CPUS, Pid};
use std::io::{BufRead, Read as _};

/// A line is some 500 bytes; what is longer is none of ours.
const LONGEST: u64 = 4 << 10;
/// So many rows are taken: several times what the plan gives the probe room for.
const MOST: usize = 4 << 20;

/// A switch as the probe saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By the monotonic clock, in ns.
    pub time: u64,
    /// Where.
    pub cpu: CpuId,
    /// Who left.
    pub prev: Pid,
    /// Who came in.
    pub next: Pid,
}

/// All that the probe printed.
#[derive(Debug, Default)]
pub struct Read {
    /// The switches by CPU and time, each with the place of its row.
    pub seen: Vec<(Seen, u32)>,
    /// Of [`Probe::fields`], row by row.
    values: Vec<Option<i64>>,
    width: usize,
    /// How many switches it saw, as far as that is known.
    pub count: u64,
    /// For how many it had room, if that was said.
    pub room: Option<u64>,
    /// Lines that could not be used.
    pub bad: u64,
}

impl Read {
    /// The numbers of a row.
    pub fn row(&self, place: u32) -> &[Option<i64>] {
        &self.values[place as usize * self.width..][..self.width]
    }

    /// Whether the room was used up: then later switches have no row.
    pub fn is_full(&self) -> bool {
        self.room.is_some_and(|room| self.count >= room)
    }
}

/// Reads to the end, or as far as it can be read.
pub fn read(mut input: impl BufRead, probe: &Probe) -> Read {
    let fields = probe.fields();
    let mut read = Read { width: fields.len(), ..Read::default() };
    let (mut line, mut numbers) = (Vec::new(), Vec::new());
    while read.seen.len() < MOST {
        line.clear();
        match input.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 => {}
            _ => break,
        }
        let text = std::str::from_utf8(&line).unwrap_or_default();
        // The last line of a stream that broke may look whole.
        let Some(text) = text.strip_suffix('\n') else {
            read.bad += 1;
            continue;
        };
        if let Some(count) = text.strip_prefix("@n: ") {
            read.count = count.trim().parse().unwrap_or(0);
        } else if let Some(room) = text.strip_prefix("@room: ") {
            read.room = room.trim().parse().ok();
        } else if let Some(row) = text.strip_prefix("@s[") {
            match seen(row, probe.columns.len(), &mut numbers) {
                Some(seen) => {
                    read.seen.push((seen, read.seen.len() as u32));
                    take(seen, probe, &fields, &numbers, &mut read.values);
                }
                None => read.bad += 1,
            }
        }
    }
    read.seen.sort_by_key(|(s, _)| (s.cpu, s.time));
    read.count = read.count.max(read.seen.len() as u64 + read.bad);
    read
}

/// `TIME, CPU]: (PREV, NEXT, NUMBER, ...)`; the numbers of the columns go into `numbers`.
fn seen(row: &str, columns: usize, numbers: &mut Vec<i64>) -> Option<Seen> {
    let (key, values) = row.split_once("]: (")?;
    let (time, cpu) = key.split_once(", ").or_else(|| key.split_once(','))?;
    let cpu: u16 = cpu.parse().ok().filter(|c| *c < MAX_CPUS)?;
    numbers.clear();
    let mut inside = false;
    for value in values.strip_suffix(')')?.split(',') {
        let value = value.trim();
        let value = match value.strip_prefix('[') {
            Some(_) if inside => return None,
            Some(first) => {
                inside = true;
                first
            }
            None => value,
        };
        let value = match value.strip_suffix(']') {
            Some(_) if !inside => return None,
            Some(last) => {
                inside = false;
                last
            }
            None => value,
        };
        numbers.push(number(value)?);
    }
    (!inside).then_some(())?;
    let pid = |n: i64| i32::try_from(n).ok().filter(|p| *p >= 0).map(Pid);
    let (prev, next) = (pid(*numbers.first()?)?, pid(*numbers.get(1)?)?);
    numbers.drain(..2);
    (numbers.len() == columns).then_some(())?;
    Some(Seen { time: time.parse().ok()?, cpu: CpuId(cpu), prev, next })
}

/// Either sign: what wraps is meant.
fn number(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse::<u64>().ok().map(|n| n as i64))
}

/// Puts the numbers of a row into the order of the fields. Something that is not there has a weight
/// of 0: a group of a task that is in none, the leftmost of an empty tree. The idle task has no
/// state.
fn take(
    seen: Seen,
    probe: &Probe,
    fields: &[Field],
    numbers: &[i64],
    values: &mut Vec<Option<i64>>,
) {
    let mut all = [None; Of::ALL.len() * Value::ALL.len()];
    let at = |of: Of, value: Value| of as usize * Value::ALL.len() + value as usize;
    for (column, &n) in probe.columns.iter().zip(numbers) {
        match column {
            &Column::Plain(f) => all[at(f.of, f.value)] = Some(n),
            Column::Word(parts) => {
                for part in parts {
                    let mask = u64::MAX >> (64 - part.bits);
                    let value = (n as u64) >> part.shift & mask;
                    all[at(part.field.of, part.field.value)] = Some(value as i64);
                }
            }
            &Column::Flags(of) => {
                for (value, n) in
                    [(Value::OnRq, n & 1), (Value::Delayed, n >> 1 & 1), (Value::Depth, n >> 8)]
                {
                    all[at(of, value)] = Some(n);
                }
            }
        }
    }
    let weight = |of: Of| all[at(of, Value::Weight)] != Some(0);
    let is_there = |of: Of| match of {
        Of::Prev => seen.prev != Pid(0),
        Of::Next => seen.next != Pid(0),
        Of::Queue => true,
        Of::GroupQueue => weight(Of::NextGroup),
        of => weight(of),
    };
    let there = Of::ALL.map(is_there);
    values.extend(fields.iter().map(|f| all[at(f.of, f.value)].filter(|_| there[f.of as usize])));
}
