//! What comes while a machine is recorded: the plan's frames, names of machines, typed commands.

use super::parts;
use kernel_oracle::record::{fuzzing, quote, words};

/// What a machine that is recorded sends, from the greeting on.
pub fn frames(bytes: &[u8]) -> usize {
    fuzzing::frames(bytes)
}

/// An ssh configuration, and those that lie in a folder beside it. Paths that lead out of the
/// folder are broken: what lies on this machine is no input.
pub fn hosts(bytes: &[u8]) -> usize {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join(".ssh");
    std::fs::create_dir_all(folder.join("conf.d")).expect("room");
    for (i, part) in parts(bytes).into_iter().take(6).enumerate() {
        let name = if i == 0 { "config".to_owned() } else { format!("conf.d/{i}.conf") };
        std::fs::write(folder.join(name), inside(part)).expect("room");
    }
    let names = fuzzing::hosts(&folder.join("config"), &folder, home.path());
    assert!(names.iter().all(|n| !n.is_empty() && !n.contains(['*', '?', '!'])), "{names:?}");
    names.len()
}

/// The text without steps to a folder above, and without `/` at the beginning of a word.
fn inside(text: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = text.to_vec();
    for at in 0..text.len() {
        let before = at.checked_sub(1).map_or(b' ', |at| text[at]);
        let out = (text[at] == b'.' && before == b'.') || (text[at] == b'/' && !in_name(before));
        if out {
            text[at] = b'_';
        }
    }
    text
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-*?.~".contains(&byte)
}

/// A typed command: its words, quoted again, are the same words; and none of them is code to a
/// shell.
pub fn words(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let Ok(found) = words::split(&text) else { return 0 };
    let quoted: Vec<String> = found.iter().map(|w| quote::quote(w)).collect();
    assert_eq!(words::split(&quoted.join(" ")).as_ref(), Ok(&found));
    let line = quote::set_arguments(found.iter().map(String::as_str));
    assert_eq!(line, format!("set -- {}\n", quoted.join(" ")));
    found.len()
}
