//! A machine that is made up: an `ssh` of our own, first in `PATH`, which says what a test wants.
//! Its pages and layouts are those of a real kernel (`tests/data/ringbuf`), so that there is
//! something to keep.

#![allow(dead_code)] // not every program that takes this in needs all of it

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Fake {
    dir: tempfile::TempDir,
}

/// The end of a plan whose workload has ended by itself.
pub const END: &str = "printf 'fetching 0\\nstatus 8\\n0 itselflog 0\\nfetched 0\\nend 0\\n'";

/// As a plan says something.
pub fn frame(name: &str, bytes: &[u8]) -> Vec<u8> {
    [format!("{name} {}\n", bytes.len()).as_bytes(), bytes].concat()
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ringbuf").join(name))
        .unwrap()
}

impl Fake {
    /// `script` finds in `$D` its folder, with the files `head` (all before the workload) and
    /// `pages`.
    pub fn new(script: &str) -> Self {
        let fake = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["bin", "out", "tmp"] {
            std::fs::create_dir(fake.path(folder)).unwrap();
        }
        let mut head = b"KORACLE1\n".to_vec();
        head.extend(frame("kernel", b"6.1.0-test"));
        head.extend(frame("online", b"0-1\n"));
        head.extend(frame("clock", b"mono"));
        for name in ["header_page", "header_event"] {
            head.extend(frame(name, &data(name)));
        }
        for name in ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"] {
            head.extend(frame(&format!("format.{name}"), &data(&format!("{name}.format"))));
        }
        std::fs::write(fake.path("head"), head).unwrap();
        let pages = [0, 1]
            .map(|cpu| frame(&format!("pages.{cpu}"), &data(&format!("hackbench-cpu{cpu}.raw"))));
        std::fs::write(fake.path("pages"), pages.concat()).unwrap();
        let ssh = fake.path("bin/ssh");
        let script =
            format!("#!/bin/sh\nD='{}'\n: >\"$D/started\"\n{script}\n", fake.dir.path().display());
        std::fs::write(&ssh, script).unwrap();
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        fake
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `koracle record` of this machine, into `out`; what is recorded is still to be said.
    pub fn record(&self, seconds: &str, out: &str) -> Command {
        self.prepared(&mut Command::new(env!("CARGO_BIN_EXE_koracle")), seconds, out)
    }

    /// The same with at most so many KiB of memory.
    pub fn record_within(&self, memory: u32, seconds: &str, out: &str) -> Command {
        let mut run = Command::new("sh");
        run.args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "sh"]).arg(memory.to_string());
        self.prepared(run.arg(env!("CARGO_BIN_EXE_koracle")), seconds, out)
    }

    fn prepared(&self, run: &mut Command, seconds: &str, out: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(
            [self.path("bin")].into_iter().chain(std::env::split_paths(&path)),
        );
        let mut made = Command::new(run.get_program());
        made.args(run.get_args()).args([
            "record",
            "--host",
            "fake",
            "--seconds",
            seconds,
            "-F",
            "/dev/null",
            "-o",
        ]);
        made.arg(self.path(out))
            .env("PATH", path.unwrap())
            .env("TMPDIR", self.path("tmp"))
            .stderr(Stdio::piped());
        made
    }

    /// Folders of recordings that could not be written where they were wanted.
    pub fn rescued(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.path("tmp")).unwrap().flatten().map(|d| d.path()).collect()
    }
}

/// What a program said.
pub fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
