//! Answers an expression for all rows at once: each comparison reads one column and gives a set,
//! sets are combined.

use super::{Bitmap, Columns, Expr, Op, Value};

impl<C: Columns> Expr<C> {
    /// The rows for which it is true.
    pub fn rows(&self, t: &C::Table) -> Bitmap {
        match self {
            Self::Or(a, b) => a.rows(t).or(&b.rows(t)),
            Self::And(a, b) => a.rows(t).and(&b.rows(t)),
            Self::Not(a) => a.rows(t).inverse(),
            Self::Flag(column) => column.flags(t),
            Self::Compare(column, op, Value::Number(n)) => {
                let (op, n) = (*op, *n);
                column.numbers(t, |x| holds(op, &x, &n))
            }
            Self::Compare(column, op, Value::Share(x)) => {
                let (op, x) = (*op, *x);
                column.shares(t, |y| holds(op, &y, &x))
            }
            Self::Compare(column, op, Value::Text(text)) => {
                column.texts(t, |spellings| says(*op, spellings, text))
            }
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
