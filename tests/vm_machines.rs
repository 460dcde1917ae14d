//! `koracle vm` with programs that are made up: what is built, started and ended, what `record`
//! says of a machine that is down, and that nothing is left when koracle is interrupted or killed.
//! Real guests are `tests/vm/run.sh`'s.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "record/fake.rs"]
mod fake;
#[path = "record/machine.rs"]
mod machine;

use fake::{END, Fake, said};
use kernel_oracle::ingest;
use machine::{Need, environment, signal, skip, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A system of packages that has one kernel and nothing else.
const MMDEBSTRAP: &str = "for a do case $a in */system) root=$a ;; esac; done
    mkdir -p \"$root/boot\" \"$root/etc/ssh\"
    echo kernel >\"$root/boot/vmlinuz-1\"; echo ram >\"$root/boot/initrd.img-1\"
    echo 'ssh-ed25519 AAAA x' >\"$root/etc/ssh/ssh_host_ed25519_key.pub\"";
/// The machine that answers `uname`, and records.
const ANSWERS: &str = "for last do :; done; [ \"$last\" != 'uname -r' ] || { echo 6.1.0-fake; exit \
                       0; }; cat \"$D/head\"; printf 'recording 0\\n'; cat \"$D/pages\"";

struct Place {
    fake: Fake,
}

impl Place {
    fn new(ssh: &str) -> Self {
        let place = Self { fake: Fake::new(ssh) };
        place.program("qemu-system-x86_64", "exec sleep 600");
        place.program("mmdebstrap", MMDEBSTRAP);
        place.program("mkfs.ext4", ":");
        place.program("ssh-keygen", "for f do :; done; echo key >\"$f\"; echo pub >\"$f.pub\"");
        place.program("df", "echo head; echo x 9 9 99999999 9 /");
        // No namespaces: whoever runs the tests may have no right to them.
        place.program(
            "unshare",
            "while :; do case $1 in -*) shift ;; *) break ;; esac; done; exec \"$@\"",
        );
        place.program("newuidmap", ":");
        place
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.fake.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn koracle(&self, arguments: &[&str]) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_koracle"));
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(
            [self.fake.path("bin")].into_iter().chain(std::env::split_paths(&path)),
        );
        run.args(arguments).env("PATH", path.unwrap()).current_dir(self.fake.path("out"));
        run.env("HOME", self.fake.path("tmp")).env("XDG_CACHE_HOME", self.fake.path("cache"));
        run.env("KORACLE_ACCEL", "tcg").stdout(Stdio::piped()).stderr(Stdio::piped());
        run
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.koracle(arguments).output().unwrap()
    }

    /// A command that is done, and says these words on standard error.
    fn says(&self, arguments: &[&str], words: &str) {
        let done = self.run(arguments);
        assert!(
            done.status.success() && said(&done).contains(words),
            "{arguments:?}: {}",
            said(&done)
        );
    }

    fn folder(&self) -> PathBuf {
        self.fake.path("cache/koracle/vm/cfs")
    }

    /// Of the machine `cfs`, as `koracle vm list` says it.
    fn state(&self) -> String {
        let list = String::from_utf8(self.run(&["vm", "list"]).stdout).unwrap();
        let line = list.lines().find(|l| l.starts_with("cfs")).unwrap();
        line[7..17].trim().to_owned()
    }

    /// The process that is the machine, once it is known.
    fn pid(&self) -> u32 {
        let file = self.folder().join("running.toml");
        let mut pid = None;
        until("the machine has a process", || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            pid = text.lines().find_map(|l| l.strip_prefix("pid = ")?.parse().ok());
            pid.is_some()
        });
        pid.unwrap()
    }

    fn half_images(&self) -> usize {
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        entries.filter(|e| e.path().is_dir()).count()
    }
}

fn is_gone(pid: u32) -> bool {
    !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

/// Debian's keys are a package, which the recipe asks for by its file.
fn can_build(test: &str) -> bool {
    let can = PathBuf::from("/usr/share/keyrings/debian-archive-keyring.gpg").is_file()
        && environment::has("flock");
    if !can {
        skip(test, Need::Tool("debian-archive-keyring"));
    }
    can
}

#[test]
fn missing_programs_are_named_with_their_packages_before_anything_is_done() {
    let place = Place::new("exit 255");
    let done = place.koracle(&["vm", "up"]).env("PATH", place.fake.path("none")).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    for words in [
        "mmdebstrap (package mmdebstrap)",
        "qemu-system-x86_64 (package qemu-system-x86)",
        "ssh (package openssh-client)",
    ] {
        assert!(said(&done).contains(words), "{}", said(&done));
    }
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
    let wrong = place.run(&["vm", "up", "windows"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
}

#[test]
fn a_machine_is_built_started_recorded_and_ended() {
    if !can_build("a_machine_is_built_started_recorded_and_ended") {
        return;
    }
    let place = Place::new(&format!("{ANSWERS}; {END}"));
    assert_eq!(place.state(), "not built");
    let refused = place.run(&["record", "--host", "cfs", "--", "true"]);
    let words =
        "cfs does not run: `koracle vm up cfs` starts koracle's own, built first (some minutes)";
    assert_eq!(
        (refused.status.code(), said(&refused).trim()),
        (Some(1), format!("koracle: {words}").as_str())
    );

    place.says(&["vm", "build"], "cfs is built: packages");
    place.says(&["vm", "build"], "cfs is built already");
    assert_eq!((place.state(), place.half_images()), ("stopped".into(), 0));
    place.says(&["vm", "up"], "emulated: its times are stretched");
    let pid = place.pid();
    place.says(&["vm", "up"], "cfs ran already");
    assert_eq!((place.state().as_str(), place.pid()), ("running", pid));
    place.says(&["vm", "up", "--cpus", "4"], "it runs as it was started");
    let built = place.run(&["vm", "build", "--again"]);
    assert!(
        !built.status.success() && said(&built).contains("`koracle vm down cfs` ends it"),
        "{}",
        said(&built)
    );
    let hosts = place.run(&["record", "--hosts"]);
    let hosts = String::from_utf8(hosts.stdout).unwrap();
    let words: Vec<Vec<&str>> = hosts.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["cfs", "koracle", "vm", "running"]);
    assert_eq!(words[1][..6].join(" "), "eevdf koracle vm not built koracle");

    place.says(&["record", "--host", "cfs", "-o", "x.csv.zst", "--", "true"], "x.csv.zst: ");
    assert!(ingest::open(&place.fake.path("out/x.csv.zst")).unwrap().trace.len() > 100);
    place.says(&["vm", "down"], "cfs is down");
    assert!(is_gone(pid));
    assert_eq!(place.state(), "stopped");
    place.says(&["vm", "down", "cfs"], "cfs does not run");
    let refused = place.run(&["record", "--host", "cfs", "--", "true"]);
    assert!(
        said(&refused).contains("`koracle vm up cfs` starts koracle's own\n"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_name_of_the_ssh_configuration_is_its_own_unless_koracle_has_such_a_machine() {
    let place = Place::new(&format!("{ANSWERS}; {END}"));
    fs::create_dir(place.fake.path("tmp/.ssh")).unwrap();
    fs::write(place.fake.path("tmp/.ssh/config"), "Host cfs\n").unwrap();
    place.says(&["record", "--host", "cfs", "-o", "x.csv.zst", "--", "true"], "x.csv.zst: ");
    fs::create_dir_all(place.folder()).unwrap();
    fs::write(place.folder().join("built"), "x").unwrap();
    let refused = place.run(&["record", "--host", "cfs", "-o", "y.csv.zst", "--", "true"]);
    assert!(said(&refused).contains("cfs does not run"), "{}", said(&refused));
}

#[test]
fn whoever_ends_while_a_machine_starts_leaves_none() {
    for (with, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        let place = Place::new("exit 255");
        fs::create_dir_all(place.folder()).unwrap();
        fs::write(place.folder().join("built"), "x").unwrap();
        let up = place.koracle(&["vm", "up"]).spawn().unwrap();
        let pid = place.pid();
        assert!(!is_gone(pid));
        assert_eq!(place.state(), "starting");
        signal(with, &[up.id().to_string()]);
        let done = up.wait_with_output().unwrap();
        assert_eq!(done.status.code(), code, "{}", said(&done));
        until("the machine is gone", || is_gone(pid));
        assert_eq!(place.state(), "stopped");
    }
}

#[test]
fn a_machine_that_ends_at_once_says_why() {
    let place = Place::new("exit 255");
    place.program("qemu-system-x86_64", "echo 'qemu: no such CPU' >&2; exit 1");
    fs::create_dir_all(place.folder()).unwrap();
    fs::write(place.folder().join("built"), "x").unwrap();
    let done = place.run(&["vm", "up"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(said(&done).trim(), "koracle: cfs does not start: qemu: no such CPU");
}

#[test]
fn whoever_ends_while_an_image_is_built_leaves_no_half_of_it() {
    let test = "whoever_ends_while_an_image_is_built_leaves_no_half_of_it";
    if !can_build(test) {
        return;
    }
    // The namespaces, which end everything, are real here.
    if !Command::new("unshare")
        .args(["--pid", "--mount", "--fork", "true"])
        .status()
        .is_ok_and(|s| s.success())
    {
        return skip(test, Need::Root);
    }
    for (with, code) in [("INT", Some(130)), ("KILL", None)] {
        let place = Place::new("exit 255");
        fs::remove_file(place.fake.path("bin/unshare")).unwrap();
        let held = fs::File::create(place.fake.path("held")).unwrap();
        // It knows no number by which it could be found from here: what it holds tells whether it
        // lives.
        let fetch =
            format!("exec 8>\"{0}\"; flock 8; sleep 600", place.fake.path("held").display());
        place.program("mmdebstrap", &fetch);
        let build = place.koracle(&["vm", "build"]).spawn().unwrap();
        until("packages are fetched", || held.try_lock().map(|()| held.unlock().unwrap()).is_err());
        assert_eq!((place.state().as_str(), place.half_images()), ("building", 1));
        let second = place.run(&["vm", "build"]);
        assert!(said(&second).contains("cfs is being built already"), "{}", said(&second));
        signal(with, &[build.id().to_string()]);
        let done = build.wait_with_output().unwrap();
        assert_eq!(done.status.code(), code, "{}", said(&done));
        until("the half image is gone", || {
            place.half_images() == 0 && place.state() == "not built"
        });
        until("nobody builds", || held.try_lock().map(|()| held.unlock().unwrap()).is_ok());
    }
}

#[test]
fn a_build_that_fails_says_why_and_leaves_what_was_there() {
    if !can_build("a_build_that_fails_says_why_and_leaves_what_was_there") {
        return;
    }
    let place = Place::new("exit 255");
    place.says(&["vm", "build"], "cfs is built");
    let before = fs::read_to_string(place.folder().join("vmlinuz")).unwrap();
    place.program("mmdebstrap", "echo 'I: working'; echo 'E: Unable to locate package x'; exit 25");
    let done = place.run(&["vm", "build", "--again"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        said(&done).contains("cfs could not be built: E: Unable to locate package x"),
        "{}",
        said(&done)
    );
    assert_eq!((place.state().as_str(), place.half_images()), ("stopped", 0));
    assert_eq!(fs::read_to_string(place.folder().join("vmlinuz")).unwrap(), before);
}
