//! Options that name a part of a recording by its times. Reads nothing.

use crate::app::time;
use crate::stats::Window;
use crate::trace::{Nanos, Trace};
use color_eyre::eyre::Result;

/// From when to when, and by which clock.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Times {
    /// Only from this time on: 0.41 (seconds), 12ms, 3us, 50% of the recording.
    #[arg(long, value_name = "T", value_parser = typed, allow_hyphen_values = true)]
    from: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "T", value_parser = typed, allow_hyphen_values = true)]
    to: Option<String>,
    /// Times are those of the recording's own clock, typed and printed, and not since its start.
    #[arg(long)]
    absolute: bool,
}

fn typed(text: &str) -> Result<String, String> {
    let good =
        !text.starts_with(['+', '-']) && time::parse(text, Nanos(0), Nanos(u64::MAX), 0).is_some();
    if good { Ok(text.into()) } else { Err("a time such as 0.41, 12ms, 3us or 50%".into()) }
}

impl Times {
    /// The part of a recording. When there is none, the arguments are wrong.
    pub fn window(&self, trace: &Trace) -> Result<Window> {
        let all = Window::all(trace);
        let at = |text: &Option<String>, otherwise| {
            text.as_deref().map_or(otherwise, |text| self.point(text, trace))
        };
        let window = Window { from: at(&self.from, all.from), to: at(&self.to, all.to) };
        if window.from >= window.to && (self.from.is_some() || self.to.is_some()) {
            let (start, end) = (self.shown(trace, 0), self.shown(trace, all.to));
            return Err(super::wrong(format!(
                "nothing lies between --from {} and --to {}: the recording is from {} to {}",
                self.from.as_deref().unwrap_or("its start"),
                self.to.as_deref().unwrap_or("its end"),
                time::point(start, 0),
                time::point(end, 0)
            )));
        }
        Ok(window)
    }

    fn point(&self, text: &str, trace: &Trace) -> u64 {
        let (span, start) = (trace.span(), trace.meta().start_ns);
        if !self.absolute || text.trim_end().ends_with('%') {
            return time::parse(text, Nanos(0), span, start).map_or(0, |t| t.0);
        }
        let stamp = time::parse(text, Nanos(0), Nanos(u64::MAX), 0).map_or(0, |t| t.0);
        stamp.saturating_sub(start).min(span.0)
    }

    /// A time of a recording as it is printed, ns.
    pub fn shown(&self, trace: &Trace, ns: u64) -> u64 {
        if self.absolute { ns.saturating_add(trace.meta().start_ns) } else { ns }
    }
}
