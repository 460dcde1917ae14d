//! A typed command into a program and its arguments, by the quoting rules of a shell: spaces
//! divide, `'...'` and `"..."` hold together, a backslash takes the next character as it is. No
//! shell ever sees it; so what only a shell could do is refused rather than handed on as it stands.

/// Why a text is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quotation mark without a second one.
    #[error("the quotation mark {0} is not closed")]
    Open(char),
    /// A backslash with nothing behind it.
    #[error("a backslash at the end has nothing to quote")]
    Backslash,
    /// Only a shell would understand it.
    #[error("no shell runs this, so {0} would do nothing: quote it, or use sh -c '...'")]
    Shell(char),
    /// A line break or another character that cannot be typed.
    #[error("a control character is in it")]
    Control,
}

/// Means something to a shell outside quotation marks.
const SHELL: &str = "|&;<>()$`*?";

/// Divides; an empty text is no words.
pub fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            c if c.is_control() => return Err(WordsError::Control),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(WordsError::Backslash)?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match (chars.next().ok_or(WordsError::Open(c))?, c) {
                        (end, _) if end == c => break,
                        ('\\', '"') => match chars.next().ok_or(WordsError::Open(c))? {
                            quoted @ ('"' | '\\' | '$' | '`') => word.push(quoted),
                            other => word.extend(['\\', other]),
                        },
                        (shell @ ('$' | '`'), '"') => return Err(WordsError::Shell(shell)),
                        (other, _) => word.push(other),
                    }
                }
            }
            c if SHELL.contains(c) => return Err(WordsError::Shell(c)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoting_is_a_shells() {
        let is = |text: &str, words: &[&str]| assert_eq!(split(text).unwrap(), words, "{text}");
        is("", &[]);
        is("  make   -j4 ", &["make", "-j4"]);
        is("sh -c 'a | b; $c'", &["sh", "-c", "a | b; $c"]);
        is(r#"say "it's 5" it\'s"#, &["say", "it's 5", "it's"]);
        is(r#"a"b"'c'd "" ''"#, &["abcd", "", ""]);
        is(r#""\$x \\ \" \n""#, &[r#"$x \ " \n"#]);
    }

    #[test]
    fn what_only_a_shell_does_is_refused() {
        for (text, error) in [
            ("a 'b", WordsError::Open('\'')),
            ("a \"b", WordsError::Open('"')),
            ("a \"b\\", WordsError::Open('"')),
            ("a \\", WordsError::Backslash),
            ("a | b", WordsError::Shell('|')),
            ("make >log", WordsError::Shell('>')),
            ("echo \"$HOME\"", WordsError::Shell('$')),
            ("ls *.c", WordsError::Shell('*')),
            ("a\nb", WordsError::Control),
        ] {
            assert_eq!(split(text), Err(error), "{text}");
        }
    }

    proptest! {
        /// What `quote` makes for a shell comes back as it was.
        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("[^\0]{0,12}", 0..5)) {
            let quoted: Vec<String> = words.iter().map(|w| format!("'{}'", w.replace('\'', r"'\''"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")), Ok(words));
        }
    }
}
