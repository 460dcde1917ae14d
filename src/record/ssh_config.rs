//! The names of machines in an `ssh_config`: the `Host` lines of a file and of the files that it
//! includes. What the entries mean is left to `ssh`.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that include each other end here; `ssh` itself stops at 16.
const DEEPEST: u32 = 16;
/// So many files are read, each once: what a file names it names the second time too.
const MOST_FILES: usize = 256;
/// So many bytes of all files together; what is behind them names nothing.
const MOST_BYTES: u64 = 4 << 20;
/// So many entries of folders are compared with patterns.
const MOST_ENTRIES: usize = 20_000;

/// The names of the `Host` lines in `file`, in order and each once, without patterns. `folder` is
/// where the names of included files start (`~/.ssh`), `home` what `~` is. Files that cannot be
/// read name nothing.
pub fn names(file: &Path, folder: &Path, home: &Path) -> Vec<String> {
    let mut search = Search {
        folder,
        home,
        seen: HashSet::new(),
        bytes: MOST_BYTES,
        entries: MOST_ENTRIES,
        names: HashSet::new(),
        found: Vec::new(),
    };
    search.collect(file, 0);
    search.found
}

struct Search<'a> {
    folder: &'a Path,
    home: &'a Path,
    /// Files that were read.
    seen: HashSet<PathBuf>,
    /// Bytes and entries that may still be read.
    bytes: u64,
    entries: usize,
    names: HashSet<String>,
    found: Vec<String>,
}

impl Search<'_> {
    fn collect(&mut self, file: &Path, depth: u32) {
        let Some(text) = self.read(file) else { return };
        for line in String::from_utf8_lossy(&text).lines() {
            let mut words = words(line).into_iter();
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_lowercase().as_str() {
                "host" => {
                    let plain = words.filter(|w| !w.is_empty() && !w.contains(['*', '?', '!']));
                    for name in plain {
                        if self.names.insert(name.clone()) {
                            self.found.push(name);
                        }
                    }
                }
                "include" if depth < DEEPEST => {
                    for pattern in words {
                        let path = match pattern.strip_prefix("~/") {
                            Some(rest) => self.home.join(rest),
                            // An absolute one stays itself.
                            None => self.folder.join(pattern),
                        };
                        for file in matching(&path, &mut self.entries) {
                            self.collect(&file, depth + 1);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// A file that was not read before. What is no file may have no end.
    fn read(&mut self, file: &Path) -> Option<Vec<u8>> {
        let path = file.canonicalize().ok().filter(|p| p.is_file())?;
        if self.seen.len() >= MOST_FILES || !self.seen.insert(path) {
            return None;
        }
        let mut text = Vec::new();
        std::fs::File::open(file).ok()?.take(self.bytes).read_to_end(&mut text).ok()?;
        self.bytes -= text.len() as u64;
        Some(text)
    }
}

/// The words of a line: separated by blanks or one `=`, with quotes around those that have blanks;
/// `#` opens a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) =
            if let Some(quoted) = rest.strip_prefix('"').and_then(|r| r.split_once('"')) {
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

/// The files that a path with `*` and `?` in any of its parts means, in order, as far as `entries`
/// of folders reach.
fn matching(path: &Path, entries: &mut usize) -> Vec<PathBuf> {
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
            let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut seen = 0;
            for name in all.take(*entries).inspect(|_| seen += 1).map(|e| e.file_name()) {
                let text = name.to_string_lossy();
                // As in a shell, a hidden file has to be asked for.
                let visible = !text.starts_with('.') || pattern.starts_with('.');
                if visible && like(text.as_bytes(), pattern.as_bytes()) {
                    next.push(folder.join(&name));
                }
            }
            *entries -= seen;
        }
        next.sort();
        paths = next;
    }
    paths.retain(|p| p.is_file());
    paths
}

/// True when a pattern of `*` and `?` means the name. A star that does not fit takes one byte more
/// and is tried again, only ever the last one: the stars before it cannot do better.
fn like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut n, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (n, p) = (n + 1, p + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (n, p) = (taken + 1, at + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
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
            "Host one *.example !no\n HostName 10.0.0.1\nHOST two one\nInclude conf.d/*.conf \
             ~/.ssh/last\n",
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
        // Exponential for whoever tries every place of every star.
        let (name, stars) = ("a".repeat(250), "a*".repeat(60) + "b");
        assert!(!like(name.as_bytes(), stars.as_bytes()));
        assert!(like(name.as_bytes(), &stars.as_bytes()[..120]));
    }

    #[test]
    fn files_that_include_themselves_and_everything_end_at_once() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
        // Each reading of each file would read all of them twice, sixteen deep.
        for i in 0..300 {
            write(&format!("c{i:03}"), &format!("Host h{i}\nInclude c* /dev/zero\nInclude c*\n"));
        }
        let names = names(&home.path().join("c000"), home.path(), home.path());
        assert!(names.len() == MOST_FILES && names[..3] == ["h0", "h1", "h2"], "{}", names.len());
        // A name is found once, and what is too long is read up to the limit.
        write("long", &"Host a b\n".repeat(1 << 20));
        assert_eq!(super::names(&home.path().join("long"), home.path(), home.path()), ["a", "b"]);
        assert_eq!(super::names(Path::new("/dev/zero"), home.path(), home.path()), [""; 0]);
    }
}
