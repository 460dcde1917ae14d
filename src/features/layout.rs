//! Names and order of every input, and a hash of them: a model only runs on the layout that it was
//! trained on.
//!
//! One table per input kind makes both the names and the column numbers, so that they cannot
//! disagree. Durations are `ln(1 + µs) / 8`, counts `ln(1 + n)` over a constant, so that all inputs
//! lie in about -2..2.

/// A table of columns: the list of names for the outside, and constants with the column numbers for
/// the writers.
macro_rules! columns {
    ($(#[$doc:meta])* $names:ident, $len:ident, $module:ident: $($name:ident)*) => {
        $(#[$doc])*
        pub const $names: &[&str] = &[$(stringify!($name)),*];
        /// Number of those columns.
        pub const $len: usize = $names.len();
        // Some columns are written by their place beside a named one (one-hot states, set columns).
        #[allow(non_upper_case_globals, dead_code)]
        pub(super) mod $module {
            #[allow(non_camel_case_types)]
            enum Column { $($name),* }
            $(pub const $name: usize = Column::$name as usize;)*
        }
    };
}

columns! {
    /// Inputs that describe the decision as a whole.
    QUERY_NAMES, QUERY, query:
    // State in which the previous task is left, one-hot.
    prev_r prev_preempted prev_s prev_d prev_i prev_other
    // How long it ran; that against its average (over 0.8 of it) and against the base slice.
    stint long_stint stint_slices
    // Time since the last token of this CPU; since the last wake-up that targeted it; wake-ups
    // since the switch-in.
    since_token since_wake woken wakes
    // Left in R, not preempted, after a short stint without a wake-up: looks like a yield.
    yield_like
    queue_len
    prev_prio prev_idle prev_kthread prev_avg_stint
    // What the two kernel replays (uncorrected, corrected) find: a reschedule was pending, share of
    // eligible, do they agree, how good were they on this CPU (moving averages over 8 and 32
    // decisions).
    raw_resched fix_resched raw_eligible fix_eligible replays_agree
    raw_hit_8 raw_hit_32 fix_hit_8 fix_hit_32
}

columns! {
    /// Inputs that describe one candidate.
    CAND_NAMES, CAND, cand:
    // Time since enqueued, since it last ran, since it last woke up; how long it slept then.
    wait since_ran never_ran since_woke slept
    // Run time over weight, above the least of the candidates.
    rt_minus_min
    // Place in the queue.
    fifo_frac oldest newest second_newest from_newest
    // Place in the CPU's recency list.
    recency ran_before_prev
    // Its share among the followers of the one that leaves; it was the last of them.
    follow last_follower
    // Why it is queued, and how it relates to the one that leaves.
    by_wake by_new by_migrate by_preempt woken_by_prev prev_woken_by local_wake in_stint
    // Its own history.
    avg_stint last_stint stints_since_wake prio rt kthread same_comm last_ran_here
    // The kernel replay, uncorrected and corrected.
    raw_lag raw_deadline raw_eligible raw_picked raw_rank
    fix_lag fix_deadline fix_eligible fix_picked fix_rank
    // Six more hypotheses of the kernel: picked, place in its order.
    picked_2 rank_2 picked_3 rank_3 picked_4 rank_4 picked_5 rank_5 picked_6 rank_6
    picked_7 rank_7
    // Followers of five contexts: how much more often than by chance where the context is known
    // well, where it is not; it was the last one.
    context_1 few_1 latest_1 context_2 few_2 latest_2 context_3 few_3 latest_3 context_4 few_4 latest_4
    context_5 few_5 latest_5
    // Passed over since enqueued: how often, by how many later-enqueued ones; and since it last ran.
    passed passed_later passed_total
    // The columns of `SET_OF` against the other candidates: z-score, rank share, distance to the
    // greatest.
    wait_z wait_rank wait_max
    since_ran_z since_ran_rank since_ran_max
    rt_minus_min_z rt_minus_min_rank rt_minus_min_max
    avg_stint_z avg_stint_rank avg_stint_max
    last_stint_z last_stint_rank last_stint_max
    fix_lag_z fix_lag_rank fix_lag_max
    fix_deadline_z fix_deadline_rank fix_deadline_max
    follow_z follow_rank follow_max
}

/// Candidate columns that are also given relative to the set of candidates, in the order of their
/// triples.
pub(super) const SET_OF: [usize; 8] = [
    cand::wait,
    cand::since_ran,
    cand::rt_minus_min,
    cand::avg_stint,
    cand::last_stint,
    cand::fix_lag,
    cand::fix_deadline,
    cand::follow,
];
/// First of the set columns.
pub(super) const SET_START: usize = cand::wait_z;
const _: () =
    assert!(SET_START + 3 * SET_OF.len() == CAND, "every column of SET_OF has its triple");

columns! {
    /// Continuous inputs of a token.
    TOKEN_X_NAMES, TOKEN_X, token:
    // Since the token before; stint of the task that left (switch); sleep of the one that woke
    // (wake-up).
    dt stint slept
    // Switch: who was picked, by its place in the queue and its wait.
    oldest newest fifo waited passed
    // Wake-up, migration: executed on this CPU.
    local
    queue_len prio idle kthread
    // Switch: the replays' pick came in; place of the one that did by the corrected replay; the
    // last follower did.
    raw_hit fix_hit fix_rank followed
}

columns! {
    /// Inputs of a forecast that describe the moment.
    ASK_NAMES, ASK, ask:
    // The queue after the switch: its length, empty, one thread, two; waits of its oldest and
    // newest.
    waiting queue_0 queue_1 queue_2 oldest_wait newest_wait
    // The one that came in: its average stint, how often it ran since it woke up, idle, a kernel
    // thread.
    avg_stint stints_since_wake idle kthread
    // How good the two replays were on this CPU (moving averages over 32 decisions).
    raw_hit_32 fix_hit_32
}
columns! {
    /// Inputs of a forecast about one candidate.
    THREAD_NAMES, THREAD, thread:
    // Place in the CPU's recency list; ran just before, the one before that; not in the first 8.
    rank rank_1 rank_2 unranked
    // It is the idle thread; it waits here: since when, its place from both ends, what the
    // corrected replay says.
    idle queued waited fifo lifo lag deadline
    // It waits or runs on another CPU.
    queued_away running_away
    // It sleeps: since when, over its average; the same at the expected end of the stint that
    // begins.
    asleep slept_for slept_share due_share
    // Its own history.
    avg_sleep last_sleep since_left avg_stint last_stint stints_since_wake prio kthread
    // The running one woke it last; it woke the running one last; it last ran here.
    woken_by_running woke_running last_ran_here
    // Its share among the followers of the running thread; it is the most frequent of them, or the
    // last one.
    follow top_follower last_follower
    // Ends of the queue.
    oldest second_oldest newest second_newest
    // Whom the replays would take next out of the queue: the uncorrected one, then the hypotheses
    // in their order.
    raw_next next_1 next_2 next_3 next_4 next_5 next_6 next_7
    // Place in the corrected replay's order of the queue.
    order
    // Followers of five contexts: how much more often than by chance where the context is known
    // well, where it is not; it was the last one.
    context_1 few_1 latest_1 context_2 few_2 latest_2 context_3 few_3 latest_3 context_4 few_4 latest_4
    context_5 few_5 latest_5
    // Asleep: chance that it wakes up before the expected end of the stint, and its logarithm; how
    // often stints of the running one woke it, the logarithm, more often than not; due first of
    // all, due before the end, due first with nobody waiting.
    hazard hazard_ln wake_rate wake_ln wakes_often due_first due_in_stint due_alone
}

/// Counts up whenever the same inputs get other values, as when the replays follow mended rules: a
/// model that was trained on the others would still run, and be wrong more often.
const VALUES: u32 = 4;

/// Hash of the layout: changes whenever an input is added, removed, renamed or moved, or gets other
/// values.
pub fn layout_hash() -> u64 {
    let names =
        [QUERY_NAMES, CAND_NAMES, TOKEN_X_NAMES, ASK_NAMES, THREAD_NAMES].map(|n| n.join(","));
    xxhash_rust::xxh3::xxh3_64(format!("{};{VALUES}", names.join(";")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_triples_are_named_after_their_column() {
        for (i, &column) in SET_OF.iter().enumerate() {
            let suffixes = ["_z", "_rank", "_max"].map(|s| format!("{}{s}", CAND_NAMES[column]));
            assert_eq!(CAND_NAMES[SET_START + 3 * i..][..3], suffixes);
        }
    }
}
