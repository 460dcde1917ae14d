//! What runs a machine's instructions: the processor, or QEMU in its place.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What runs a machine's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The processor.
    Kvm,
    /// QEMU: a program, which stretches times.
    Tcg,
}

impl Accel {
    /// What a recording's times are worth.
    pub fn truth(self) -> &'static str {
        match self {
            Self::Kvm => "with KVM",
            Self::Tcg => "emulated: its times are stretched",
        }
    }

    /// What the environment asks for, as of the Vagrantfile: `KORACLE_ACCEL`, kvm or tcg. A
    /// sentence when it is neither.
    pub fn wanted() -> Result<Option<Self>, String> {
        match std::env::var("KORACLE_ACCEL").unwrap_or_default().as_str() {
            "" => Ok(None),
            "kvm" => Ok(Some(Self::Kvm)),
            "tcg" => Ok(Some(Self::Tcg)),
            other => Err(format!("KORACLE_ACCEL is {other}; it may be kvm or tcg")),
        }
    }

    pub(super) fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Kvm => 90,
            Self::Tcg => 600,
        })
    }
}
