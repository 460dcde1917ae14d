//! Options that say of a recording's machine what the recording does not say. Reads nothing.

use crate::dataset::opening::StatedMachine;
use crate::trace::{Fact, Machine as Facts, Origin, SchedClass, Trace};

/// What only some kernels' schedulers need.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Rules {
    /// The recorded kernel's timer frequency (`CONFIG_HZ`).
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
    /// The recorded kernel, e.g. 6.1: its scheduler is CFS before 6.6, EEVDF from there on. What is
    /// told goes before what the recording says.
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

/// What of it goes before something else that the recording says, in words. It may be meant; if it
/// is not, every figure is another one, and nothing else would tell.
pub fn against(trace: &Trace, told: &StatedMachine) -> Vec<String> {
    let recorded = Facts::of(trace.meta(), trace.cpus());
    let on_or_off = |on: bool| (if on { "on" } else { "off" }).to_owned();
    let kernel = told.kernel.as_deref().and_then(|kernel| other_kernel(trace, kernel));
    let hz = other("--hz", told.hz, recorded.hz, |hz| hz.to_string());
    let slice = other("--slice", told.slice_ns, recorded.slice_ns, |ns| ns.to_string());
    let autogroup = other("--autogroup", told.autogroup, recorded.autogroup, on_or_off);
    [kernel, hz, slice, autogroup].into_iter().flatten().collect()
}

/// A kernel that was told and is not the recorded one.
fn other_kernel(trace: &Trace, told: &str) -> Option<String> {
    let (meta, recorded) = (trace.meta(), Facts::of(trace.meta(), trace.cpus()).class);
    let class = SchedClass::of_kernel(told);
    if recorded.from != Origin::Recorded {
        return None;
    }
    if class != recorded.value {
        let [class, was] = [class, recorded.value].map(SchedClass::label);
        let whose = if meta.kernel.is_empty() { "its kernel" } else { &meta.kernel };
        return Some(format!("--kernel {told} ({class}) goes before the recorded {whose} ({was})"));
    }
    let rest = meta.kernel.strip_prefix(told);
    let is_same = rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    (!is_same && !meta.kernel.is_empty()).then(|| {
        let (kernel, class) = (&meta.kernel, class.label());
        format!("--kernel {told} means the same scheduler as the recorded {kernel}, {class}")
    })
}

/// A value that was told and is not what was recorded.
fn other<T: Copy + PartialEq>(
    option: &str,
    told: Option<T>,
    recorded: Fact<T>,
    text: impl Fn(T) -> String,
) -> Option<String> {
    let told = told.filter(|told| recorded.from == Origin::Recorded && *told != recorded.value)?;
    let [told, recorded] = [told, recorded.value].map(text);
    Some(format!("{option} {told} goes before the recorded {recorded}"))
}
