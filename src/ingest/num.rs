//! Numbers out of raw bytes, without going through UTF-8. Anything that is not entirely a number is
//! `None`.

/// Decimal digits only; `None` when empty, not a number, or too big.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > DIGITS {
        return None;
    }
    let mut value = 0u64;
    if text.len() <= FIT {
        for &b in text {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(value);
    }
    for &b in text {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Digits of [`unsigned`], at most.
const DIGITS: usize = 20;
/// So many always fit.
const FIT: usize = 19;

/// The number that `text` begins with, and what follows its last digit; `None` when there is none,
/// or it is too big.
#[inline]
pub fn leading(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut at) = (0u64, 0);
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
        if at == FIT {
            let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
            return Some((unsigned(&text[..end])?, &text[end..]));
        }
        value = value * 10 + u64::from(digit);
        at += 1;
    }
    (at > 0).then(|| (value, &text[at..]))
}

/// The number that `text` ends in, and what comes before its first digit; `None` when there is
/// none, or it is too big.
#[inline]
pub fn trailing(text: &[u8]) -> Option<(&[u8], u64)> {
    let (mut value, mut unit, mut at) = (0u64, 1u64, text.len());
    while let Some(digit) = text[..at].last().map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
        if text.len() - at == FIT {
            let more =
                text[..at].iter().rev().take(DIGITS).take_while(|b| b.is_ascii_digit()).count();
            return Some((&text[..at - more], unsigned(&text[at - more..])?));
        }
        value += unit * u64::from(digit);
        unit = unit.wrapping_mul(10);
        at -= 1;
    }
    (at < text.len()).then(|| (&text[..at], value))
}

/// A pid: `0..=i32::MAX`.
pub fn pid(text: &[u8]) -> Option<i32> {
    unsigned(text).and_then(|v| i32::try_from(v).ok())
}

/// A kernel priority; -1 is the deadline class, which trace-cmd prints without its sign.
pub fn prio(text: &[u8]) -> Option<i16> {
    match text {
        [b'-', digits @ ..] => unsigned(digits).and_then(|v| i16::try_from(v).ok()).map(|v| -v),
        digits => match unsigned(digits)? {
            0xffff_ffff => Some(-1),
            v => i16::try_from(v).ok(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_only() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        for bad in
            [&b""[..], b"18446744073709551616", b"1a", b"+1", b" 1", b"000000000000000000001"]
        {
            assert_eq!(unsigned(bad), None, "{bad:?}");
        }
        assert_eq!(
            (pid(b"2147483647"), pid(b"2147483648"), pid(b"-1")),
            (Some(i32::MAX), None, None)
        );
        for n in [0, 7, 120, 999_999_999_999_999_999, u64::MAX / 10, u64::MAX] {
            let text = n.to_string();
            let [after, before] = [format!("{text} x"), format!("x {text}")];
            assert_eq!(leading(after.as_bytes()), Some((n, &b" x"[..])));
            assert_eq!(trailing(before.as_bytes()), Some((&b"x "[..], n)));
            assert_eq!(
                leading(text.as_bytes()).zip(trailing(text.as_bytes())),
                Some(((n, &b""[..]), (&b""[..], n)))
            );
        }
        for bad in [&b""[..], b"x", b"18446744073709551616", b"000000000000000000001"] {
            assert_eq!((leading(bad), trailing(bad)), (None, None), "{bad:?}");
        }
        assert_eq!((leading(b"x1"), trailing(b"1x")), (None, None));
        assert_eq!(prio(b"4294967295"), Some(-1));
        assert_eq!(
            (prio(b"-1"), prio(b"120"), prio(b"40000"), prio(b"-")),
            (Some(-1), Some(120), None, None)
        );
    }
}
