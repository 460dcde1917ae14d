//! Options that say of a recording's machine what the recording does not say. Reads nothing.

use crate::dataset::opening::StatedMachine;

/// What only some kernels' schedulers need.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Rules {
    /// The recorded kernel's timer frequency (`CONFIG_HZ`), if the recording does not say it.
    #[arg(long, value_name = "N", value_parser = super::values::whole::<u32>(10..=10_000), help_heading = TOLD)]
    hz: Option<u32>,
    /// The recorded kernel's base slice in ns.
    #[arg(long, value_name = "NS", value_parser = super::values::whole::<u64>(1_000..=1_000_000_000), help_heading = TOLD)]
    slice: Option<u64>,
    /// Whether autogroup was on.
    #[arg(long, value_name = "on|off", value_parser = super::values::on_or_off, help_heading = TOLD)]
    autogroup: Option<bool>,
}

const TOLD: &str = "What the recording does not say";

/// All of them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Machine {
    /// The recorded kernel, e.g. 6.1: its scheduler is CFS before 6.6, EEVDF from there on.
    #[arg(long, value_name = "RELEASE", value_parser = super::values::release, help_heading = TOLD)]
    kernel: Option<String>,
    #[command(flatten)]
    rules: Rules,
}

impl Machine {
    /// As the opening of a recording takes it.
    pub fn told(&self) -> StatedMachine {
        self.rules.told(self.kernel.clone())
    }
}

impl Rules {
    /// With this kernel.
    pub fn told(&self, kernel: Option<String>) -> StatedMachine {
        StatedMachine { kernel, hz: self.hz, slice_ns: self.slice, autogroup: self.autogroup }
    }
}
