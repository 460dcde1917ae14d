//! Parses an expression by binding power (V. Pratt, 1973) and types its values by their columns.
//! Never recurses deeper than [`DEEPEST`].

use super::lexer::{Lexeme, Token, is_keyword, lex};
use super::{Columns, Expr, FilterError, Kind, OPS, Op, Value, Wants};
use crate::text::whole_number;
use std::marker::PhantomData;

/// Parentheses and `not`s inside each other.
const DEEPEST: usize = 64;
/// Pieces of an expression.
const LONGEST: usize = 1_024;

/// Two expressions as one.
type Join<C> = fn(Box<Expr<C>>, Box<Expr<C>>) -> Expr<C>;

struct Parser<'a, C> {
    columns: PhantomData<C>,
    tokens: &'a [Token],
    at: usize,
    /// Parentheses that are open.
    open: usize,
    depth: usize,
    /// Characters of the whole text.
    length: usize,
}

/// The expression in `text`.
pub fn parse<C: Columns>(text: &str) -> Result<Expr<C>, FilterError> {
    let tokens = lex(text)?;
    all(&tokens, text.chars().count())
}

/// The expression that these pieces make.
pub(super) fn all<C: Columns>(tokens: &[Token], length: usize) -> Result<Expr<C>, FilterError> {
    if let Some(token) = tokens.get(LONGEST) {
        let problem = format!("an expression has at most {LONGEST} pieces");
        return Err(FilterError {
            start: token.start,
            end: token.end,
            problem,
            wants: Wants::Nothing,
        });
    }
    let mut parser = Parser { columns: PhantomData, tokens, at: 0, open: 0, depth: 0, length };
    let expr = parser.expr(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.wrong("", Wants::Joint { open: false })),
    }
}

impl<C: Columns> Parser<'_, C> {
    fn peek(&self) -> Option<&Lexeme> {
        self.tokens.get(self.at).map(|t| &t.what)
    }

    /// An error at the piece in hand, or after the last one. `problem` may be empty: then what is
    /// wanted says it.
    fn wrong(&self, problem: &str, wants: Wants) -> FilterError {
        let here = self.tokens.get(self.at);
        let after = self.tokens.last().map_or(0, |t| t.end).min(self.length);
        let (start, end) = here.map_or((after, after + 1), |t| (t.start, t.end));
        let expected = match wants {
            Wants::Operand => "expected a column, a flag, \"not\" or \"(\"".into(),
            Wants::Operator(column) => {
                let (_, name, kind, _) = C::ALL[column];
                format!("expected {} after {name}", fitting(kind).collect::<Vec<_>>().join(" "))
            }
            Wants::Value(column) => {
                let (.., kind, help) = C::ALL[column];
                let what = match kind {
                    Kind::Count => whole_number(self.typed(), 0, u64::MAX),
                    Kind::Share => "a number such as 0.9 or 90%".into(),
                    Kind::Time => "a time with a unit (ns, us, ms, s), such as 12us or 1.2s".into(),
                    Kind::Text | Kind::Flag => format!("a name or \"quoted text\" ({help})"),
                };
                format!("expected {what}")
            }
            Wants::Joint { open: true } => "expected \"and\", \"or\" or \")\"".into(),
            Wants::Joint { open: false } => "expected \"and\" or \"or\"".into(),
            Wants::Nothing => String::new(),
        };
        let problem = match (problem, expected.as_str()) {
            ("", expected) => expected.to_owned(),
            (problem, "") => problem.to_owned(),
            (problem, expected) => format!("{problem}; {expected}"),
        };
        FilterError { start, end, problem, wants }
    }

    /// The word in hand.
    fn typed(&self) -> &str {
        match self.peek() {
            Some(Lexeme::Word(word)) => word,
            _ => "",
        }
    }

    fn expr(&mut self, least: u8) -> Result<Expr<C>, FilterError> {
        let mut left = self.operand()?;
        loop {
            let (power, make): (u8, Join<C>) = match self.peek() {
                Some(Lexeme::Word(w)) if w.eq_ignore_ascii_case("and") => (2, Expr::And),
                Some(Lexeme::Word(w)) if w.eq_ignore_ascii_case("or") => (1, Expr::Or),
                _ => return Ok(left),
            };
            if power < least {
                return Ok(left);
            }
            self.at += 1;
            let right = self.expr(power + 1)?;
            left = make(Box::new(left), Box::new(right));
        }
    }

    fn operand(&mut self) -> Result<Expr<C>, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(&format!("more than {DEEPEST} levels"), Wants::Nothing));
        }
        let expr = match self.peek().cloned() {
            Some(Lexeme::Open) => {
                self.at += 1;
                self.open += 1;
                let inside = self.expr(0)?;
                if self.peek() != Some(&Lexeme::Close) {
                    return Err(self.wrong("", Wants::Joint { open: true }));
                }
                self.at += 1;
                self.open -= 1;
                inside
            }
            Some(Lexeme::Word(word)) if word.eq_ignore_ascii_case("not") => {
                self.at += 1;
                Expr::Not(Box::new(self.operand()?))
            }
            Some(Lexeme::Word(word)) => self.comparison(&word)?,
            _ => return Err(self.wrong("", Wants::Operand)),
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn comparison(&mut self, word: &str) -> Result<Expr<C>, FilterError> {
        let Some(column) = C::named(word) else {
            let near =
                nearest::<C>(word).map(|n| format!(" (did you mean {n}?)")).unwrap_or_default();
            let problem =
                if is_keyword(word) { String::new() } else { format!("no column {word:?}{near}") };
            return Err(self.wrong(&problem, Wants::Operand));
        };
        self.at += 1;
        if column.kind() == Kind::Flag {
            if let Some(Lexeme::Op(_)) = self.peek() {
                let problem = format!("{word} is yes or no: write {word} or not {word}");
                return Err(self.wrong(&problem, Wants::Joint { open: self.open > 0 }));
            }
            return Ok(Expr::Flag(column));
        }
        let op = match self.peek() {
            Some(Lexeme::Op(op)) if op.fits(column.kind()) => *op,
            _ => return Err(self.wrong("", Wants::Operator(column.place()))),
        };
        self.at += 1;
        let value = self.value(column)?;
        if !matches!(op, Op::Has | Op::HasNot)
            && let Some(problem) = refused(column, &value)
        {
            return Err(self.wrong(&problem, Wants::Nothing));
        }
        self.at += 1;
        Ok(Expr::Compare(column, op, value))
    }

    fn value(&self, column: C) -> Result<Value, FilterError> {
        let wants = Wants::Value(column.place());
        let text = match self.peek() {
            Some(Lexeme::Word(word)) if !is_keyword(word) => word,
            Some(Lexeme::Quoted(text, true)) => text,
            Some(Lexeme::Quoted(_, false)) => {
                return Err(self.wrong("the closing quote is missing", Wants::Nothing));
            }
            _ => return Err(self.wrong("", wants)),
        };
        let value = match column.kind() {
            Kind::Text | Kind::Flag => Some(Value::Text(text.clone())),
            Kind::Count => text.parse().ok().map(Value::Number),
            Kind::Time => time(text).map(Value::Number),
            Kind::Share => share(text).map(Value::Share),
        };
        value.ok_or_else(|| self.wrong("", wants))
    }
}

/// What is wrong with a value that the column never has.
fn refused<C: Columns>(column: C, value: &Value) -> Option<String> {
    if let Value::Text(text) = value {
        let choices = column.choices();
        if !choices.is_empty() && !choices.contains(&text.as_str()) {
            return Some(format!("{} is one of {}", column.name(), choices.join(", ")));
        }
    }
    column.impossible(value)
}

/// Nanoseconds from `12us`, `1.2s`, `0`. Exact: digits past a nanosecond must be zeros.
fn time(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let digits = match unit {
        "s" => 9,
        "ms" => 6,
        "us" | "µs" | "μs" => 3,
        "ns" => 0,
        "" if number.chars().all(|c| c == '0') => 0,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || part.contains('.') {
        return None;
    }
    let (kept, rest) = part.split_at(part.len().min(digits));
    if rest.chars().any(|c| c != '0') {
        return None;
    }
    let scale = 10_u64.pow(digits as u32);
    let part = if kept.is_empty() {
        0
    } else {
        kept.parse::<u64>().ok()? * 10_u64.pow((digits - kept.len()) as u32)
    };
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    whole.checked_mul(scale)?.checked_add(part)
}

/// A number such as `0.9` or `90%`.
fn share(text: &str) -> Option<f32> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |n| (n, 100.0));
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value = number.parse::<f64>().ok().filter(|_| plain)?;
    if scale > 1.0 { Some((value / scale) as f32) } else { number.parse().ok() }
        .filter(|x: &f32| x.is_finite())
}

/// The column whose name is closest, when it is close.
fn nearest<C: Columns>(word: &str) -> Option<&'static str> {
    let near = C::ALL.iter().map(|c| (distance(word, c.1), c.1)).min()?;
    (near.0 * 3 <= word.chars().count() + 1).then_some(near.1)
}

/// Letters to change, add or drop to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(32).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The operators that fit values of this kind, as written.
pub(super) fn fitting(kind: Kind) -> impl Iterator<Item = &'static str> {
    OPS.into_iter().filter(move |(op, _)| op.fits(kind)).map(|o| o.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::mistakes::Column;

    fn round(text: &str) -> String {
        parse::<Column>(text).unwrap_or_else(|e| panic!("{text}\n{}\n{e}", e.pointer())).to_string()
    }

    #[test]
    fn expressions_bind_as_expected() {
        let table = [
            (
                "cpu=0 and prev~\"hackbench\" and state=S and p>0.9 and queue>=4",
                "cpu=0 and prev~hackbench and state=S and p>0.9 and queue>=4",
            ),
            ("hit or not covered and p<50%", "hit or not covered and p<0.5"),
            ("(hit or not covered) and p_real < .5", "(hit or not covered) and p_real<0.5"),
            ("not (hit and eevdf)", "not (hit and eevdf)"),
            ("not hit and eevdf", "not hit and eevdf"),
            ("((cpu = 1))", "cpu=1"),
            ("p<=100% and state=D|K", "p<=1 and state=D|K"),
            ("state=other and state~Q", "state=other and state~Q"),
            ("t>=1.2s and t<1.3s", "t>=1200ms and t<1300ms"),
            ("waited>=2.5µs or stint=0", "waited>=2500ns or stint=0ns"),
            ("state=R+ and real!=kworker/0:1", "state=R+ and real!=kworker/0:1"),
            ("hit OR hit or hit", "hit or hit or hit"),
            ("hit or (hit or hit)", "hit or (hit or hit)"),
            (r#"real="a \"b\" \\ c""#, r#"real="a \"b\" \\ c""#),
            (r#"real="and""#, r#"real="and""#),
        ];
        for (text, printed) in table {
            assert_eq!(round(text), printed, "{text}");
            assert_eq!(round(printed), printed);
        }
    }

    #[test]
    fn errors_point_at_the_column() {
        let table = [
            ("", 0, "expected a column"),
            ("cpu", 3, "expected != <= >= = < > after cpu"),
            ("cpu=", 4, "a whole number"),
            ("cpu=x", 4, "a whole number, 0 or more"),
            ("rank=-1", 5, "a whole number, 0 or more"),
            ("queue>99999999999999999999", 6, "a whole number, at most 18446744073709551615"),
            ("cpu~1", 3, "after cpu"),
            ("hit and", 7, "expected a column"),
            ("hit and and", 8, "expected a column"),
            ("hit hit", 4, "\"and\" or \"or\""),
            ("(hit", 4, "\")\""),
            ("hit)", 3, "\"and\" or \"or\""),
            ("stint>12", 6, "a unit (ns, us, ms, s)"),
            ("stint>1.0000000001s", 6, "a unit"),
            ("hit=1", 3, "hit is yes or no"),
            ("quue>=4", 0, "did you mean queue?"),
            ("µµ=4", 0, "no column \"µµ\""),
            ("prev=\"open", 5, "closing quote"),
            ("p>NaN", 2, "such as 0.9"),
            ("p>2", 2, "p is a share: 0 to 1, or 0% to 100%"),
            ("hit or p_real<101%", 14, "p_real is a share"),
            ("state=Q", 6, "no state \"Q\""),
            ("hit and state!=SS", 15, "no state \"SS\""),
            ("bin=16", 4, "1 to 15"),
            ("sched=cfs", 6, "sched is one of CFS, EEVDF"),
            ("state<S", 5, "after state"),
            ("hit & cpu=1", 4, "\"and\" or \"or\""),
            ("! hit", 0, "the opposite is \"not\""),
        ];
        for (text, column, says) in table {
            let error = parse::<Column>(text).unwrap_err();
            assert_eq!(error.start, column, "{text}: {error}");
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(
                error.to_string().starts_with(&format!("column {}: ", column + 1))
                    && error.end > error.start
            );
            assert_eq!(error.pointer().find('^'), Some(column));
        }
        let deep = format!("{}hit", "(".repeat(100_000));
        assert!(parse::<Column>(&deep).is_err());
        let deep = format!("{}hit", "not ".repeat(1_000));
        assert!(parse::<Column>(&deep).unwrap_err().problem.contains("64 levels"));
        assert!(parse::<Column>(&"hit and ".repeat(500)).is_err());
    }
}
