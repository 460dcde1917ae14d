//! Cuts an expression into words, quoted text, operators and parentheses, each with its place in
//! characters.

use super::{FilterError, OPS, Op, Wants};

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// A column, a keyword or a bare value.
    Word(String),
    /// Text in quotes, without them. False: the closing quote is missing.
    Quoted(String, bool),
    Op(Op),
    Open,
    Close,
}

/// A piece and where it is: characters before its beginning and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub what: Lexeme,
    pub start: usize,
    pub end: usize,
}

/// Characters of words: all but spaces, quotes, parentheses and what operators are made of.
pub(super) fn in_word(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"\"()=<>~!".contains(c)
}

/// `and`, `or`, `not`, in any case.
pub(super) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|k| word.eq_ignore_ascii_case(k))
}

/// Cuts `text` into pieces. A missing closing quote is left to the parser.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let start = at;
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let two: String = chars[at..].iter().take(2).collect();
        let what = if c == '"' {
            at += 1;
            let mut inside = String::new();
            let mut closed = false;
            while let Some(&c) = chars.get(at) {
                at += 1;
                match (c, chars.get(at)) {
                    ('"', _) => {
                        closed = true;
                        break;
                    }
                    ('\\', Some(&next @ ('"' | '\\'))) => {
                        inside.push(next);
                        at += 1;
                    }
                    _ => inside.push(c),
                }
            }
            Lexeme::Quoted(inside, closed)
        } else if c == '(' || c == ')' {
            at += 1;
            if c == '(' { Lexeme::Open } else { Lexeme::Close }
        } else if let Some((op, written)) = OPS.iter().find(|(_, o)| two.starts_with(o)) {
            at += written.len();
            Lexeme::Op(*op)
        } else if in_word(c) {
            while chars.get(at).is_some_and(|c| in_word(*c)) {
                at += 1;
            }
            Lexeme::Word(chars[start..at].iter().collect())
        } else {
            let problem = if c == '!' {
                "\"!\" stands only in != and !~; the opposite is \"not\"".into()
            } else {
                format!("{c:?} means nothing here")
            };
            return Err(FilterError { start, end: start + 1, problem, wants: Wants::Nothing });
        };
        tokens.push(Token { what, start, end: at });
    }
    Ok(tokens)
}
