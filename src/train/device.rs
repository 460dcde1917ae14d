//! Where a training computes: on the CPU, or on a device that this program was built for. Names
//! them, opens them, and says what is missing.

use burn::tensor::Device;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What runs forward and backward passes and the optimiser. Features, validation and every
/// prediction run on the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// One thread. The only one on which the same seed gives the same bits.
    #[default]
    Cpu,
    /// An NVIDIA card by its number, or the first one.
    Cuda(Option<usize>),
    /// What Vulkan offers: a discrete card by its number, or the best there is.
    Wgpu(Option<usize>),
}

/// Why a device cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The program was built without it.
    #[error(
        "this program was built without the feature {0}; `cargo build --release --features {0}` \
         makes one that trains on it"
    )]
    NotBuilt(&'static str),
    /// It does not answer.
    #[error("{0} does not answer; is there such a device? ({1})")]
    Unusable(Target, String),
}

impl Target {
    /// Names of the kinds of devices.
    pub const KINDS: [&'static str; 3] = ["cpu", "cuda", "wgpu"];

    fn parts(self) -> (&'static str, Option<usize>, bool) {
        match self {
            Self::Cpu => ("cpu", None, true),
            Self::Cuda(n) => ("cuda", n, cfg!(feature = "cuda")),
            Self::Wgpu(n) => ("wgpu", n, cfg!(feature = "wgpu")),
        }
    }

    /// Refuses a kind that this program was built without. Whether the machine has one is found out
    /// by `Self::open`.
    pub fn check(self) -> Result<(), DeviceError> {
        let (kind, _, built) = self.parts();
        if built { Ok(()) } else { Err(DeviceError::NotBuilt(kind)) }
    }

    /// The device, ready to compute.
    pub(super) fn open(self) -> Result<Device, DeviceError> {
        self.check()?;
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(n) => {
                use burn::tensor::DeviceIndex;
                self.probed(&|| {
                    Device::cuda(n.map_or(DeviceIndex::Default, DeviceIndex::Specified))
                })
            }
            #[cfg(feature = "wgpu")]
            Self::Wgpu(n) => {
                use burn::tensor::DeviceKind;
                self.probed(&|| {
                    Device::wgpu(n.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu))
                })
            }
            _ => Ok(Device::flex()),
        }
    }

    /// Devices are opened at their first use, and one that is not there panics then: computes
    /// something at once.
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    fn probed(self, open: &dyn Fn() -> Device) -> Result<Device, DeviceError> {
        use crate::job::panic_text;
        use std::panic::{AssertUnwindSafe, catch_unwind};
        let probe = || {
            let device = open();
            let sum: f32 = Tensor::<1>::ones([8], &device).sum().into_scalar();
            (device, sum)
        };
        match catch_unwind(AssertUnwindSafe(probe)) {
            Ok((device, sum)) if (sum - 8.0).abs() < 1e-3 => Ok(device),
            Ok((_, sum)) => {
                Err(DeviceError::Unusable(self, format!("eight times one makes {sum} there")))
            }
            Err(panic) => Err(DeviceError::Unusable(self, panic_text(panic.as_ref()))),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (kind, Some(n), _) => write!(f, "{kind}:{n}"),
            (kind, None, _) => f.write_str(kind),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, n) = text.split_once(':').map_or((text, None), |(kind, n)| (kind, Some(n)));
        let n = n
            .map(|n| n.parse().map_err(|_| format!("\"{n}\" is not the number of a device")))
            .transpose()?;
        match (kind, n) {
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", n) => Ok(Self::Cuda(n)),
            ("wgpu", n) => Ok(Self::Wgpu(n)),
            _ => Err(format!("\"{text}\" is no device: cpu, cuda, cuda:N, wgpu, wgpu:N")),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_others_are_refused() {
        for text in ["cpu", "cuda", "cuda:1", "wgpu", "wgpu:0"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "cpu:0", "cuda:", "cuda:-1", "wgpu:x"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_not_built_is_named_with_the_command_that_builds_it() {
        assert!(Target::Cpu.check().is_ok() && Target::Cpu.open().is_ok());
        for (target, built) in [
            (Target::Cuda(None), cfg!(feature = "cuda")),
            (Target::Wgpu(Some(3)), cfg!(feature = "wgpu")),
        ] {
            let kind = target.parts().0;
            match target.check() {
                Ok(()) => assert!(built),
                Err(e) => {
                    assert!(
                        !built && e.to_string().contains(&format!("--features {kind}`")),
                        "{e}"
                    );
                }
            }
        }
    }
}
