//! Makes a machine's image: `build.sh` does the work, and leaves no half image when this program ends before it.

use super::place::Place;
use super::shell::{Said, Shell};
use super::{Clock, Kind, Part, Times, VmError, tools};
use crate::job::Cancel;
use std::ffi::OsString;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const SCRIPT: &str = include_str!("build.sh");
/// Of the disk, most of it never written.
const DISK: &str = "4G";
/// What boots and answers; what the workloads of the catalog need; what a recording needs.
const PACKAGES: [&str; 23] = [
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
];
/// So often whoever waits is told, and asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Makes the image of `kind` unless this recipe has made it already (`again`: all the same, with the packages of today).
/// The parts that it took, none when it was there. `mirror`: where packages come from, by default Debian's own.
///
/// Errors: programs that are missing, a machine that runs, a build that fails or is cancelled. None leaves half an image:
/// what was there before stays.
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
    let mut arguments: Vec<OsString> = vec![place.folder.clone().into()];
    let words = [kind.name(), kind.release(), mirror.unwrap_or(""), DISK, &stamp, &PACKAGES.join(",")];
    arguments.extend(words.map(OsString::from));
    let mut clock = Clock::new(tell);
    follow(SCRIPT, arguments, kind.name(), cancel, &mut clock)?;
    Ok(clock.times)
}

/// Runs a script that tells its parts, to its end.
pub(super) fn follow(
    script: &str,
    arguments: Vec<OsString>,
    name: &str,
    cancel: &Cancel,
    clock: &mut Clock,
) -> Result<(), VmError> {
    let failed = |problem: String| VmError::Build { name: name.into(), problem };
    let mut shell = Shell::start(script, arguments)?;
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
    let recipe = [SCRIPT, DISK, kind.release(), &PACKAGES.join(",")].join("\n");
    format!("{:016x}", xxh3_64(recipe.as_bytes()))
}
