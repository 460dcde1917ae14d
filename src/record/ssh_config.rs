//! The names of machines in an `ssh_config`: the `Host` lines of a file and of the files that it includes. What the
//! entries mean is left to `ssh`.

use std::path::{Path, PathBuf};

/// Files that include each other end here; `ssh` itself stops at 16.
const DEEPEST: u32 = 16;

/// The names of the `Host` lines in `file`, in order and each once, without patterns. `folder` is where the names of
/// included files start (`~/.ssh`), `home` what `~` is. Files that cannot be read name nothing.
pub fn names(file: &Path, folder: &Path, home: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(file, folder, home, 0, &mut found);
    found
}

fn collect(file: &Path, folder: &Path, home: &Path, depth: u32, found: &mut Vec<String>) {
    let Ok(text) = std::fs::read(file) else { return };
    for line in String::from_utf8_lossy(&text).lines() {
        let mut words = words(line).into_iter();
        let Some(keyword) = words.next() else { continue };
        match keyword.to_ascii_lowercase().as_str() {
            "host" => {
                let plain = words.filter(|w| !w.is_empty() && !w.contains(['*', '?', '!']));
                for name in plain {
                    if !found.contains(&name) {
                        found.push(name);
                    }
                }
            }
            "include" if depth < DEEPEST => {
                for pattern in words {
                    let path = match pattern.strip_prefix("~/") {
                        Some(rest) => home.join(rest),
                        // An absolute one stays itself.
                        None => folder.join(pattern),
                    };
                    for file in matching(&path) {
                        collect(&file, folder, home, depth + 1, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The words of a line: separated by blanks or one `=`, with quotes around those that have blanks; `#` opens a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) = if let Some(quoted) = rest.strip_prefix('"').and_then(|r| r.split_once('"')) {
            quoted
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || (c == '=' && words.is_empty()));
            rest.split_at(end.unwrap_or(rest.len()))
        };
        rest = behind.trim_start();
        if words.is_empty() {
            rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
        }
        words.push(word.to_owned());
    }
    words
}

/// The files that a path with `*` and `?` in any of its parts means, in order.
fn matching(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for part in path.components() {
        let part = part.as_os_str();
        let pattern = part.to_string_lossy();
        if !pattern.contains(['*', '?']) {
            for p in &mut paths {
                p.push(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in &paths {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.map(|e| e.file_name()).filter(|n| {
                let name = n.to_string_lossy();
                // As in a shell, a hidden file has to be asked for.
                (!name.starts_with('.') || pattern.starts_with('.')) && like(name.as_bytes(), pattern.as_bytes())
            });
            next.extend(names.map(|n| folder.join(n)));
        }
        next.sort();
        paths = next;
    }
    paths.retain(|p| p.is_file());
    paths
}

fn like(name: &[u8], pattern: &[u8]) -> bool {
    match (pattern, name) {
        ([], _) => name.is_empty(),
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| like(&name[skip..], rest)),
        ([b'?', rest @ ..], [_, more @ ..]) => like(more, rest),
        ([p, rest @ ..], [n, more @ ..]) => p == n && like(more, rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_ssh_reads_them() {
        let all = [
            ("  Host a b  # c", vec!["Host", "a", "b"]),
            ("Host=a", vec!["Host", "a"]),
            ("Host = a=b", vec!["Host", "a=b"]),
            ("Include \"my file\" x", vec!["Include", "my file", "x"]),
            ("# Host a", vec![]),
            ("", vec![]),
        ];
        for (line, expected) in all {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn names_of_a_file_and_of_those_it_includes() {
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join(".ssh");
        std::fs::create_dir_all(ssh.join("conf.d")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(ssh.join(name), text).unwrap();
        write(
            "config",
            "Host one *.example !no\n HostName 10.0.0.1\nHOST two one\nInclude conf.d/*.conf ~/.ssh/last\n",
        );
        write("conf.d/b.conf", "Host four\nInclude config\n");
        write("conf.d/a.conf", "Host three\nMatch host x\n");
        write("conf.d/c.txt", "Host no\n");
        write("conf.d/.d.conf", "Host no\n");
        write("last", "Host *\n Host five\n");
        let names = names(&ssh.join("config"), &ssh, home.path());
        assert_eq!(names, ["one", "two", "three", "four", "five"]);
        assert_eq!(super::names(&ssh.join("none"), &ssh, home.path()), [""; 0]);
    }

    #[test]
    fn patterns() {
        let yes = [("a.conf", "*.conf"), ("abc", "a?c"), ("", "*"), ("aXbXc", "a*b*c")];
        let no = [("a.con", "*.conf"), ("ac", "a?c"), ("a", "")];
        assert!(yes.iter().all(|(n, p)| like(n.as_bytes(), p.as_bytes())));
        assert!(!no.iter().any(|(n, p)| like(n.as_bytes(), p.as_bytes())));
    }
}
