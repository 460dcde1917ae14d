//! Values of options that several commands parse alike.

use crate::trace::SchedClass;

/// Parses `on` and `off` for clap.
pub fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".into()),
    }
}

/// A kernel release of which the scheduler is known.
pub fn release(text: &str) -> Result<String, String> {
    match SchedClass::of_kernel(text) {
        SchedClass::Unknown => Err("a kernel release such as 6.1 or 6.12.3".into()),
        _ => Ok(text.into()),
    }
}
