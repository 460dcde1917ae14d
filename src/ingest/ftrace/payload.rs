//! The fields after `sched_switch:` and its companions, in the layouts that exist. Task names are
//! up to 15 arbitrary bytes and are not quoted, so they are found by what must follow them, never
//! by what they may not contain.

use crate::ingest::num;
use crate::trace::{Runtime, TaskState};
use memchr::{memchr_iter, memrchr, memrchr_iter};

/// The kernel keeps 15 bytes of a name; other tools' ways of writing one take more. A name is never
/// looked for beyond this, so that a line costs what its length costs, whatever is in it.
const LONGEST_NAME: usize = 128;
/// States, priorities and pids are shorter than this.
const LONGEST_WORD: usize = 32;

/// A task as one event names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    pub comm: &'a [u8],
    pub pid: i32,
    pub prio: i16,
}

/// The fields of a `sched_switch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch<'a> {
    pub prev: Named<'a>,
    pub state: TaskState,
    pub next: Named<'a>,
}

/// The fields of a `sched_wakeup` or `sched_wakeup_new`. Kernels before 4.3 say whether it had an
/// effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakeup<'a> {
    pub task: Named<'a>,
    pub cpu: u64,
    pub success: bool,
}

/// The fields of a `sched_migrate_task`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrate<'a> {
    pub task: Named<'a>,
    pub from: u64,
    pub to: u64,
}

/// `sched_switch` in any layout.
pub fn switch(text: &[u8]) -> Option<Switch<'_>> {
    keyed_switch(text).or_else(|| plain_switch(text))
}

/// `sched_wakeup` in any layout.
pub fn wakeup(text: &[u8]) -> Option<Wakeup<'_>> {
    keyed_wakeup(text).or_else(|| plain_wakeup(text))
}

// prev_comm=lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=R+ ==> next_comm=bash next_pid=15
// next_prio=120 prev_comm=lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=256 next_comm=bash
// next_pid=15 next_prio=120
fn keyed_switch(text: &[u8]) -> Option<Switch<'_>> {
    let text = text.strip_prefix(b"prev_comm=")?;
    spots(text, b" prev_pid=").find_map(|(comm, rest)| {
        let (pid, rest) = pid(rest)?;
        let (prio, rest) = prio(rest.strip_prefix(b" prev_prio=")?)?;
        let (state, rest) = state(rest.strip_prefix(b" prev_state=")?)?;
        let rest = rest.strip_prefix(b" ==>").unwrap_or(rest).strip_prefix(b" next_comm=")?;
        Some(Switch { prev: Named { comm, pid, prio }, state, next: keyed_next(rest)? })
    })
}

/// From the right, because nothing but numbers follows this name.
fn keyed_next(text: &[u8]) -> Option<Named<'_>> {
    const KEY: &[u8] = b" next_pid=";
    let usual = || {
        let (left, prio) = num::trailing(text)?;
        let (left, pid) = num::trailing(left.strip_suffix(b" next_prio=")?)?;
        let comm = left.strip_suffix(KEY).filter(|comm| comm.len() < LONGEST_NAME)?;
        Some(Named { comm, pid: i32::try_from(pid).ok()?, prio: i16::try_from(prio).ok()? })
    };
    usual().or_else(|| keyed_next_before(text, KEY))
}

/// [`keyed_next`] where something follows the priority, or it is not a plain number.
fn keyed_next_before<'a>(text: &'a [u8], key: &'static [u8]) -> Option<Named<'a>> {
    memrchr_iter(b' ', near(text)).filter(|&at| text[at..].starts_with(key)).find_map(|at| {
        let (pid, rest) = pid(&text[at + key.len()..])?;
        let (prio, rest) = prio(rest.strip_prefix(b" next_prio=")?)?;
        ended(rest).then_some(Named { comm: &text[..at], pid, prio })
    })
}

// lto cgu.01:14408 [120] R ==> bash:14961 [120] lto cgu.01:14408 [120] R ==> bash:14961 [120]
// Latency: 88.891 usecs (trace-cmd report -w)
fn plain_switch(text: &[u8]) -> Option<Switch<'_>> {
    let text = match text.strip_suffix(b" usecs") {
        Some(head) => {
            &head[..last(head, b'L')
                .filter(|&at| head[at..].starts_with(b"Latency: "))?
                .checked_sub(1)?]
        }
        None => text,
    };
    spots(text, b" ==> ").find_map(|(left, right)| {
        let space = last(left, b' ')?;
        let state = plugin_state(&left[space + 1..])?;
        Some(Switch { prev: plain_task(&left[..space])?, state, next: plain_task(right)? })
    })
}

// bash:14961 [120]
fn plain_task(text: &[u8]) -> Option<Named<'_>> {
    let text = text.strip_suffix(b"]")?;
    let open = last(text, b'[')?;
    let prio = num::prio(&text[open + 1..])?;
    let text = text[..open].strip_suffix(b" ")?;
    let colon = last(text, b':')?;
    Some(Named { comm: &text[..colon], pid: num::pid(&text[colon + 1..])?, prio })
}

// comm=memfd:sealed-91 pid=7251 prio=120 target_cpu=001
// comm=bash pid=15 prio=120 success=1 target_cpu=001
fn keyed_wakeup(text: &[u8]) -> Option<Wakeup<'_>> {
    keyed_task(text, |task, rest| {
        let (success, rest) = match rest.strip_prefix(b" success=") {
            Some(rest) => number(rest)?,
            None => (1, rest),
        };
        let (cpu, rest) = number(rest.strip_prefix(b" target_cpu=")?)?;
        ended(rest).then_some(Wakeup { task, cpu, success: success != 0 })
    })
}

// rcu_preempt:15 [120] CPU:001
// rcu_preempt:15 [120] success=1 CPU:001
fn plain_wakeup(text: &[u8]) -> Option<Wakeup<'_>> {
    let space = memchr::memrchr(b' ', text)?;
    let cpu = num::unsigned(text[space + 1..].strip_prefix(b"CPU:")?)?;
    let mut head = &text[..space];
    let mut success = true;
    if let Some((left, value)) =
        memchr::memrchr(b' ', head).map(|at| (&head[..at], &head[at + 1..]))
        && let Some(value) = value.strip_prefix(b"success=")
    {
        success = num::unsigned(value)? != 0;
        head = left;
    }
    Some(Wakeup { task: plain_task(head)?, cpu, success })
}

// comm=hackbench pid=14961 prio=120 orig_cpu=0 dest_cpu=1
pub fn migrate(text: &[u8]) -> Option<Migrate<'_>> {
    keyed_task(text, |task, rest| {
        let (from, rest) = number(rest.strip_prefix(b" orig_cpu=")?)?;
        let (to, rest) = number(rest.strip_prefix(b" dest_cpu=")?)?;
        ended(rest).then_some(Migrate { task, from, to })
    })
}

/// `comm=NAME pid=N prio=N`, and then what `tail` accepts.
fn keyed_task<'a, T>(text: &'a [u8], tail: impl Fn(Named<'a>, &'a [u8]) -> Option<T>) -> Option<T> {
    let text = text.strip_prefix(b"comm=")?;
    spots(text, b" pid=").find_map(|(comm, rest)| {
        let (pid, rest) = pid(rest)?;
        let (prio, rest) = prio(rest.strip_prefix(b" prio=")?)?;
        tail(Named { comm, pid, prio }, rest)
    })
}

// comm=awk pid=812 runtime=1293407 [ns]
// comm=awk pid=812 runtime=1293407 [ns] vruntime=88123456789 [ns]
pub fn runtime(text: &[u8]) -> Option<(Named<'_>, Runtime)> {
    let text = text.strip_prefix(b"comm=")?;
    spots(text, b" pid=").find_map(|(comm, rest)| {
        let (pid, rest) = pid(rest)?;
        let (ns, rest) = number(rest.strip_prefix(b" runtime=")?)?;
        let rest = rest.strip_prefix(b" [ns]").unwrap_or(rest);
        let vruntime = rest.strip_prefix(b" vruntime=").and_then(number).map_or(0, |v| v.0);
        Some((Named { comm, pid, prio: 0 }, Runtime { ns, vruntime }))
    })
}

// comm=sh pid=811 child_comm=sh child_pid=812
pub fn fork(text: &[u8]) -> Option<(Named<'_>, Named<'_>)> {
    const KEY: &[u8] = b" child_pid=";
    let text = text.strip_prefix(b"comm=")?;
    spots(text, b" pid=").find_map(|(comm, rest)| {
        let (pid, rest) = pid(rest)?;
        let rest = rest.strip_prefix(b" child_comm=")?;
        let at = memrchr_iter(b' ', near(rest)).find(|&at| rest[at..].starts_with(KEY))?;
        // Perf's `-F ip,sym` puts the caller behind it.
        let (child, _) = pid_before_space(&rest[at + KEY.len()..])?;
        Some((Named { comm, pid, prio: 0 }, Named { comm: &rest[..at], pid: child, prio: 0 }))
    })
}

// filename=/usr/bin/awk pid=812 old_pid=812
/// The thread is called after the last part of the file's name, of which the kernel keeps 15 bytes.
pub fn exec(text: &[u8]) -> Option<Named<'_>> {
    let text = text.strip_prefix(b"filename=")?;
    let (file, rest) = everywhere(text, b" pid=").last()?;
    let start = memchr::memrchr(b'/', file).map_or(0, |at| at + 1);
    let (pid, _) = pid(rest)?;
    Some(Named { comm: &file[start..file.len().min(start + 15)], pid, prio: 0 })
}

// pid=812 oldcomm=sh newcomm=awk oom_score_adj=0
pub fn rename(text: &[u8]) -> Option<(Named<'_>, Named<'_>)> {
    let (pid, rest) = pid(text.strip_prefix(b"pid=")?)?;
    let rest = rest.strip_prefix(b" oldcomm=")?;
    let rest = everywhere(rest, b" oom_score_adj=").last().map_or(rest, |(before, _)| before);
    let (old, new) = spots(rest, b" newcomm=").next()?;
    Some((Named { comm: old, pid, prio: 0 }, Named { comm: new, pid, prio: 0 }))
}

// comm=awk pid=812 prio=120
// comm=awk pid=812 prio=120 group_dead=true
pub fn exit(text: &[u8]) -> Option<Named<'_>> {
    keyed_task(text, |task, rest| ended(rest).then_some(task))
}

/// Every place of `key` (which starts with a space) that a name can end at: what is before and
/// after it.
fn spots<'a>(text: &'a [u8], key: &'static [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    memchr_iter(b' ', near(text))
        .filter_map(move |at| Some((&text[..at], text[at..].strip_prefix(key)?)))
}

/// Every place of `key`, however far.
fn everywhere<'a>(
    text: &'a [u8],
    key: &'static [u8],
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    memchr_iter(b' ', text).filter_map(move |at| Some((&text[..at], text[at..].strip_prefix(key)?)))
}

/// As far as a name can reach.
fn near(text: &[u8]) -> &[u8] {
    &text[..text.len().min(LONGEST_NAME)]
}

/// The last place of `byte`, within a word of the end.
fn last(text: &[u8], byte: u8) -> Option<usize> {
    let from = text.len().saturating_sub(LONGEST_WORD);
    memrchr(byte, &text[from..]).map(|at| from + at)
}

/// More fields may follow in other kernels, but not more of the last number.
fn ended(rest: &[u8]) -> bool {
    matches!(rest.first(), None | Some(b' '))
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    // A letter or two: a loop finds the end before a vector search has begun.
    text.split_at(text.iter().position(|b| *b == b' ').unwrap_or(text.len()))
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    if let Some(hex) = text.strip_prefix(b"0x") {
        return hexed(hex);
    }
    num::leading(text)
}

// 0x5164 (20836)
/// A number as the kernel prints it with the option `fields`, behind its `0x`; the same in decimal
/// may follow.
fn hexed(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(text.len());
    let value = u64::from_str_radix(std::str::from_utf8(&text[..digits]).ok()?, 16).ok()?;
    let rest = &text[digits..];
    let decimal =
        rest.strip_prefix(b" (").and_then(|r| Some(&r[memchr::memchr(b')', near(r))? + 1..]));
    Some((value, decimal.unwrap_or(rest)))
}

fn pid(text: &[u8]) -> Option<(i32, &[u8])> {
    let (value, rest) = number(text)?;
    Some((i32::try_from(value).ok()?, rest))
}

fn pid_before_space(text: &[u8]) -> Option<(i32, &[u8])> {
    pid(text).filter(|(_, rest)| rest.first().is_none_or(u8::is_ascii_whitespace))
}

fn prio(text: &[u8]) -> Option<(i16, &[u8])> {
    if let Some(hex) = text.strip_prefix(b"0x") {
        let (value, rest) = hexed(hex)?;
        return Some((i16::try_from(value as u32 as i32).ok()?, rest));
    }
    let (minus, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (value, rest) = num::leading(digits)?;
    let value = match i16::try_from(value) {
        Ok(value) if minus => -value,
        Ok(value) => value,
        // The deadline class, without its sign.
        Err(_) if value == 0xffff_ffff && !minus => -1,
        Err(_) => return None,
    };
    Some((value, rest))
}

/// Letters, or the kernel's number as `trace-cmd report -R` and the option `fields` print it; and
/// what follows.
fn state(text: &[u8]) -> Option<(TaskState, &[u8])> {
    if text.first()?.is_ascii_digit() {
        let (bits, rest) = number(text)?;
        return Some((TaskState::of_bits(bits), rest));
    }
    let (letters, rest) = word(text);
    Some((TaskState::parse(letters)?, rest))
}

/// trace-cmd's plugin names the bits from 0x10 on as kernels before 4.14 had them. Its `W` is
/// today's idle (0x80) and its `x` is parked (0x40); its `X` and `Z` are both dead tasks, and newer
/// plugins have them right.
fn plugin_state(text: &[u8]) -> Option<TaskState> {
    match text {
        b"W" => Some(TaskState::IDLE),
        b"x" => Some(TaskState(0x40)),
        letters => TaskState::parse(letters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(comm: &str, pid: i32, prio: i16) -> Named<'_> {
        Named { comm: comm.as_bytes(), pid, prio }
    }

    #[test]
    fn one_switch_in_three_layouts() {
        let want = Switch {
            prev: named("lto cgu.08", 13520, 120),
            state: TaskState::PREEMPTED,
            next: named("kworker/0:1", 77, 100),
        };
        for text in [
            "prev_comm=lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=R+ ==> \
             next_comm=kworker/0:1 next_pid=77 next_prio=100",
            "prev_comm=lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=256 \
             next_comm=kworker/0:1 next_pid=77 next_prio=100",
            "prev_comm=lto cgu.08 prev_pid=13520 prev_prio=120 prev_state=0x100 \
             next_comm=kworker/0:1 next_pid=77 next_prio=100",
            "lto cgu.08:13520 [120] R+ ==> kworker/0:1:77 [100]",
        ] {
            assert_eq!(switch(text.as_bytes()), Some(want), "{text}");
        }
    }

    #[test]
    fn a_caller_behind_the_last_field_is_not_part_of_it() {
        // As `perf script -F ip,sym` prints it.
        let text = b"comm=sh pid=811 child_comm=a b child_pid=812 ffffffff813567f6 kernel_clone";
        let (parent, child) = fork(text).unwrap();
        assert_eq!((parent.pid, child.comm, child.pid), (811, &b"a b"[..], 812));
        assert!(fork(b"comm=sh pid=811 child_comm=a child_pid=8x").is_none());
    }

    #[test]
    fn names_may_look_like_the_format() {
        for comm in [
            " ==> ",
            "a ==> b",
            " prev_pid=1",
            " next_pid=1",
            "x:1 [120] S",
            "] [",
            "",
            "a=b c",
            " pid=3",
            "-1 [001]",
        ] {
            let prev = named(comm, 41, 120);
            let next = named(comm, 42, -1);
            let want = Switch { prev, state: TaskState(0x202), next };
            let keyed = format!(
                "prev_comm={comm} prev_pid=41 prev_prio=120 prev_state=D|K ==> next_comm={comm} \
                 next_pid=42 next_prio=-1"
            );
            assert_eq!(switch(keyed.as_bytes()), Some(want), "{keyed}");
            let plain = format!("{comm}:41 [120] D|K ==> {comm}:42 [-1]");
            assert_eq!(switch(plain.as_bytes()), Some(want), "{plain}");
            let woken = Wakeup { task: prev, cpu: 1, success: true };
            for text in [
                format!("comm={comm} pid=41 prio=120 target_cpu=001"),
                format!("comm={comm} pid=41 prio=120 success=1 target_cpu=001"),
                format!("{comm}:41 [120] CPU:001"),
                format!("{comm}:41 [120] success=1 CPU:001"),
            ] {
                assert_eq!(wakeup(text.as_bytes()), Some(woken), "{text}");
            }
            let moved = format!("comm={comm} pid=41 prio=120 orig_cpu=3 dest_cpu=12");
            assert_eq!(migrate(moved.as_bytes()), Some(Migrate { task: prev, from: 3, to: 12 }));
        }
    }

    #[test]
    fn every_cut_of_a_line_is_refused_or_ends_in_a_number() {
        let full = b"prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 \
                     next_prio=120";
        for end in 0..full.len() - 2 {
            assert_eq!(switch(&full[..end]), None, "{}", String::from_utf8_lossy(&full[..end]));
        }
        assert_eq!(switch(b"a:1 [120] S ==> b:2 [12"), None);
        assert_eq!(wakeup(b"comm=a pid=1 prio=120 target_cpu="), None);
    }
}
