//! Filter expressions over the table's columns: what they are, how they are written, what is wrong with one.
//!
//! ```text
//! expr     = expr "or" expr | expr "and" expr | "not" expr | "(" expr ")" | flag | column op value
//! op       = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"        ~ contains, whatever the case
//! value    = word | "quoted text"                                     12us  1.2s  0.9  90%  hackbench  "a b"
//! ```
//!
//! "not" binds tightest, then "and", then "or". A comparison with an unknown value is false.

mod complete;
mod lexer;
mod parse;
mod run;

pub use complete::{Choice, Completion, complete};
pub use parse::parse;

use super::column::{Column, Kind};
use std::fmt;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Has,
    HasNot,
}

/// All of them as written; longer ones before their beginnings.
pub const OPS: [(Op, &str); 8] = [
    (Op::Ne, "!="),
    (Op::HasNot, "!~"),
    (Op::Le, "<="),
    (Op::Ge, ">="),
    (Op::Eq, "="),
    (Op::Lt, "<"),
    (Op::Gt, ">"),
    (Op::Has, "~"),
];

impl Op {
    /// As written.
    pub fn text(self) -> &'static str {
        OPS.iter().find(|o| o.0 == self).map_or("?", |o| o.1)
    }

    /// Whether values of this kind can be compared so.
    pub fn fits(self, kind: Kind) -> bool {
        match kind {
            Kind::Flag => false,
            Kind::Text => matches!(self, Self::Eq | Self::Ne | Self::Has | Self::HasNot),
            _ => !matches!(self, Self::Has | Self::HasNot),
        }
    }
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// For [`Kind::Count`]; for [`Kind::Time`] in ns.
    Number(u64),
    /// For [`Kind::Share`].
    Share(f32),
    /// For [`Kind::Text`].
    Text(String),
}

/// A question to each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A column of [`Kind::Flag`].
    Flag(Column),
    /// A comparison; column, operator and value fit each other.
    Compare(Column, Op, Value),
}

impl Expr {
    /// `column = text`.
    pub fn is(column: Column, text: &str) -> Self {
        Self::Compare(column, Op::Eq, Value::Text(text.into()))
    }

    /// `column op number`.
    pub fn number(column: Column, op: Op, n: u64) -> Self {
        Self::Compare(column, op, Value::Number(n))
    }

    /// Both. What `other` asks for one by one is asked for one by one, so that it is written without parentheses.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match other {
            Self::And(a, b) => self.and(*a).and(*b),
            other => Self::And(Box::new(self), Box::new(other)),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    fn power(&self) -> u8 {
        match self {
            Self::Or(..) => 1,
            Self::And(..) => 2,
            _ => 3,
        }
    }

    fn write(&self, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.power() < least {
            f.write_str("(")?;
            self.write(0, f)?;
            return f.write_str(")");
        }
        match self {
            Self::Or(a, b) | Self::And(a, b) => {
                let power = self.power();
                a.write(power, f)?;
                f.write_str(if power == 1 { " or " } else { " and " })?;
                // Operators group to the left; what stands right of one keeps its parentheses.
                b.write(power + 1, f)
            }
            Self::Not(a) => {
                f.write_str("not ")?;
                a.write(3, f)
            }
            Self::Flag(column) => f.write_str(column.name()),
            Self::Compare(column, op, value) => {
                write!(f, "{}{}", column.name(), op.text())?;
                match value {
                    Value::Number(n) if column.kind() == Kind::Time => f.write_str(&written_time(*n)),
                    Value::Number(n) => write!(f, "{n}"),
                    Value::Share(x) => write!(f, "{x}"),
                    Value::Text(text) => f.write_str(&quoted(text)),
                }
            }
        }
    }
}

/// As it would be typed: parsing it gives the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}

/// A duration in the largest unit that keeps it whole.
fn written_time(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let fits = units.into_iter().find(|(size, _)| ns.is_multiple_of(*size));
    fits.filter(|_| ns > 0).map_or_else(|| format!("{ns}ns"), |(size, unit)| format!("{}{unit}", ns / size))
}

/// Text as a value: quoted where it would not be one word.
pub(super) fn quoted(text: &str) -> String {
    let word = !text.is_empty() && text.chars().all(lexer::in_word) && !lexer::is_keyword(text);
    if word { text.into() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {}: {problem}", start + 1)]
pub struct FilterError {
    /// Characters before the bad place.
    pub start: usize,
    /// Characters before its end; more than `start`.
    pub end: usize,
    /// What is wrong and what was expected.
    pub problem: String,
    pub(super) wants: Wants,
}

impl FilterError {
    /// A line that points at the place when it stands under the expression.
    pub fn pointer(&self) -> String {
        format!("{}{}", " ".repeat(self.start), "^".repeat((self.end - self.start).max(1)))
    }
}

/// What could have stood at the bad place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// A column, a flag, `not`, `(`.
    Operand,
    /// An operator for this column.
    Operator(Column),
    /// A value for this column.
    Value(Column),
    /// `and`, `or`, perhaps `)`.
    Joint { open: bool },
    /// Nothing that could be listed.
    Nothing,
}
