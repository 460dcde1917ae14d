//! The inputs of a decision in groups that mean something to a reader. Every input is in exactly
//! one.

use crate::features::{CAND_NAMES, QUERY_NAMES};

/// Name, inputs of the query, inputs of each candidate. An input of a candidate brings along those
/// that compare it with the other candidates.
const GROUPS: [(&str, &[&str], &[&str]); 16] = [
    (
        "state it leaves in",
        &["prev_r", "prev_preempted", "prev_s", "prev_d", "prev_i", "prev_other", "yield_like"],
        &[],
    ),
    ("how long it ran", &["stint", "long_stint", "stint_slices", "prev_avg_stint"], &[]),
    ("wake-ups just before", &["since_token", "since_wake", "woken", "wakes"], &[]),
    ("queue length", &["queue_len"], &[]),
    (
        "what tasks they are",
        &["prev_prio", "prev_idle", "prev_kthread"],
        &["prio", "rt", "kthread", "same_comm", "last_ran_here"],
    ),
    (
        "kernel replay, corrected",
        &["fix_resched", "fix_eligible", "replays_agree", "fix_hit_8", "fix_hit_32"],
        &["fix_lag", "fix_deadline", "fix_eligible", "fix_picked", "fix_rank"],
    ),
    (
        "kernel replay, left alone",
        &["raw_resched", "raw_eligible", "raw_hit_8", "raw_hit_32"],
        &["raw_lag", "raw_deadline", "raw_eligible", "raw_picked", "raw_rank"],
    ),
    ("kernel replay, variants", &[], &HYPOTHESES),
    ("waiting and sleeping", &[], &["wait", "since_ran", "never_ran", "since_woke", "slept"]),
    ("run time so far", &[], &["rt_minus_min"]),
    ("place in the queue", &[], &["fifo_frac", "oldest", "newest", "second_newest", "from_newest"]),
    ("place among the recent", &[], &["recency", "ran_before_prev"]),
    ("who follows whom", &[], &FOLLOWERS),
    (
        "how it was queued",
        &[],
        &[
            "by_wake",
            "by_new",
            "by_migrate",
            "by_preempt",
            "woken_by_prev",
            "prev_woken_by",
            "local_wake",
            "in_stint",
        ],
    ),
    ("its own stints", &[], &["avg_stint", "last_stint", "stints_since_wake"]),
    ("passed over", &[], &["passed", "passed_later", "passed_total"]),
];

/// A group: its name, columns of the query, columns of each candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// In words.
    pub name: &'static str,
    /// Columns of the query.
    pub query: Vec<usize>,
    /// Columns of a candidate.
    pub cand: Vec<usize>,
}

/// A line per hypothesis of the kernel.
#[rustfmt::skip]
const HYPOTHESES: [&str; 12] = [
    "picked_2", "rank_2",
    "picked_3", "rank_3",
    "picked_4", "rank_4",
    "picked_5", "rank_5",
    "picked_6", "rank_6",
    "picked_7", "rank_7",
];

/// A line for the thread that leaves, and one per context.
#[rustfmt::skip]
const FOLLOWERS: [&str; 17] = [
    "follow", "last_follower",
    "context_1", "few_1", "latest_1",
    "context_2", "few_2", "latest_2",
    "context_3", "few_3", "latest_3",
    "context_4", "few_4", "latest_4",
    "context_5", "few_5", "latest_5",
];

/// All groups.
pub fn groups() -> Vec<Group> {
    let columns = |names: &[&str], of: &[&str]| -> Vec<usize> {
        let stem = |column: &str| {
            let end = ["_z", "_rank", "_max"]
                .iter()
                .find_map(|s| column.strip_suffix(s))
                .filter(|s| of.contains(s));
            end.map(String::from)
        };
        let wanted = |column: &str| {
            names.contains(&column) || stem(column).is_some_and(|s| names.contains(&s.as_str()))
        };
        of.iter().enumerate().filter(|(_, column)| wanted(column)).map(|(i, _)| i).collect()
    };
    let group = |(name, query, cand): &(&'static str, &[&str], &[&str])| Group {
        name,
        query: columns(query, QUERY_NAMES),
        cand: columns(cand, CAND_NAMES),
    };
    GROUPS.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{CAND, QUERY};

    #[test]
    fn every_input_is_in_one_group() {
        let groups = groups();
        for (kind, n) in [("query", QUERY), ("cand", CAND)] {
            let of = |g: &Group| if kind == "query" { g.query.clone() } else { g.cand.clone() };
            let mut all: Vec<usize> = groups.iter().flat_map(of).collect();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>(), "{kind}");
        }
    }
}
