//! Filter expressions over this table: what each column answers for all rows at once. Names are
//! compared once per thread or recording, not once per row. The language is in [`crate::query`].

pub use crate::query::{Choice, Completion, FilterError, OPS, Op, Value};

use super::column::{COLUMNS, Column};
use super::table::{Enqueued, Table, ThreadName};
use crate::evaluate::score::{ECE_BINS, STATE_SLICES, state_class};
use crate::query::{self, Bitmap, Columns, Described, Kind, quoted};
use crate::trace::{SchedClass, TaskState};

/// A question to each decision.
pub type Expr = query::Expr<Column>;

/// The expression in `text`.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    query::parse(text)
}

/// What could be typed after the first `at` characters of `text`.
pub fn complete(table: &Table, text: &str, at: usize) -> Completion {
    query::complete::<Column>(table, text, at)
}

/// A class of states, or a state as it is written in the list.
fn is_state(text: &str) -> bool {
    let parsed = TaskState::parse(text.as_bytes());
    STATE_SLICES.contains(&text) || parsed.is_some_and(|state| state.label().to_string() == text)
}

impl Columns for Column {
    type Table = Table;

    const ALL: &'static [Described<Self>] = &COLUMNS;

    fn numbers(self, t: &Table, holds: impl Fn(u64) -> bool + Sync) -> Bitmap {
        let len = t.len();
        let small = |of: &[u16]| Bitmap::of(len, |i| holds(u64::from(of[i])));
        match self {
            Self::Queue => small(&t.queue),
            Self::Rank => small(&t.rank),
            Self::Time => Bitmap::of(len, |i| holds(t.time[i])),
            _ => Bitmap::of(len, |i| self.count(t, i).is_some_and(&holds)),
        }
    }

    fn shares(self, t: &Table, holds: impl Fn(f32) -> bool + Sync) -> Bitmap {
        match self {
            Self::P => Bitmap::of(t.len(), |i| holds(t.p[i])),
            Self::PReal => Bitmap::of(t.len(), |i| holds(t.p_real[i])),
            _ => Bitmap::of(t.len(), |i| holds(self.share(t, i))),
        }
    }

    fn texts(self, t: &Table, says: impl Fn(&[&str]) -> bool + Sync) -> Bitmap {
        let len = t.len();
        match self {
            Self::State => {
                let mut seen = vec![None; 1 << 16];
                for state in &t.state {
                    let answer = &mut seen[usize::from(state.0)];
                    if answer.is_none() {
                        let label = state.label().to_string();
                        *answer = Some(says(&[&label, STATE_SLICES[state_class(*state)]]));
                    }
                }
                Bitmap::of(len, |i| seen[usize::from(t.state[i].0)] == Some(true))
            }
            Self::Enqueued => {
                let good = Enqueued::ALL.map(|e| says(&[e.label()]));
                Bitmap::of(len, |i| good[t.enqueued[i] as usize])
            }
            Self::Prev | Self::Pred | Self::Real | Self::OtherPred => {
                // A thread is meant by its name, its name's group, or name and pid together.
                let one = |who: &ThreadName| {
                    let full = format!("{}:{}", who.name, who.pid);
                    let group = t.groups.get(who.group as usize).map_or("", |g| g);
                    says(&[&who.name, group, if who.pid == 0 { "idle" } else { &full }])
                };
                let good: Vec<Vec<bool>> =
                    t.sources.iter().map(|s| s.threads.iter().map(one).collect()).collect();
                let who = |i: usize| {
                    self.thread(t, i).map_or(usize::MAX, |th| t.source_of(i).who_ix(th, t.event[i]))
                };
                Bitmap::of(len, |i| {
                    good[usize::from(t.source[i])].get(who(i)).copied().unwrap_or(false)
                })
            }
            _ => {
                let good: Vec<bool> = t
                    .sources
                    .iter()
                    .map(|s| self.of_source(s).is_some_and(|v| says(&[v])))
                    .collect();
                Bitmap::of(len, |i| good[usize::from(t.source[i])])
            }
        }
    }

    fn flags(self, t: &Table) -> Bitmap {
        Bitmap::of(t.len(), |i| self.flag(t, i))
    }

    fn usable(self, t: &Table) -> bool {
        t.has_other() || !self.is_of_second()
    }

    fn choices(self) -> Vec<&'static str> {
        match self {
            Self::Enqueued => Enqueued::ALL.map(Enqueued::label).into(),
            Self::Scheduler => [SchedClass::Cfs, SchedClass::Eevdf, SchedClass::Unknown]
                .map(SchedClass::label)
                .into(),
            _ => Vec::new(),
        }
    }

    fn impossible(self, value: &Value) -> Option<String> {
        match (self, value) {
            (_, Value::Share(x)) if *x > 1.0 => {
                Some(format!("{} is a share: 0 to 1, or 0% to 100%", self.name()))
            }
            (Self::Bin, Value::Number(n)) if !(1..=ECE_BINS as u64).contains(n) => {
                Some(format!("bin is 1 to {ECE_BINS}"))
            }
            (Self::State, Value::Text(text)) if !is_state(text) => Some(format!(
                "no state {text:?}: it is one of {}, or the letters of ftrace (T, X, Z, D|K, ...)",
                STATE_SLICES.join(", ")
            )),
            _ => None,
        }
    }

    fn values(self, t: &Table) -> Vec<String> {
        let mut texts: Vec<String> = match self {
            Self::State => return STATE_SLICES.map(String::from).into(),
            Self::Enqueued => return self.choices().into_iter().map(str::to_owned).collect(),
            Self::Cpu => {
                let mut seen: Vec<u16> = t.cpu.iter().map(|c| c.0).collect();
                seen.sort_unstable();
                seen.dedup();
                return seen.iter().map(ToString::to_string).collect();
            }
            Self::Prev | Self::Pred | Self::Real | Self::OtherPred => {
                t.groups.iter().map(|g| quoted(g)).collect()
            }
            _ if self.kind() == Kind::Text => {
                t.sources.iter().filter_map(|s| self.of_source(s)).map(quoted).collect()
            }
            _ => Vec::new(),
        };
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}
