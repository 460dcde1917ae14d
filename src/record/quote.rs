//! Words for a shell on the other side: whatever they contain, they arrive as they are and are
//! never run.

/// `word` in single quotes. Nothing inside them means anything to a POSIX shell but the quote
/// itself.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A `set --` line that gives a shell its positional arguments.
pub fn set_arguments<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(quote).collect();
    format!("set -- {}\n", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// What a real shell makes of the line.
    fn arrive(words: &[&str]) -> Vec<u8> {
        let script = format!(
            "{}for word do printf '%s\\n=\\n' \"$word\"; done\n",
            set_arguments(words.iter().copied())
        );
        let mut shell = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        shell.wait_with_output().unwrap().stdout
    }

    fn expected(words: &[&str]) -> Vec<u8> {
        words.iter().flat_map(|w| format!("{w}\n=\n").into_bytes()).collect()
    }

    #[test]
    fn what_a_shell_would_act_on_arrives_as_it_is() {
        let words = [
            "a b",
            "",
            "it's",
            "$(id)",
            "`id`",
            "; id",
            "\\",
            "''",
            "'; id; '",
            "new\nline",
            "-n",
            "$HOME *",
            "é",
        ];
        assert_eq!(arrive(&words), expected(&words));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_text_arrives_as_it_is(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(arrive(&words), expected(&words));
        }
    }
}
