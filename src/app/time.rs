//! Times as people type and read them.

use crate::trace::Nanos;

/// A point in time from text: seconds (`0.41`), with a unit (`12ms`, `3us`, `3µs`, `900ns`, `1s`), relative to `now` (`+3us`,
/// `-1ms`), or a share of the recording (`50%`). Clamped to the recording; `None` when it is none of these.
pub fn parse(text: &str, now: Nanos, span: Nanos) -> Option<Nanos> {
    let text = text.trim();
    let (sign, body) = match text.strip_prefix('+') {
        Some(rest) => (1.0, rest),
        None => match text.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (0.0, text),
        },
    };
    let (number, unit) = match body.find(|c: char| !(c.is_ascii_digit() || c == '.')) {
        Some(at) => (&body[..at], body[at..].trim()),
        None => (body, "s"),
    };
    let number: f64 = number.parse().ok()?;
    let scale = match unit {
        "s" => 1e9,
        "ms" => 1e6,
        "us" | "µs" | "μs" => 1e3,
        "ns" => 1.0,
        "%" => span.0 as f64 / 100.0,
        _ => return None,
    };
    let base = if sign == 0.0 { 0.0 } else { now.0 as f64 };
    let sign = if sign == 0.0 { 1.0 } else { sign };
    Some(Nanos((base + sign * number * scale).clamp(0.0, span.0 as f64).round() as u64))
}

/// A duration with three significant digits: `950 ns`, `12.3 µs`, `1.04 ms`, `2.50 s`.
pub fn short(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
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
        _ => 3,
    };
    format!("{:.digits$} s", t as f64 / 1e9)
}

/// A number with thousands separated by commas.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_times() {
        let (now, span) = (Nanos(1_000_000), Nanos(2_000_000_000));
        let is = |text, ns| assert_eq!(parse(text, now, span), Some(Nanos(ns)), "{text}");
        is("0.41", 410_000_000);
        is("12ms", 12_000_000);
        is("+3us", 1_003_000);
        is("-1 ms", 0);
        is("50%", 1_000_000_000);
        is("99 s", 2_000_000_000);
        is(" 7ns ", 7);
        for bad in ["", "x", "1h", "..", "-", "1.2.3", "NaN", "inf"] {
            assert_eq!(parse(bad, now, span), None, "{bad}");
        }
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
        assert_eq!((grouped(7), grouped(149_402)), ("7".into(), "149,402".into()));
    }
}
