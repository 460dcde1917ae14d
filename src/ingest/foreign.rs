//! Formats that are known by sight and not read, each with the command that leads to one that is.
//! One line each: when a reader for one of them is written, its line goes.

/// A format that is not read.
pub struct Foreign {
    /// What it is.
    pub what: &'static str,
    /// What to do; commands and options stand in backquotes.
    pub way: &'static str,
    is: fn(&Look<'_>) -> bool,
}

/// The first bytes, and the first line of a text that is neither empty nor a comment.
struct Look<'a> {
    head: &'a [u8],
    line: &'a [u8],
}

const fn row(is: fn(&Look<'_>) -> bool, what: &'static str, way: &'static str) -> Foreign {
    Foreign { what, way, is }
}

/// Asked before any reader, so each must be sure.
const TABLE: &[Foreign] = &[
    row(
        |l| l.magic(b"PK\x03\x04") || l.magic(b"PK\x05\x06"),
        "a zip archive",
        "unpack it first: `unzip FILE`",
    ),
    row(
        |l| l.magic(b"BZh") && l.head.get(4..10) == Some(b"1AY&SY"),
        "packed with bzip2",
        "unpack it first: `bunzip2 FILE`",
    ),
    row(|l| l.magic(b"7z\xbc\xaf\x27\x1c"), "a 7z archive", "unpack it first: `7z x FILE`"),
    row(|l| l.magic(b"\x04\x22\x4d\x18"), "packed with lz4", "unpack it first: `lz4 -d FILE`"),
    row(
        |l| l.head.get(257..262) == Some(b"ustar"),
        "a tar archive (SchedViz keeps raw per-CPU pages in such)",
        "unpack it with `tar xf FILE` and open the recording inside; raw pages become readable \
         with `trace-cmd report`",
    ),
    row(
        utf16,
        "text in UTF-16 without its mark",
        "convert it: `iconv -f UTF-16 -t UTF-8 FILE > FILE.txt`",
    ),
    row(
        |l| l.has(b"\"linux-perf-json-version\""),
        "JSON of `perf data convert`, which leaves out CPUs and fields",
        "use the recording itself: `perf script -i perf.data --ns > trace.txt`",
    ),
    row(
        |l| {
            l.json()
                && !l.has(b"\"systemTraceEvents\"")
                && (l.has(b"\"traceEvents\"") || l.has(b"\"ph\":"))
        },
        "a JSON trace of user-space events, which holds no decisions of the kernel",
        "record them: `trace-cmd record -e sched`",
    ),
    row(
        |l| l.all(&[b"time", b"cpu", b"task name", b"wait time", b"run time"]),
        "text of `perf sched timehist`, which leaves out wake-ups and the order of events",
        "use the recording itself: `perf script -i perf.data --ns > trace.txt`",
    ),
    row(
        |l| {
            l.has(b" |  Runtime ms  |")
                || l.has(b"|   Runtime ms  |")
                || (l.has(b"Runtime ms") && l.has(b"Switches"))
        },
        "text of `perf sched latency`, which has sums and no events",
        "use the recording itself: `perf script -i perf.data --ns > trace.txt`",
    ),
    row(
        |l| l.magic(b"\xc1\x1f\xfc\xc1") || l.magic(b"\x75\xd1\x1f\xc1"),
        "a CTF trace (LTTng)",
        "print it: `babeltrace2 DIR`",
    ),
    row(
        |l| l.quoted_header(&[b"ts", b"cpu"]) && !l.has(b"time_ns"),
        "a table of trace_processor",
        "convert the trace itself: `traceconv systrace TRACE trace.txt`",
    ),
    row(
        raw,
        "ftrace text with the option `raw`, which leaves out fields",
        "record again after `echo 0 > /sys/kernel/tracing/options/raw`",
    ),
    row(
        hex,
        "ftrace text with the option `hex`, which leaves out fields",
        "record again after `echo 0 > /sys/kernel/tracing/options/hex`",
    ),
    row(
        |l| l.magic(b"# tracer:") && l.line.starts_with(b"sched_") && l.all(&[b": ", b"comm="]),
        "ftrace text without the option `context-info`, which leaves out CPUs and times",
        "record again after `echo 1 > /sys/kernel/tracing/options/context-info`",
    ),
    row(
        binary,
        "ftrace text with the option `bin`, which is not text",
        "record again after `echo 0 > /sys/kernel/tracing/options/bin`",
    ),
];

fn utf16(look: &Look<'_>) -> bool {
    look.wide()
}

/// A format that is known and not read. Asked anew for every longer part; `complete`: there is no
/// longer one.
pub fn recognise(head: &[u8], complete: bool) -> Option<&'static Foreign> {
    // A first line that may go on is not judged yet.
    let first = head.split_inclusive(|&b| b == b'\n').take(200);
    let mut text = first
        .filter(|l| !l.trim_ascii().is_empty() && l[0] != b'#' && (complete || l.ends_with(b"\n")));
    let line = text.next().unwrap_or_default();
    let look =
        Look { head: &head[..head.len().min(16 << 10)], line: &line[..line.len().min(4 << 10)] };
    TABLE.iter().find(|row| (row.is)(&look))
}

impl Look<'_> {
    fn magic(&self, bytes: &[u8]) -> bool {
        self.head.starts_with(bytes)
    }

    /// Somewhere at the beginning.
    fn has(&self, needle: &[u8]) -> bool {
        memchr::memmem::find(self.head, needle).is_some()
    }

    /// In the first line, in this order.
    fn all(&self, needles: &[&[u8]]) -> bool {
        let mut rest = self.line;
        needles.iter().all(|needle| {
            let found = memchr::memmem::find(rest, needle);
            rest = found.map_or(rest, |at| &rest[at + needle.len()..]);
            found.is_some()
        })
    }

    fn json(&self) -> bool {
        matches!(self.head.trim_ascii_start().first(), Some(b'{' | b'['))
    }

    /// UTF-16 without its mark: every other byte of the beginning is zero, and the others are text.
    fn wide(&self) -> bool {
        let head = &self.head[..self.head.len().min(64) & !1];
        let little = head
            .chunks_exact(2)
            .all(|pair| pair[1] == 0 && (pair[0] >= b' ' || pair[0].is_ascii_whitespace()));
        head.len() >= 16 && little
    }

    /// `"ts","dur","cpu"`
    fn quoted_header(&self, names: &[&[u8]]) -> bool {
        let mut columns = self.line.trim_ascii().split(|&b| b == b',');
        let found = |name: &&[u8]| {
            columns
                .any(|c| c.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")) == Some(*name))
        };
        names.iter().all(found)
    }
}

/// `20302 0 522840765267 type: 373`
fn raw(l: &Look<'_>) -> bool {
    numbers_and_type(l.line, u8::is_ascii_digit)
}

/// `000070f5 00000001 00000dff60a0f7ce type: 372`
fn hex(l: &Look<'_>) -> bool {
    numbers_and_type(l.line, u8::is_ascii_hexdigit)
}

fn numbers_and_type(line: &[u8], digit: fn(&u8) -> bool) -> bool {
    let mut words = line.trim_ascii().split(|&b| b == b' ');
    let number = |w: Option<&[u8]>| w.is_some_and(|w| !w.is_empty() && w.iter().all(digit));
    number(words.next())
        && number(words.next())
        && number(words.next())
        && words.next() == Some(b"type:")
}

/// `AP^@^@^@^@^@^@M-vM-;^^Kz^@^@^@type: 373` below ftrace's own header.
fn binary(l: &Look<'_>) -> bool {
    l.magic(b"# tracer:") && l.has(b"\0type: ")
}
