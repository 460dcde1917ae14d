//! What could be typed at a place of an expression: columns, operators, the values that the table
//! has, joints.

use super::lexer::{Lexeme, lex};
use super::parse::{all, fitting};
use super::{Columns, Wants};

/// Something that could stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it would be typed.
    pub text: String,
    /// What it means; may be empty.
    pub help: &'static str,
}

/// What could replace the characters `start..end`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Characters before the word in the making.
    pub start: usize,
    /// The place that was asked about.
    pub end: usize,
    /// In the order of the columns, values sorted.
    pub choices: Vec<Choice>,
}

/// Completions offered at most.
const MOST: usize = 200;

/// What could be typed after the first `at` characters of `text`.
pub fn complete<C: Columns>(table: &C::Table, text: &str, at: usize) -> Completion {
    let before: String = text.chars().take(at).collect();
    let end = before.chars().count();
    let none = Completion { start: end, end, choices: Vec::new() };
    let Ok(mut tokens) = lex(&before) else { return none };
    // The piece that ends at the place is in the making, if it is a word or an open quote.
    let (mut partial, mut start) = (String::new(), end);
    if let Some(last) = tokens.last().filter(|t| t.end == end) {
        let making = match &last.what {
            Lexeme::Word(word) => Some(word.clone()),
            Lexeme::Quoted(inside, false) => Some(inside.clone()),
            _ => None,
        };
        if let Some(word) = making {
            (partial, start) = (word, last.start);
            tokens.pop();
        }
    }
    let length = tokens.last().map_or(0, |t| t.end);
    let wants = match all::<C>(&tokens, length) {
        // A parenthesis that is still open is an error before it comes to this.
        Ok(_) => Wants::Joint { open: false },
        Err(e) if e.start >= length => e.wants,
        Err(_) => return none,
    };
    let say = |text: &str, help| Choice { text: text.into(), help };
    let mut choices: Vec<Choice> = match wants {
        Wants::Nothing => Vec::new(),
        Wants::Operand => {
            let columns = C::ALL.iter().filter(|c| c.0.usable(table)).map(|c| say(c.1, c.3));
            columns.chain([say("not", "the opposite"), say("(", "a group")]).collect()
        }
        Wants::Operator(column) => fitting(C::ALL[column].2).map(|op| say(op, "")).collect(),
        Wants::Value(column) => {
            C::ALL[column].0.values(table).iter().map(|value| say(value, "")).collect()
        }
        Wants::Joint { open } => {
            let mut joints = vec![say("and", "both"), say("or", "either")];
            if open {
                joints.push(say(")", "end of the group"));
            }
            joints
        }
    };
    let typed = partial.to_lowercase();
    choices.retain(|c| c.text.trim_start_matches('"').to_lowercase().starts_with(&typed));
    choices.truncate(MOST);
    Completion { start, end, choices }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::mistakes::{Column, Table};

    #[test]
    fn what_fits_is_offered() {
        let table = Table::default();
        let texts = |text: &str| {
            let c = complete::<Column>(&table, text, text.chars().count());
            (c.start, c.choices.into_iter().map(|c| c.text).collect::<Vec<_>>())
        };
        assert!(texts("").1.contains(&"cpu".into()) && texts("").1.contains(&"not".into()));
        assert_eq!(texts("hit and que"), (8, vec!["queue".into()]));
        assert_eq!(texts("hit a"), (4, vec!["and".into()]));
        assert_eq!(texts("(hit ").1, ["and", "or", ")"]);
        assert_eq!(texts("state=R").1, ["R", "R+"]);
        assert_eq!(texts("state ").1, ["!=", "!~", "=", "~"]);
        assert_eq!(texts("enqueued=\"w"), (9, vec!["wake".into()]));
        assert!(texts("hit hit ").1.is_empty() && texts("cpu=").1.is_empty());
        assert!(!texts("").1.contains(&"other".into()), "no second model");
    }
}
