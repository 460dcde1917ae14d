//! Machines of this program's own to record on: Debian guests that are built from packages into the
//! user's cache folder and run under QEMU, with KVM where that works and emulated else. Each
//! listens on this machine's loopback alone, and its disk forgets everything when it ends. Nothing
//! runs by accident: what is started here ends with whoever started it, however that ends, until it
//! has answered; from then on `running.toml` says which process it is.

mod accel;
mod boot;
pub mod boxes;

mod build;
pub mod place;
mod shell;
mod tools;

pub use accel::Accel;
pub use boot::{Size, Up, down, up};
pub use build::build;
pub use place::{Running, State};

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A machine that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian 12: the last of its kernels with CFS.
    Cfs,
    /// Debian 13: EEVDF.
    Eevdf,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 2] = [Self::Cfs, Self::Eevdf];

    /// Its name, for `ssh` and `--host` too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cfs => "cfs",
            Self::Eevdf => "eevdf",
        }
    }

    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// What is in it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Cfs => "Debian 12, Linux 6.1, CFS",
            Self::Eevdf => "Debian 13, Linux 6.12, EEVDF",
        }
    }

    /// Debian's name of the release.
    fn release(self) -> &'static str {
        match self {
            Self::Cfs => "bookworm",
            Self::Eevdf => "trixie",
        }
    }
}

/// Whether these machines can be had here at all: the recipes are for one architecture.
pub fn is_possible() -> bool {
    cfg!(target_arch = "x86_64")
}

/// A part of making or starting a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Packages are fetched and unpacked.
    Packages,
    /// The image is written.
    Image,
    /// The machine starts until it answers.
    Boot(Accel),
}

impl Part {
    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Image => "image",
            Self::Boot(Accel::Kvm) => "boot with KVM",
            Self::Boot(Accel::Tcg) => "boot, emulated",
        }
    }
}

/// Parts and how long each took, in order.
pub type Times = Vec<(Part, Duration)>;

/// Which part is done when: adds up times, and tells whoever waits.
struct Clock<'a> {
    times: Times,
    now: Option<(Part, Instant)>,
    tell: &'a mut dyn FnMut(Part, Duration),
}

impl<'a> Clock<'a> {
    fn new(tell: &'a mut dyn FnMut(Part, Duration)) -> Self {
        Self { times: Times::new(), now: None, tell }
    }

    /// This part begins, and the one before has ended.
    fn begin(&mut self, part: Part) {
        self.end();
        self.now = Some((part, Instant::now()));
        self.tick();
    }

    fn tick(&mut self) {
        if let Some((part, since)) = self.now {
            (self.tell)(part, since.elapsed());
        }
    }

    fn end(&mut self) {
        self.times.extend(self.now.take().map(|(part, since)| (part, since.elapsed())));
    }
}

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// Programs that are needed and not here, each with its Debian package.
    #[error("missing here: {}", .0.iter().map(|(p, k)| format!("{p} (package \
        {k})")).collect::<Vec<_>>().join(", "))]
    Missing(Vec<(&'static str, &'static str)>),
    /// Only x86-64 has a recipe.
    #[error(
        "these machines are x86-64, this one is {}; use another machine through ssh",
        std::env::consts::ARCH
    )]
    Arch,
    /// No cache folder, or it cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was not built.
    #[error("{name} could not be built: {problem}")]
    Build {
        /// The machine.
        name: String,
        /// Why.
        problem: String,
    },
    /// It did not start.
    #[error("{name} does not start: {problem}")]
    Boot {
        /// The machine.
        name: &'static str,
        /// Why.
        problem: String,
    },
    /// It runs, and what was asked for needs it to be down.
    #[error("{name} runs, as process {pid}; `koracle vm down {name}` ends it")]
    Runs {
        /// The machine.
        name: &'static str,
        /// Its process.
        pid: u32,
    },
    /// Somebody cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl VmError {
    fn folder(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}
