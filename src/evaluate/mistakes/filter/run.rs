//! Answers an expression for all rows at once: each comparison reads one column and gives a set, sets are combined.
//! Names are compared once per thread or recording, not once per row.

use super::{Expr, Op, Value};
use crate::evaluate::mistakes::bitmap::Bitmap;
use crate::evaluate::mistakes::column::{Column, Kind, STATES, state_class};
use crate::evaluate::mistakes::table::{Enqueued, Table};
use crate::trace::TaskState;

impl Expr {
    /// The rows for which it is true.
    pub fn rows(&self, t: &Table) -> Bitmap {
        match self {
            Self::Or(a, b) => a.rows(t).or(&b.rows(t)),
            Self::And(a, b) => a.rows(t).and(&b.rows(t)),
            Self::Not(a) => a.rows(t).inverse(),
            Self::Flag(column) => Bitmap::of(t.len(), |i| column.flag(t, i)),
            Self::Compare(column, op, Value::Number(n)) => numbers(t, *column, *op, *n),
            Self::Compare(column, op, Value::Share(x)) => {
                let (op, x) = (*op, *x);
                match column {
                    Column::P => Bitmap::of(t.len(), |i| holds(op, &t.p[i], &x)),
                    Column::PReal => Bitmap::of(t.len(), |i| holds(op, &t.p_real[i], &x)),
                    _ => Bitmap::of(t.len(), |i| holds(op, &column.share(t, i), &x)),
                }
            }
            Self::Compare(column, op, Value::Text(text)) => texts(t, *column, *op, text),
        }
    }
}

fn holds<T: PartialOrd>(op: Op, a: &T, b: &T) -> bool {
    match op {
        Op::Eq => a == b,
        Op::Ne => a != b,
        Op::Lt => a < b,
        Op::Le => a <= b,
        Op::Gt => a > b,
        Op::Ge => a >= b,
        Op::Has | Op::HasNot => false,
    }
}

fn numbers(t: &Table, column: Column, op: Op, n: u64) -> Bitmap {
    let len = t.len();
    let small = |of: &[u16]| Bitmap::of(len, |i| holds(op, &u64::from(of[i]), &n));
    match column {
        Column::Queue => small(&t.queue),
        Column::Rank => small(&t.rank),
        Column::Time => Bitmap::of(len, |i| holds(op, &t.time[i], &n)),
        _ => Bitmap::of(len, |i| column.count(t, i).is_some_and(|x| holds(op, &x, &n))),
    }
}

/// Whether one of a value's spellings is, or contains, the text.
fn says(op: Op, spellings: &[&str], text: &str) -> bool {
    match op {
        Op::Eq => spellings.contains(&text),
        Op::Ne => !spellings.contains(&text),
        _ => {
            let needle = text.to_lowercase();
            spellings.iter().any(|s| s.to_lowercase().contains(&needle)) == (op == Op::Has)
        }
    }
}

fn texts(t: &Table, column: Column, op: Op, text: &str) -> Bitmap {
    debug_assert_eq!(column.kind(), Kind::Text);
    let len = t.len();
    match column {
        Column::State => {
            let mut seen = vec![None; 1 << 16];
            for state in &t.state {
                let answer = &mut seen[usize::from(state.0)];
                if answer.is_none() {
                    let label = TaskState(state.0).label().to_string();
                    *answer = Some(says(op, &[&label, STATES[state_class(*state)]], text));
                }
            }
            Bitmap::of(len, |i| seen[usize::from(t.state[i].0)] == Some(true))
        }
        Column::Enqueued => {
            let good = Enqueued::ALL.map(|e| says(op, &[e.label()], text));
            Bitmap::of(len, |i| good[t.enqueued[i] as usize])
        }
        Column::Prev | Column::Pred | Column::Real | Column::OtherPred => {
            // A thread is meant by its name, its name's group, or name and pid together.
            let good: Vec<Vec<bool>> = (t.sources.iter())
                .map(|source| {
                    let one = |who: &crate::evaluate::mistakes::table::Who| {
                        let full = format!("{}:{}", who.name, who.pid);
                        let group = t.groups.get(who.group as usize).map_or("", |g| g);
                        says(op, &[&who.name, group, if who.pid == 0 { "idle" } else { &full }], text)
                    };
                    source.threads.iter().map(one).collect()
                })
                .collect();
            let who = |i: usize| column.thread(t, i).map_or(usize::MAX, |th| t.source_of(i).who_ix(th, t.event[i]));
            Bitmap::of(len, |i| good[usize::from(t.source[i])].get(who(i)).copied().unwrap_or(false))
        }
        _ => {
            let good: Vec<bool> =
                t.sources.iter().map(|s| column.of_source(s).is_some_and(|v| says(op, &[v], text))).collect();
            Bitmap::of(len, |i| good[usize::from(t.source[i])])
        }
    }
}
