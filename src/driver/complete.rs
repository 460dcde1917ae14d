//! What a file's name that is typed continues to, as a shell would say it. Looks at one folder.

use std::path::{MAIN_SEPARATOR, PathBuf};

/// Names of a folder that are looked at, at most.
const MOST: usize = 10_000;

/// The longest text that all names which begin so have in common, with a `/` behind a folder that
/// is meant alone; `None`: there is nothing to add. `~/` is the home folder.
pub fn complete(text: &str) -> Option<String> {
    let (folder, begun) = text.rfind(MAIN_SEPARATOR).map_or(("", text), |at| text.split_at(at + 1));
    let looked_in = if folder.is_empty() { PathBuf::from(".") } else { at_home(folder.into()) };
    let entries = std::fs::read_dir(looked_in).ok()?.flatten().take(MOST);
    let named = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir())));
    // Hidden files only for who asks for them.
    let fits =
        |name: &str| name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.'));
    let mut fitting: Vec<(String, bool)> = named.filter(|(name, _)| fits(name)).collect();
    fitting.sort();
    let (first, is_folder) = fitting.first()?;
    let common = fitting.iter().fold(first.as_str(), |common, (name, _)| {
        let same = common
            .chars()
            .zip(name.chars())
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        &common[..same]
    });
    let end = if fitting.len() == 1 && *is_folder { "/" } else { "" };
    let whole = format!("{folder}{common}{end}");
    (whole != text).then_some(whole)
}

/// A path that begins with `~/` begins with the user's home folder.
pub fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_and_nothing_else_is() {
        let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("~"), PathBuf::from);
        assert_eq!(at_home("~/a/b".into()), home.join("a/b"));
        assert_eq!(at_home("~".into()), home);
        for other in ["a/~/b", "~a/b", "/~"] {
            assert_eq!(at_home(other.into()), PathBuf::from(other));
        }
    }

    #[test]
    fn names_are_continued_as_far_as_they_agree() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for name in ["mine_run0.csv", "mine_run1.csv", "perf.data", ".hidden"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("sub/one"), "").unwrap();
        let table = [
            ("m", Some("mine_run")),
            ("mine_run", None),
            ("p", Some("perf.data")),
            ("perf.data", None),
            ("su", Some("sub/")),
            ("sub/", Some("sub/one")),
            (".h", Some(".hidden")),
            ("x", None),
            ("no/x", None),
        ];
        for (typed, wanted) in table {
            assert_eq!(complete(&at(typed)), wanted.map(at), "{typed}");
        }
    }
}
