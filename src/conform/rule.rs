//! The rules: what a queue's numbers say of the one that was taken out of it. Nothing here knows
//! events or where numbers are from.

use super::ruling::{Cause, Ruling};
use super::scene::{Level, Member};

/// EEVDF (6.6 and later): the earliest deadline among the eligible, ties aside.
pub(super) fn eevdf(level: &Level) -> Ruling {
    let chosen = &level.chosen;
    if level.count <= 1 && !level.others.iter().any(|m| m.gone) {
        return Ruling::Consistent;
    }
    let Some(deadline) = chosen.deadline_ns else { return Ruling::Explained(Cause::Unseen) };
    let before = |m: &Member| m.deadline_ns.is_some_and(|d| d < deadline);
    let first = |of: &dyn Fn(&Member) -> bool| {
        let all = level
            .others
            .iter()
            .enumerate()
            .filter(|(_, m)| before(m) && m.eligible == Some(true) && of(m));
        all.min_by_key(|(_, m)| m.deadline_ns).map(|(i, _)| i)
    };
    let awake = first(&|m| !m.delayed);
    if chosen.eligible != Some(true) {
        return Ruling::Broken(awake.filter(|at| level.exact || level.others[*at].sure));
    }
    if awake.is_some() && level.marks.buddy {
        return Ruling::Explained(Cause::Buddy);
    }
    if awake.is_some() && level.marks.protected {
        return Ruling::Explained(Cause::Protected);
    }
    if let Some(at) = awake {
        // A number of another moment counts only when all of them add up.
        let sure = level.exact || level.others[at].sure;
        return if sure { Ruling::Broken(awake) } else { Ruling::Explained(Cause::Unseen) };
    }
    if first(&|m| m.delayed).is_some() {
        return Ruling::Explained(Cause::Delayed);
    }
    // The first of the queue's tree is the earliest: who is not before that is before everybody.
    let leads = level.first_ns.is_some_and(|first| deadline <= first);
    if level.unseen > 0 && !leads { Ruling::Explained(Cause::Unseen) } else { Ruling::Consistent }
}

/// CFS (before 6.6): the smallest virtual time, or a buddy that is not too far behind it.
pub(super) fn cfs(level: &Level) -> Ruling {
    let Some(lag) = level.chosen.lag_ns else { return Ruling::Explained(Cause::Unseen) };
    // More lag is less virtual time.
    let left = level.others.iter().enumerate().filter(|(_, m)| m.lag_ns.is_some_and(|l| l > lag));
    // Of equals the recorded first of the tree, else the one that was queued before the others.
    let left = left.rev().max_by_key(|(_, m)| (m.lag_ns, m.sure && !m.prev));
    let Some((at, first)) = left else {
        let unseen = level.unseen > 0 && level.first_ns.is_none();
        return if unseen { Ruling::Explained(Cause::Unseen) } else { Ruling::Consistent };
    };
    let behind = first.lag_ns.map_or(0, |l| l.saturating_sub(lag));
    if behind > level.granularity_ns * super::state::NICE_0 / first.weight.max(1) {
        return Ruling::Broken(Some(at));
    }
    Ruling::Explained(if first.prev && level.marks.yielded { Cause::Yield } else { Cause::Buddy })
}
