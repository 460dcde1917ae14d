//! What a test needs of the machine that it runs on. A test that cannot be done here says so by its
//! name; with `KORACLE_CI` set that is a failure, unless `KORACLE_ENV` names an environment that is
//! without just that.

#![allow(dead_code)] // not every program that takes this in needs all of it

use std::io::Write;

/// Something that not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The right to do anything, and tracefs: what recording needs, and mounts.
    Root,
    /// A terminal for the interface.
    Tmux,
    /// Any other program.
    Tool(&'static str),
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root and tracefs",
            Self::Tmux => "tmux",
            Self::Tool(name) => name,
        }
    }

    /// The environment that this is missing in (`.ci/run` makes them).
    fn missing_in(self) -> Option<&'static str> {
        match self {
            Self::Root => Some("user"),
            Self::Tmux => Some("no-tmux"),
            Self::Tool(_) => None,
        }
    }
}

pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(program).is_file()))
}

/// Says that the test that calls this is not done for want of `need`; `test` says what it is about.
pub fn skip(test: &str, need: Need) {
    // A test's thread is called as the test is, unless there is only one thread.
    let thread = std::thread::current();
    let name = thread.name().filter(|n| *n != "main").unwrap_or(test);
    let without = std::env::var("KORACLE_ENV").ok();
    let expected = need.missing_in().is_some_and(|missing| without.as_deref() == Some(missing));
    assert!(expected || std::env::var_os("KORACLE_CI").is_none(), "{name} needs {}", need.name());
    // Not `println`, which a passed test says to nobody; at once, because others write too.
    let line = format!("skipped: {name}: needs {}\n", need.name());
    let _ = std::io::stderr().write_all(line.as_bytes());
}
