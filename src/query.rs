//! Filter expressions over the columns of a table, and the sets of rows that they give: what they
//! are, how they are written, what is wrong with one. Which columns there are, each table says
//! itself ([`Columns`]).
//!
//! ```text
//! expr     = expr "or" expr | expr "and" expr | "not" expr | "(" expr ")" | flag | column op value
//! op       = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"        ~ contains, whatever the case
//! value    = word | "quoted text"                                     12us  1.2s  0.9  90%  hackbench  "a b"
//! ```
//!
//! "not" binds tightest, then "and", then "or". A comparison with an unknown value is false.

mod bitmap;
mod complete;
mod lexer;
mod parse;
mod run;

pub use bitmap::Bitmap;
pub use complete::{Choice, Completion, complete};
pub use parse::parse;

use std::fmt;

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// A number in 0..1.
    Share,
    /// Nanoseconds; typed with a unit.
    Time,
    /// A name.
    Text,
    /// Yes or no; stands alone in a filter.
    Flag,
}

/// A column with its name in filters, its kind, and what it says.
pub type Described<C> = (C, &'static str, Kind, &'static str);

/// The columns of one kind of table: a value is a column.
pub trait Columns: Copy + PartialEq + fmt::Debug + 'static {
    /// The table that has them.
    type Table;

    /// Every column. The one list makes completion, help and errors.
    const ALL: &'static [Described<Self>];

    /// The rows with a known number for which it holds; for columns of [`Kind::Count`] and
    /// [`Kind::Time`].
    fn numbers(self, table: &Self::Table, holds: impl Fn(u64) -> bool + Sync) -> Bitmap;

    /// The rows with a number for which it holds; for columns of [`Kind::Share`].
    fn shares(self, table: &Self::Table, holds: impl Fn(f32) -> bool + Sync) -> Bitmap;

    /// The rows with a value of which one spelling passes (all spellings of a value are given
    /// together); for columns of [`Kind::Text`].
    fn texts(self, table: &Self::Table, says: impl Fn(&[&str]) -> bool + Sync) -> Bitmap;

    /// The rows that say yes; for columns of [`Kind::Flag`].
    fn flags(self, table: &Self::Table) -> Bitmap;

    /// Whether this table has values in it: what has none is not offered.
    fn usable(self, _: &Self::Table) -> bool {
        true
    }

    /// All values that a column of [`Kind::Text`] can have, when they are few and known: others are
    /// refused after `=`.
    fn choices(self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Why no row of any table can have this value; it is refused in a comparison, names only after
    /// `=`.
    fn impossible(self, _: &Value) -> Option<String> {
        None
    }

    /// Values that could be typed, in the order in which they are offered.
    fn values(self, table: &Self::Table) -> Vec<String>;

    /// The column with this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|c| c.1 == name).map(|c| c.0)
    }

    /// Its place in [`Self::ALL`].
    fn place(self) -> usize {
        Self::ALL.iter().position(|c| c.0 == self).unwrap_or(0)
    }

    /// Its name.
    fn name(self) -> &'static str {
        Self::ALL[self.place()].1
    }

    /// What its values are.
    fn kind(self) -> Kind {
        Self::ALL[self.place()].2
    }

    /// What it says.
    fn help(self) -> &'static str {
        Self::ALL[self.place()].3
    }
}

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
pub enum Expr<C> {
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A column of [`Kind::Flag`].
    Flag(C),
    /// A comparison; column, operator and value fit each other.
    Compare(C, Op, Value),
}

impl<C: Columns> Expr<C> {
    /// `column = text`.
    pub fn is(column: C, text: &str) -> Self {
        Self::Compare(column, Op::Eq, Value::Text(text.into()))
    }

    /// `column op number`.
    pub fn number(column: C, op: Op, n: u64) -> Self {
        Self::Compare(column, op, Value::Number(n))
    }

    /// Both. What `other` asks for one by one is asked for one by one, so that it is written
    /// without parentheses.
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

    /// The first of its columns for which `holds`.
    pub fn find(&self, holds: &impl Fn(C) -> bool) -> Option<C> {
        match self {
            Self::Or(a, b) | Self::And(a, b) => a.find(holds).or_else(|| b.find(holds)),
            Self::Not(a) => a.find(holds),
            Self::Flag(column) | Self::Compare(column, ..) => Some(*column).filter(|c| holds(*c)),
        }
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
                    Value::Number(n) if column.kind() == Kind::Time => {
                        f.write_str(&written_time(*n))
                    }
                    Value::Number(n) => write!(f, "{n}"),
                    Value::Share(x) => write!(f, "{x}"),
                    Value::Text(text) => f.write_str(&quoted(text)),
                }
            }
        }
    }
}

/// As it would be typed: parsing it gives the same expression.
impl<C: Columns> fmt::Display for Expr<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}

/// A duration in the largest unit that keeps it whole.
fn written_time(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let fits = units.into_iter().find(|(size, _)| ns.is_multiple_of(*size));
    fits.filter(|_| ns > 0)
        .map_or_else(|| format!("{ns}ns"), |(size, unit)| format!("{}{unit}", ns / size))
}

/// Text as a value: quoted where it would not be one word.
pub fn quoted(text: &str) -> String {
    let word = !text.is_empty() && text.chars().all(lexer::in_word) && !lexer::is_keyword(text);
    if word {
        text.into()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
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
    wants: Wants,
}

impl FilterError {
    /// Whether a column could have stood at the place.
    pub fn wants_column(&self) -> bool {
        self.wants == Wants::Operand
    }

    /// A line that points at the place when it stands under the expression.
    pub fn pointer(&self) -> String {
        format!("{}{}", " ".repeat(self.start), "^".repeat((self.end - self.start).max(1)))
    }
}

/// What could have stood at the bad place. A column is its place in [`Columns::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// A column, a flag, `not`, `(`.
    Operand,
    /// An operator for this column.
    Operator(usize),
    /// A value for this column.
    Value(usize),
    /// `and`, `or`, perhaps `)`.
    Joint { open: bool },
    /// Nothing that could be listed.
    Nothing,
}
