//! Lines of ftrace whose head is built in another way: verbose latency format and the function
//! graph; and what people's tools do to lines on their way (colours, tabs, escapes), undone.

use super::head::{Head, stamp};
use crate::ingest::num;
use memchr::memmem::find;

//           rec.sh   21207   0 1 00000002 00000000 [1f6f8eb8] 16.646ms (+0.058ms): sched_wakeup_new: comm=...
/// Latency format with the option `verbose`. The number in brackets is the clock in microseconds.
pub fn verbose(line: &[u8]) -> Option<(Head, &[u8])> {
    let at = find(line, b"ms): ")?;
    let (left, rest) = (&line[..at], &line[at + 5..]);
    let open = memchr::memrchr(b'[', left)?;
    let inner = &left[open + 1..];
    let stamp = std::str::from_utf8(&inner[..memchr::memchr(b']', inner)?]).ok()?;
    let time = u64::from_str_radix(stamp, 16).ok()?.checked_mul(1_000)?;
    let mut words = left[..open].rsplit(|&b| b == b' ').filter(|w| !w.is_empty());
    // Index, preemption count and flags stand between.
    let cpu = words.by_ref().nth(3).and_then(num::unsigned)?;
    let actor = words.next().and_then(num::pid)?;
    Some((Head { actor, cpu, time, count: false }, rest))
}

//  520.352726 |   1)  rec.sh-19855 |               |  /* sched_wakeup_new: comm=rec.sh ... */
/// An event as a remark in the function graph, with absolute times (`funcgraph-abstime`) and tasks
/// (`funcgraph-proc`).
pub fn graph(line: &[u8]) -> Option<(Head, &[u8])> {
    let at = find(line, b"/* ")?;
    let rest = line[at + 3..].trim_ascii_end().strip_suffix(b"*/")?.trim_ascii_end();
    let mut columns = line[..at].split(|&b| b == b'|').map(<[u8]>::trim_ascii);
    let (time, count) = stamp(columns.next()?)?;
    let place = columns.next()?;
    let (cpu, task) = place.split_at(memchr::memchr(b')', place)?);
    let actor =
        memchr::memrchr(b'-', task).and_then(|dash| num::pid(&task[dash + 1..])).unwrap_or(-1);
    Some((Head { actor, cpu: num::unsigned(cpu.trim_ascii())?, time, count }, rest))
}

/// The line without what a terminal, an editor or a page of HTML put into it; `None` when there is
/// nothing of that.
pub fn cleaned(line: &[u8]) -> Option<Vec<u8>> {
    const ESCAPES: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&#39;", b'\''), (b"&amp;", b'&')];
    if !line.iter().any(|b| matches!(b, 0x1b | b'\t' | b'&' | b'"')) {
        return None;
    }
    let mut clean = Vec::with_capacity(line.len());
    let mut rest = line.trim_ascii_end();
    // A whole line in quotes, as systemd's journal and spreadsheets export it.
    rest = rest.strip_prefix(b"\"").and_then(|r| r.strip_suffix(b"\"")).unwrap_or(rest);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0x1b => match colour(after) {
                Some(length) => rest = &after[length..],
                None => clean.push(byte),
            },
            b'\t' => clean.push(b' '),
            b'&' => match ESCAPES.iter().find(|(from, _)| after.starts_with(&from[1..])) {
                Some((from, to)) => {
                    clean.push(*to);
                    rest = &after[from.len() - 1..];
                }
                None => clean.push(byte),
            },
            other => clean.push(other),
        }
    }
    (clean != line).then_some(clean)
}

/// Length of `[01;31m` or `[K` behind an escape character.
fn colour(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"[")?;
    let length = inner.iter().take(16).position(|b| !(b.is_ascii_digit() || *b == b';'))?;
    matches!(inner.get(length), Some(b'm' | b'K')).then_some(length + 2)
}

// ARRAY[e6, 97, a5, e6, 9c, ac, e8, aa, 9e, e3, 82, b9, e3, 83, ac, 00]
/// A name that is not ASCII, as `trace-cmd report -R` prints it.
pub fn array(name: &[u8]) -> Option<Vec<u8>> {
    let inner = name.strip_prefix(b"ARRAY[")?.strip_suffix(b"]")?;
    let byte =
        |text: &[u8]| u8::from_str_radix(std::str::from_utf8(text.trim_ascii()).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = inner.split(|&b| b == b',').map(byte).collect();
    let mut bytes = bytes?;
    bytes.truncate(memchr::memchr(0, &bytes).unwrap_or(bytes.len()));
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_are_built_otherwise() {
        let head =
            |h: Option<(Head, &[u8])>| h.map(|(h, rest)| (h.actor, h.cpu, h.time, rest.to_vec()));
        let line = b"    a b   21207   3 1 00000002 00000000 [1f6f8eb8] 16.646ms (+0.058ms): \
                     sched_x: a";
        assert_eq!(head(verbose(line)), Some((21207, 3, 527_404_728_000, b"sched_x: a".to_vec())));
        let line = b" 520.352726 |   1)  rec.sh-19855 |               |  /* sched_x: a */";
        assert_eq!(head(graph(line)), Some((19855, 1, 520_352_726_000, b"sched_x: a".to_vec())));
        for line in [
            &b""[..],
            b"ms): ",
            b"[x] 1ms (+0ms): a",
            b"/* */",
            b"1.0 | x) /* a */",
            b"520.3 | 1) { /* a",
        ] {
            assert_eq!((head(verbose(line)), head(graph(line))), (None, None));
        }
    }

    #[test]
    fn what_tools_did_to_a_line_is_undone() {
        let clean =
            |text: &str| cleaned(text.as_bytes()).map(|c| String::from_utf8_lossy(&c).into_owned());
        assert_eq!(clean("a\x1b[01;31m\x1b[Ksched\x1b[m\x1b[K: b"), Some("asched: b".into()));
        assert_eq!(clean("a\t[000] =&gt; &amp;lt;"), Some("a [000] => &lt;".into()));
        assert_eq!(clean("\"a: b\""), Some("a: b".into()));
        for same in ["a b", "", "a & b", "a\"b", "\x1b]0;x"] {
            assert_eq!(clean(same), None, "{same:?}");
        }
        assert_eq!(array(b"ARRAY[e6, 97, a5, 00, 41]").as_deref(), Some("日".as_bytes()));
        assert_eq!((array(b"ARRAY[e6, xx]"), array(b"ARRAY"), array(b"bash")), (None, None, None));
    }
}
