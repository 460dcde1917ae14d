//! Which row of the probe belongs to which switch: the same CPU, the same two pids, and each the
//! nearest in time to the other; or, between two such, at the same place in the same sequence of
//! pids.

use super::{Probe, Read};
use crate::trace::{CpuId, Pid, TaskId, Trace, Truth, TruthMeta};

/// The farthest apart that two are looked at, in ns: both are taken in one go with interrupts off,
/// but a virtual CPU may stand still in between.
const FARTHEST: u64 = 1_000_000;

/// The trace with the rows that belong to its switches, and what is to be told about it.
pub fn join(trace: Trace, read: &Read, probe: &Probe) -> (Trace, TruthMeta) {
    let start = trace.meta().start_ns;
    let mut meta = TruthMeta {
        tool: probe.tool.clone(),
        missing: probe.missing.clone(),
        ..TruthMeta::default()
    };
    meta.lost = read.count.saturating_sub(read.seen.len() as u64);
    let times = || read.seen.iter().map(|(s, _)| s.time);
    let (first, last) = (times().min().unwrap_or(u64::MAX), times().max().unwrap_or(0));
    let mut pairs = Vec::new();
    let mut inside = 0;
    let end = start.saturating_add(trace.span().0);
    for cpu in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
        let switches = trace.cpu_switches(cpu);
        let when = |i: u32| start.saturating_add(trace.time(i as usize).0);
        meta.switches +=
            switches.iter().filter(|&&i| (first..=last).contains(&when(i))).count() as u64;
        if read.is_full() {
            meta.lost += switches.iter().filter(|&&i| when(i) > last).count() as u64;
        }
        let of_cpu = read.seen.partition_point(|(s, _)| s.cpu < cpu)
            ..read.seen.partition_point(|(s, _)| s.cpu <= cpu);
        let seen = &read.seen[of_cpu];
        inside += seen.iter().filter(|(s, _)| (start..=end).contains(&s.time)).count() as u64;
        let switches: Vec<Place> = switches
            .iter()
            .map(|&i| {
                let event = trace.event(i as usize);
                let pid = |id: TaskId| trace.tasks().get(id).map_or(Pid(-1), |t| t.pid);
                (when(i), pid(event.task), pid(event.next))
            })
            .collect();
        let rows: Vec<Place> = seen.iter().map(|(s, _)| (s.time, s.prev, s.next)).collect();
        for (at, row) in pairs_of(&switches, &rows) {
            meta.apart_ns = meta.apart_ns.max(switches[at].0.abs_diff(rows[row].0));
            pairs.push((trace.cpu_switches(cpu)[at], seen[row].1));
        }
    }
    pairs.sort_unstable();
    meta.joined = pairs.len() as u64;
    meta.unmatched = inside.saturating_sub(meta.joined);
    let mut truth = Truth::new(probe.fields());
    for (event, row) in pairs {
        truth.push(event as usize, read.row(row).iter().copied());
    }
    let told = meta.clone();
    (trace.with_truth(truth).with_meta(|m| m.truth = Some(told)), meta)
}

/// Time and both pids.
type Place = (u64, Pid, Pid);

/// Pairs of indices into two lists by time, ascending. Where a virtual CPU stands still between the
/// two, the row after it or before it may be nearer: what lies between two pairs and has the same
/// pids one by one, is one by one the same.
fn pairs_of(a: &[Place], b: &[Place]) -> Vec<(usize, usize)> {
    let sure = mutual(a, b);
    let mut pairs = Vec::with_capacity(sure.len());
    let (mut i, mut j) = (0, 0);
    for (to_i, to_j) in sure.into_iter().chain([(a.len(), b.len())]) {
        // A pair may only stand behind the one before.
        if to_i < i || to_j < j {
            continue;
        }
        let pids = |p: &Place| (p.1, p.2);
        if a[i..to_i].iter().map(pids).eq(b[j..to_j].iter().map(pids)) {
            pairs.extend((i..to_i).zip(j..to_j));
        }
        if to_i < a.len() {
            pairs.push((to_i, to_j));
        }
        (i, j) = (to_i + 1, to_j + 1);
    }
    pairs
}

/// Pairs that are each the nearest to the other.
fn mutual(a: &[Place], b: &[Place]) -> Vec<(usize, usize)> {
    let (to, back) = (nearest(a, b), nearest(b, a));
    let is_mutual = |(i, j): &(usize, usize)| back[*j] == Some(*i);
    (0..).zip(to).filter_map(|(i, j)| Some((i, j?))).filter(is_mutual).collect()
}

/// For each of `of` the nearest with the same pids.
fn nearest(of: &[Place], among: &[Place]) -> Vec<Option<usize>> {
    let mut from = 0;
    let mut find = |place: &Place| {
        while among.get(from).is_some_and(|b| b.0 + FARTHEST < place.0) {
            from += 1;
        }
        let mut best = None;
        for (j, b) in (from..).zip(&among[from..]) {
            let apart = b.0.abs_diff(place.0);
            if b.0 > place.0 && best.is_some_and(|(least, _)| apart >= least)
                || b.0 > place.0 + FARTHEST
            {
                break;
            }
            if (b.1, b.2) == (place.1, place.2) && best.is_none_or(|(least, _)| apart < least) {
                best = Some((apart, j));
            }
        }
        best.map(|(_, j)| j)
    };
    of.iter().map(&mut find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: &[(u64, i32, i32)]) -> Vec<Place> {
        all.iter().map(|&(time, prev, next)| (time, Pid(prev), Pid(next))).collect()
    }

    #[test]
    fn a_cpu_that_stood_still_between_switch_and_row_loses_nothing() {
        let switches =
            places(&[(1_000, 7, 8), (9_000, 8, 7), (17_000, 7, 8), (40_000, 8, 7), (48_000, 7, 8)]);
        // The third row is nearer to the switch before it, in its own time, than its own switch is
        // to it.
        let rows = places(&[
            (2_700, 7, 8),
            (10_700, 8, 7),
            (38_500, 7, 8),
            (41_700, 8, 7),
            (49_700, 7, 8),
        ]);
        assert_eq!(mutual(&switches, &rows), [(0, 0), (1, 1), (3, 3), (4, 4)]);
        assert_eq!(pairs_of(&switches, &rows), (0..5).map(|i| (i, i)).collect::<Vec<_>>());
    }

    #[test]
    fn a_row_that_is_lost_moves_no_other() {
        let switches =
            places(&[(1_000, 7, 8), (2_000, 8, 7), (3_000, 7, 8), (4_000, 8, 7), (5_000, 7, 8)]);
        let all: Vec<Place> = switches.iter().map(|p| (p.0 + 300, p.1, p.2)).collect();
        for lost in 0..all.len() {
            let mut rows = all.clone();
            rows.remove(lost);
            let kept = (0..all.len()).filter(|i| *i != lost);
            let wanted: Vec<_> = kept.map(|i| (i, if i > lost { i - 1 } else { i })).collect();
            assert_eq!(pairs_of(&switches, &rows), wanted, "{lost}");
        }
        assert_eq!(pairs_of(&switches, &[]), []);
        assert_eq!(pairs_of(&[], &all), []);
    }
}
