//! Times as people type and read them.

pub use crate::text::grouped;
use crate::trace::Nanos;

/// A point in time from text: seconds (`0.41`), with a unit (`12ms`, `3us`, `3µs`, `900ns`, `1s`),
/// relative to `now` (`+3us`, `-1ms`), or a share of the recording (`50%`). What is later than the
/// recording is long but lies in it by the recording's own clock, which said `start_ns` at its
/// first event, is a stamp of that clock. Clamped to the recording; `None` when it is none of
/// these.
pub fn parse(text: &str, now: Nanos, span: Nanos, start_ns: u64) -> Option<Nanos> {
    unbounded(text, now, span, start_ns).map(|to| Nanos(to.clamp(0, i128::from(span.0)) as u64))
}

/// The same, which may lie before the recording or behind it; ns since its first event.
pub fn unbounded(text: &str, now: Nanos, span: Nanos, start_ns: u64) -> Option<i128> {
    let text = text.trim();
    let (forward, body) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (Some(true), rest),
        (_, Some(rest)) => (Some(false), rest),
        _ => (None, text),
    };
    let (number, unit) = match body.find(|c: char| !(c.is_ascii_digit() || c == '.')) {
        Some(at) => (&body[..at], body[at..].trim()),
        None => (body, "s"),
    };
    let digits = match unit {
        "s" => 9,
        "ms" => 6,
        "us" | "µs" | "μs" => 3,
        "ns" => 0,
        "%" => {
            let share: f64 = number.parse().ok()?;
            return Some(moved(now, forward, (share / 100.0 * span.0 as f64).round() as u64));
        }
        _ => return None,
    };
    let ns = decimal(number, digits)?;
    let stamp = start_ns..=start_ns.saturating_add(span.0);
    if forward.is_none() && ns > span.0 && stamp.contains(&ns) {
        return Some(i128::from(ns - start_ns));
    }
    Some(moved(now, forward, ns))
}

fn moved(now: Nanos, forward: Option<bool>, by: u64) -> i128 {
    let (now, by) = (i128::from(now.0), i128::from(by));
    match forward {
        None => by,
        Some(true) => now + by,
        Some(false) => now - by,
    }
}

/// A decimal number times 10 to the power of `digits`, rounded; to the last digit, which a stamp of
/// a machine that has been up for weeks needs. What is too large is the largest.
fn decimal(number: &str, digits: u32) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + part.len() == 0 || part.contains('.') {
        return None;
    }
    let mut value = 0u64;
    let kept = part.bytes().chain(std::iter::repeat(b'0')).take(digits as usize);
    for digit in whole.bytes().chain(kept) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    let up = part.as_bytes().get(digits as usize).is_some_and(|d| *d >= b'5');
    Some(value.saturating_add(u64::from(up)))
}

/// A duration with three significant digits: `950 ns`, `12.3 µs`, `1.04 ms`, `2.50 s`.
pub fn short(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        // What would be rounded to 1000 is one of the next unit.
        1_000..999_500 => (ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// A signed duration, with a real minus sign.
pub fn short_signed(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "+" };
    format!("{sign}{}", short(ns.unsigned_abs()))
}

/// A point in time in seconds, with as many digits as a window of `width` ns needs.
pub fn point(t: u64, width: u64) -> String {
    let digits = match width {
        0..1_000 => 9,
        1_000..10_000 => 8,
        10_000..100_000 => 7,
        100_000..1_000_000 => 6,
        1_000_000..10_000_000 => 5,
        10_000_000..100_000_000 => 4,
        _ => 3u32,
    };
    // In whole numbers: a stamp of months has more digits than a float.
    let unit = 10u64.pow(9 - digits);
    let t = (u128::from(t) + u128::from(unit / 2)) / u128::from(unit);
    let second = 10u128.pow(digits);
    format!("{}.{:0width$} s", t / second, t % second, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_duration_is_a_thousand_of_its_unit() {
        let said = [999, 999_499, 999_500, 999_499_999, 999_500_000].map(short);
        assert_eq!(said, ["999 ns", "999 µs", "1.00 ms", "999 ms", "1.00 s"]);
    }

    #[test]
    fn typed_times() {
        let (now, span) = (Nanos(1_000_000), Nanos(2_000_000_000));
        let is = |text, ns| assert_eq!(parse(text, now, span, 0), Some(Nanos(ns)), "{text}");
        is("0.41", 410_000_000);
        is("12ms", 12_000_000);
        is("+3us", 1_003_000);
        is("-1 ms", 0);
        is("50%", 1_000_000_000);
        is("99 s", 2_000_000_000);
        is(" 7ns ", 7);
        for bad in ["", "x", "1h", "..", "-", "1.2.3", "NaN", "inf"] {
            assert_eq!(parse(bad, now, span, 0), None, "{bad}");
        }
    }

    #[test]
    fn stamps_of_the_recordings_own_clock() {
        let (now, span, start) = (Nanos(5_000), Nanos(2_000_000_000), 1_234_567_890_123_456);
        let is = |text, ns| assert_eq!(parse(text, now, span, start), Some(Nanos(ns)), "{text}");
        is("1234567.890123456", 0);
        is("1234567.890123457", 1);
        is("1234568.890124 s", 1_000_000_544);
        is("1234569890123456ns", 2_000_000_000);
        is("1234567890.123457ms", 1);
        // Before it, after it, in it, and relative: as ever.
        is("1234567.890123455", 2_000_000_000);
        is("1234569.8901234561", 2_000_000_000);
        is("1234570", 2_000_000_000);
        is("1.5", 1_500_000_000);
        is("+1234567.9", 2_000_000_000);
        is("99999999999999999999", 2_000_000_000);
        // A recording that begins early: what lies in both is time since its start.
        assert_eq!(parse("1.5", now, span, 1_000_000_000), Some(Nanos(1_500_000_000)));
        assert_eq!(parse("2.5", now, span, 1_000_000_000), Some(Nanos(1_500_000_000)));
    }

    #[test]
    fn read_times() {
        assert_eq!(short(950), "950 ns");
        assert_eq!(short(12_345), "12.3 µs");
        assert_eq!(short(9_999), "10.0 µs");
        assert_eq!(short(1_040_000), "1.04 ms");
        assert_eq!(short(250_000_000_000), "250 s");
        assert_eq!(short_signed(-1_500), "−1.50 µs");
        assert_eq!(point(412_873_000, 60_000), "0.4128730 s");
        assert_eq!(point(1_234_567_890_123_456_789, 0), "1234567890.123456789 s");
        assert_eq!(point(1_999_600_000, 1_000_000_000), "2.000 s");
        assert_eq!((grouped(7), grouped(149_402)), ("7".into(), "149,402".into()));
    }
}
