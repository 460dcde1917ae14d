//! Makes a machine's image. `frame.sh` holds what is done together and leaves no half image when
//! this program ends before it; in it `system.sh` makes a Debian system, and `machine.sh` (or
//! `box.sh`) an image of that.

use super::place::Place;
use super::shell::{Said, Shell};
use super::{Clock, Kind, Part, Times, VmError, tools};
use crate::job::Cancel;
use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const FRAME: &str = include_str!("frame.sh");
const SETUP: &str = include_str!("setup.sh");
const SYSTEM: &str = include_str!("system.sh");
const MACHINE: &str = include_str!("machine.sh");
/// Who has an account in a machine, for one thing each: all rights, sudo without a password, no
/// rights.
const USERS: &str = "root user plain";
/// Of the disk, most of it never written.
const DISK: &str = "4G";
/// What boots and answers; what the workloads of the catalog need; what a recording needs.
const PACKAGES: [&str; 27] = [
    "linux-image-cloud-amd64",
    "systemd-sysv",
    "udev",
    "dbus",
    "iproute2",
    "openssh-server",
    "sudo",
    "rt-tests",
    "sysbench",
    "stress-ng",
    "fio",
    "nginx-light",
    "apache2-utils",
    "python3-minimal",
    "xz-utils",
    "gcc",
    "libc6-dev",
    "make",
    "findutils",
    "util-linux",
    "tar",
    "gzip",
    "mawk",
    "sqlite3",
    "redis-server",
    "redis-tools",
    "bpftrace",
];
/// So often whoever waits is told, and asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Makes the image of `kind` unless this recipe has made it already (`again`: all the same, with
/// the packages of today). The parts that it took, none when it was there. `mirror`: where packages
/// come from, by default Debian's own.
///
/// Errors: programs that are missing, a machine that runs, a build that fails or is cancelled. None
/// leaves half an image: what was there before stays.
pub fn build(
    kind: Kind,
    mirror: Option<&str>,
    again: bool,
    cancel: &Cancel,
    tell: &mut dyn FnMut(Part, Duration),
) -> Result<Times, VmError> {
    let place = Place::make(kind)?;
    let stamp = stamp(kind);
    let built = std::fs::read_to_string(place.file("built")).unwrap_or_default();
    if built.trim() == stamp && !again {
        return Ok(Times::new());
    }
    tools::check_build(&[])?;
    if let Some(running) = place.running() {
        return Err(VmError::Runs { name: kind.name(), pid: running.pid });
    }
    let key = key(&place)?;
    let mut clock = Clock::new(tell);
    let folder = place.folder.as_os_str();
    let rest = [folder, DISK.as_ref(), stamp.as_ref()];
    Recipe { place: &place, key: &key, users: USERS, work: MACHINE, mirror }
        .follow(&rest, cancel, &mut clock)?;
    Ok(clock.times)
}

/// This user's key for a machine, made when there is none; its public half.
fn key(place: &Place) -> Result<String, VmError> {
    let (file, public) = (place.file("id"), place.file("id.pub"));
    if !public.is_file() {
        let comment = format!("koracle-{}", place.kind.name());
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(&file);
        let done = make.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.map_err(VmError::folder("ssh-keygen"))?;
    }
    Ok(std::fs::read_to_string(&public).map_err(VmError::folder(&public))?.trim().to_owned())
}

/// How an image is made.
pub(super) struct Recipe<'a> {
    /// Whose.
    pub place: &'a Place,
    /// Opens the accounts.
    pub key: &'a str,
    /// The accounts, with blanks between.
    pub users: &'a str,
    /// What is done with the system.
    pub work: &'a str,
    /// Where packages come from.
    pub mirror: Option<&'a str>,
}

impl Recipe<'_> {
    /// Makes it; `rest` are the arguments of its own script.
    pub fn follow(
        &self,
        rest: &[&OsStr],
        cancel: &Cancel,
        clock: &mut Clock,
    ) -> Result<(), VmError> {
        let kind = self.place.kind;
        let script = [SYSTEM, self.work].concat();
        let mut arguments: Vec<OsString> = vec![self.place.folder.clone().into()];
        let words = [
            kind.name(),
            SETUP,
            &script,
            self.key,
            self.users,
            kind.release(),
            self.mirror.unwrap_or(""),
        ];
        arguments.extend(words.map(OsString::from));
        arguments.push(PACKAGES.join(",").into());
        arguments.extend(rest.iter().map(OsString::from));
        run(arguments, kind.name(), cancel, clock)
    }
}

/// Runs the frame, which tells its parts, to its end.
fn run(
    arguments: Vec<OsString>,
    name: &str,
    cancel: &Cancel,
    clock: &mut Clock,
) -> Result<(), VmError> {
    let failed = |problem: String| VmError::Build { name: name.into(), problem };
    let mut shell = Shell::start(FRAME, arguments)?;
    let mut problem = None;
    loop {
        if cancel.is_cancelled() {
            return Err(VmError::Cancelled);
        }
        match shell.next(TICK) {
            Said::Line(line) => match line.split_once(' ') {
                Some(("part", "packages")) => clock.begin(Part::Packages),
                Some(("part", _)) => clock.begin(Part::Image),
                Some(("problem", why)) => problem = Some(why.to_owned()),
                _ => {}
            },
            Said::Nothing => clock.tick(),
            Said::End => break,
        }
    }
    let status = shell.end().map_err(VmError::folder("sh"))?;
    clock.end();
    match problem {
        Some(why) => Err(failed(why)),
        None if !status.success() => Err(failed(format!("the script ended with {status}"))),
        None => Ok(()),
    }
}

/// Names the recipe: another script or other packages are another image.
fn stamp(kind: Kind) -> String {
    let recipe =
        [FRAME, SETUP, SYSTEM, MACHINE, DISK, kind.release(), &PACKAGES.join(",")].join("\n");
    format!("{:016x}", xxh3_64(recipe.as_bytes()))
}
