//! Starts and ends a machine: QEMU in the background, with KVM where that works, waited for until
//! `ssh` answers.

use super::accel::Accel;
use super::place::{Place, Running, State, boot_id};
use super::shell::{Said, Shell};
use super::{Clock, Kind, Part, Times, VmError, build, tools};
use crate::export::process_start;
use crate::job::Cancel;
use std::ffi::OsString;
use std::fmt::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("boot.sh");
const TICK: Duration = Duration::from_millis(100);
/// Between two questions whether it answers.
const ASK: Duration = Duration::from_secs(1);
/// A kernel says its first words long before: KVM that gives none by then does not work.
const FIRST_WORDS: Duration = Duration::from_secs(20);
/// A machine that was told to end is gone by then.
const DOWN: Duration = Duration::from_secs(10);
/// Of a machine at real-time priority; once it answers, its timers get a higher one.
const PRIORITY: u8 = 5;

/// How a machine is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// CPUs.
    pub cpus: u16,
    /// MiB.
    pub memory: u32,
    /// With this one alone; `None`: KVM, and emulated when that does not work.
    pub accel: Option<Accel>,
    /// At real-time priority, which needs root: what else this machine does stretches nothing.
    pub alone: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { cpus: 2, memory: 2048, accel: None, alone: false }
    }
}

/// A machine that answers.
#[derive(Clone, Debug)]
pub struct Up {
    /// Its process.
    pub running: Running,
    /// The parts that it took; none when it ran already.
    pub times: Times,
    /// Why KVM was not used.
    pub without_kvm: Option<String>,
}

/// Builds `kind` if it is not built and starts it; one that runs is left as it is.
///
/// Errors: as of [`build()`]; a machine that does not answer. Then, or cancelled, or killed: no
/// process is left.
pub fn up(
    kind: Kind,
    size: Size,
    cancel: &Cancel,
    tell: &mut dyn FnMut(Part, Duration),
) -> Result<Up, VmError> {
    let place = Place::make(kind)?;
    let mut times = Times::new();
    match place.state() {
        State::Running(running) => return Ok(Up { running, times, without_kvm: None }),
        State::Stopped => tools::check(&[&tools::BOOT])?,
        State::Starting => return Err(Place::failed(kind, "somebody else is starting it")),
        State::NotBuilt | State::Building => {
            tools::check_build(&[&tools::BOOT])?;
            times = build(kind, None, false, cancel, tell)?;
        }
    }
    let mut clock = Clock::new(tell);
    let mut without_kvm = None;
    let accels = size.accel.map_or(vec![Accel::Kvm, Accel::Tcg], |only| vec![only]);
    let mut last = None;
    for accel in accels {
        if accel == Accel::Kvm && size.accel.is_none() && place.is_without_kvm() {
            without_kvm = Some("it did not work before, since this machine was started".into());
            continue;
        }
        clock.begin(Part::Boot(accel));
        match place.start(accel, size, cancel, &mut clock) {
            Ok(running) => {
                clock.end();
                times.extend(clock.times);
                return Ok(Up { running, times, without_kvm });
            }
            Err(VmError::Cancelled) => return Err(VmError::Cancelled),
            Err(e) if accel == Accel::Kvm => {
                without_kvm = Some(e.to_string());
                // That it opens and does not work takes half a minute to find out: once. When that
                // cannot be kept it is found out again.
                let _ = open_kvm().and_then(|_| {
                    place.write("without_kvm", &boot_id()).map_err(std::io::Error::other)
                });
            }
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(|| Place::failed(kind, &without_kvm.unwrap_or_default())))
}

fn open_kvm() -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm")
}

/// Ends exactly the process that is `kind`. False when it does not run.
pub fn down(kind: Kind) -> Result<bool, VmError> {
    let Some(place) = Place::of(kind) else { return Ok(false) };
    let Some(running) = place.running() else {
        place.forget();
        return Ok(false);
    };
    for signal in ["-TERM", "-KILL"] {
        // It may have ended just now.
        let _ = Command::new("sh")
            .args(["-c", "kill \"$1\" \"$2\"", "sh", signal, &running.pid.to_string()])
            .stderr(Stdio::null())
            .status();
        let since = Instant::now();
        while running.is_alive() && since.elapsed() < DOWN {
            std::thread::sleep(TICK);
        }
        if !running.is_alive() {
            place.forget();
            return Ok(true);
        }
    }
    Err(Place::failed(kind, &format!("process {} does not end", running.pid)))
}

impl Place {
    fn failed(kind: Kind, problem: &str) -> VmError {
        VmError::Boot { name: kind.name(), problem: problem.into() }
    }

    fn is_without_kvm(&self) -> bool {
        std::fs::read_to_string(self.file("without_kvm")).is_ok_and(|id| id == boot_id())
    }

    /// Starts it and waits until it answers.
    fn start(
        &self,
        accel: Accel,
        size: Size,
        cancel: &Cancel,
        clock: &mut Clock,
    ) -> Result<Running, VmError> {
        let failed = |problem: String| Self::failed(self.kind, &problem);
        if accel == Accel::Kvm {
            open_kvm().map_err(|e| failed(format!("/dev/kvm: {e}")))?;
        }
        // What was said before is not about this start.
        let _ = std::fs::remove_file(self.file("console.log"));
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = free.map_err(VmError::folder("127.0.0.1"))?.port();
        self.write("ssh_config", &self.config(port))?;
        let mut shell = Shell::start(SCRIPT, self.arguments(accel, size, port))?;
        let said = loop {
            match shell.next(TICK) {
                Said::Line(line) => break line,
                Said::Nothing if !cancel.is_cancelled() => {}
                Said::Nothing => return Err(VmError::Cancelled),
                Said::End => return Err(failed("its script ended".into())),
            }
        };
        let pid: u32 = said.trim_start_matches("pid ").parse().map_err(|_| failed(said.clone()))?;
        let Some(start) = process_start(pid) else { return Err(failed(self.last_words())) };
        let Size { cpus, memory, .. } = size;
        let mut running = Running {
            pid,
            start,
            boot: boot_id(),
            port,
            cpus,
            memory,
            accel,
            kernel: String::new(),
        };
        // From now on `down` knows it, whatever becomes of this program.
        self.remember(&running)?;
        let kernel = self.answer(&running, cancel, clock);
        let kept = kernel.and_then(|kernel| {
            running.kernel = kernel;
            self.remember(&running)?;
            shell.say("keep\n").map_err(VmError::folder("sh"))
        });
        // Without that word it ends the machine now.
        let _ = shell.end();
        kept.map(|()| running).inspect_err(|_| self.forget())
    }

    /// The kernel's release, once it answers.
    fn answer(
        &self,
        running: &Running,
        cancel: &Cancel,
        clock: &mut Clock,
    ) -> Result<String, VmError> {
        let failed = |problem: String| Self::failed(self.kind, &problem);
        let since = Instant::now();
        loop {
            let asked = Instant::now();
            if let Some(kernel) = self.ask(cancel) {
                return Ok(kernel);
            }
            while asked.elapsed() < ASK && !cancel.is_cancelled() {
                clock.tick();
                std::thread::sleep(TICK);
            }
            let silent = || std::fs::metadata(self.file("console.log")).map_or(0, |m| m.len()) == 0;
            match since.elapsed() {
                _ if cancel.is_cancelled() => return Err(VmError::Cancelled),
                _ if !running.is_alive() => return Err(failed(self.last_words())),
                t if running.accel == Accel::Kvm && t > FIRST_WORDS && silent() => {
                    return Err(failed(format!("with KVM it says nothing in {} s", t.as_secs())));
                }
                t if t > running.accel.limit() => {
                    let log = self.file("console.log");
                    return Err(failed(format!(
                        "no answer in {} s; see {}",
                        t.as_secs(),
                        log.display()
                    )));
                }
                _ => {}
            }
        }
    }

    /// Asks it once.
    fn ask(&self, cancel: &Cancel) -> Option<String> {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.ssh_config()).args([
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=3",
            "-T",
            "--",
        ]);
        ssh.args([self.kind.name(), "uname -r"]);
        ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = ssh.spawn().ok()?;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if !cancel.is_cancelled() => std::thread::sleep(TICK),
                _ => {
                    // It may have ended just now.
                    let _ = child.kill();
                    let _ = child.wait();
                    return None;
                }
            }
        };
        let mut said = String::new();
        std::io::Read::read_to_string(
            &mut std::io::Read::take(child.stdout.take()?, 200),
            &mut said,
        )
        .ok()?;
        let kernel = said.split_whitespace().next()?.to_owned();
        status.success().then_some(kernel)
    }

    /// What QEMU said, at its end.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.file("qemu.log")).unwrap_or_default();
        text.lines()
            .rfind(|l| !l.trim().is_empty())
            .unwrap_or("qemu ended and said nothing")
            .to_owned()
    }

    /// The machine and its two users besides root, for whoever wants to look inside.
    fn config(&self, port: u16) -> String {
        let name = self.kind.name();
        let mut text = String::new();
        for (host, user) in [("", "root"), ("-user", "user"), ("-plain", "plain")] {
            let _ = writeln!(text, "Host {name}{host}\n  User {user}"); // a String takes all
        }
        let quoted = |file: &str| format!("\"{}\"", self.file(file).display());
        let _ = write!(
            text,
            "Host *\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n  IdentitiesOnly \
             yes\n  IdentityAgent none\n  HostKeyAlias koracle-{name}\n  StrictHostKeyChecking \
             yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  LogLevel ERROR\n",
            quoted("id"),
            quoted("known_hosts")
        );
        text
    }

    /// The arguments of `boot.sh`: QEMU's whole command line. A comma in a path is doubled, as QEMU
    /// wants it.
    fn arguments(&self, accel: Accel, size: Size, port: u16) -> Vec<OsString> {
        let path = |file: &str| self.file(file).into_os_string();
        let option = |before: &str, file: &str, after: &str| {
            let path = self.file(file).display().to_string().replace(',', ",,");
            OsString::from(format!("{before}{path}{after}"))
        };
        let cpu = if accel == Accel::Kvm { ("kvm", "host") } else { ("tcg,thread=multi", "max") };
        let (cpus, memory) = (size.cpus.to_string(), size.memory.to_string());
        let priority = if size.alone { PRIORITY } else { 0 };
        let net = format!("user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22");
        let title = format!("koracle-{}", self.kind.name());
        let mut all = vec![self.folder.clone().into_os_string(), priority.to_string().into()];
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        all.extend(words(&[
            "qemu-system-x86_64",
            "-name",
            &title,
            "-accel",
            cpu.0,
            "-cpu",
            cpu.1,
            "-smp",
            &cpus,
        ]));
        all.extend(words(&[
            "-m",
            &memory,
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
        ]));
        all.extend([
            option("file:", "console.log", ""),
            "-kernel".into(),
            path("vmlinuz"),
            "-initrd".into(),
        ]);
        all.extend([path("initrd"), "-append".into()]);
        all.extend(words(&[
            "root=/dev/vda rw console=ttyS0 tsc=reliable mitigations=off",
            "-device",
        ]));
        // The disk forgets everything at the end: what was recorded there changes no later
        // recording.
        let drive = option("file=", "disk.raw", ",format=raw,if=virtio,snapshot=on");
        all.extend(words(&[
            "virtio-rng-pci",
            "-netdev",
            &net,
            "-device",
            "virtio-net-pci,netdev=n0",
            "-drive",
        ]));
        all.push(drive);
        all
    }
}
