//! Where a machine lies and what state it is in: a folder of the user's cache, with the image, the
//! key, what `ssh` needs to know, and, while it runs, which process it is.

use super::accel::Accel;
use super::{Kind, VmError};
use crate::export::{process_start, write_private};
use crate::places::User;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The process of a machine, and how it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Number of the process.
    pub pid: u32,
    /// When it began, in ticks since this machine did: another process of that number is not it.
    pub start: u64,
    /// This machine's own start.
    pub boot: String,
    /// Port on the loopback that leads to its ssh.
    pub port: u16,
    /// CPUs.
    pub cpus: u16,
    /// MiB.
    pub memory: u32,
    /// With KVM or emulated.
    pub accel: Accel,
    /// Its kernel's release; empty until it has answered.
    pub kernel: String,
}

impl Running {
    /// True while it is this very process.
    pub fn is_alive(&self) -> bool {
        self.boot == boot_id() && process_start(self.pid) == Some(self.start)
    }
}

/// The state of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no image.
    NotBuilt,
    /// Its image is being made.
    Building,
    /// It can be started.
    Stopped,
    /// Somebody is starting it.
    Starting,
    /// It runs.
    Running(Running),
}

impl State {
    /// For display.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotBuilt => "not built",
            Self::Building => "building",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running(_) => "running",
        }
    }
}

/// The folder of a machine.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which machine.
    pub kind: Kind,
    /// The folder; it may not be there.
    pub folder: PathBuf,
}

impl Place {
    /// The one in the user's cache folder. `None` for somebody without a home.
    pub fn of(kind: Kind) -> Option<Self> {
        let folder = User::Cache.folder()?.join("vm").join(kind.name());
        Some(Self { kind, folder })
    }

    /// The same, made if it is not there.
    pub(super) fn make(kind: Kind) -> Result<Self, VmError> {
        let none = || std::io::Error::new(std::io::ErrorKind::NotFound, "no home folder");
        let place = Self::of(kind).ok_or_else(|| VmError::folder("cache")(none()))?;
        std::fs::create_dir_all(&place.folder).map_err(VmError::folder(&place.folder))?;
        Ok(place)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What `ssh -F` needs to reach it while it runs.
    pub fn ssh_config(&self) -> PathBuf {
        self.file("ssh_config")
    }

    /// Its state now.
    pub fn state(&self) -> State {
        if let Some(running) = self.running() {
            let answered = !running.kernel.is_empty();
            return if answered { State::Running(running) } else { State::Starting };
        }
        let built = self.file("built").is_file();
        match (self.is_locked(), built) {
            (true, _) => State::Building,
            (false, true) => State::Stopped,
            (false, false) => State::NotBuilt,
        }
    }

    /// The process that is it, if it lives.
    pub(super) fn running(&self) -> Option<Running> {
        let text = std::fs::read_to_string(self.file("running.toml")).ok()?;
        toml::from_str::<Running>(&text).ok().filter(Running::is_alive)
    }

    pub(super) fn remember(&self, running: &Running) -> Result<(), VmError> {
        let text = toml::to_string(running).unwrap_or_default();
        self.write("running.toml", &text)
    }

    pub(super) fn forget(&self) {
        // When it cannot be removed it names a process that is gone.
        let _ = std::fs::remove_file(self.file("running.toml"));
    }

    /// Writes a small file whole, for this user alone.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), VmError> {
        let file = self.file(name);
        write_private(&file, text.as_bytes()).map_err(VmError::folder(file))
    }

    /// Somebody builds here.
    fn is_locked(&self) -> bool {
        let file = File::open(self.file("lock"));
        file.is_ok_and(|f| matches!(f.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

/// This machine's own start, by a random number.
pub(super) fn boot_id() -> String {
    let id = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id"));
    id.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_what_its_folder_says_and_another_process_is_not_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { kind: Kind::Cfs, folder: dir.path().to_path_buf() };
        assert_eq!(place.state(), State::NotBuilt);
        std::fs::write(place.file("built"), "x").unwrap();
        assert_eq!(place.state(), State::Stopped);
        let lock = File::create(place.file("lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(place.state(), State::Building);
        drop(lock);
        let pid = std::process::id();
        let (start, boot, kernel) = (process_start(pid).unwrap(), boot_id(), String::new());
        let me =
            Running { pid, start, boot, port: 1, cpus: 2, memory: 3, accel: Accel::Tcg, kernel };
        place.remember(&me).unwrap();
        assert_eq!(place.state(), State::Starting);
        let answered = Running { kernel: "6.1".into(), ..me.clone() };
        place.remember(&answered).unwrap();
        assert_eq!(place.state(), State::Running(answered.clone()));
        // Its number has gone to another process; this machine has been started anew.
        for other in [
            Running { start: start + 1, ..answered.clone() },
            Running { boot: "other".into(), ..answered.clone() },
            Running { pid: u32::MAX, ..answered },
        ] {
            place.remember(&other).unwrap();
            assert_eq!(place.state(), State::Stopped, "{other:?}");
        }
        std::fs::write(place.file("running.toml"), "pid = ").unwrap();
        assert_eq!(place.state(), State::Stopped);
    }
}
