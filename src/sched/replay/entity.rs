//! Scheduling entities (`struct sched_entity`) and the nice-to-weight table.
//! An entity is a thread or a group on one CPU; nothing here knows which queue rule is in force.

/// "No entity" / "no queue" in the dense tables.
pub(super) const NONE: u32 = u32::MAX;
/// Weight of nice 0 (`NICE_0_LOAD` scaled down).
pub(super) const NICE_0: i64 = 1024;

/// `sched_prio_to_weight` of `kernel/sched/core.c`: weight for nice -20..=19.
const WEIGHTS: [i64; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
    70, 56, 45, 36, 29, 23, 18, 15,
];

/// Weight of a fair task by kernel priority (100..=139); real-time priorities count as nice 0, they
/// are never weighed.
pub(super) fn weight(prio: i16) -> i64 {
    match prio {
        100.. => WEIGHTS[usize::from(prio as u16 - 100).min(39)],
        _ => NICE_0,
    }
}

/// `calc_delta_fair`: `delta` ns of real time as virtual time for weight `w`.
pub(super) fn virtual_time(delta: i64, w: i64) -> i64 {
    if w == NICE_0 { delta } else { delta.wrapping_mul(NICE_0) / w }
}

/// What a thread is doing, as far as the replay knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Doing {
    #[default]
    Asleep,
    Queued,
    Running,
}

/// A set of lanes: bit `h` is lane `h`.
pub(super) type Mask = u8;

/// All of `N` lanes.
pub(super) const fn all<const N: usize>() -> Mask {
    assert!(N > 0 && N <= Mask::BITS as usize);
    Mask::MAX >> (Mask::BITS as usize - N)
}

/// The lanes of a set.
pub(super) fn lanes(mut set: Mask) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (lane < Mask::BITS as usize).then_some(lane)
    })
}

/// The lanes below `N` of which `holds` is true.
pub(super) fn which<const N: usize>(holds: impl Fn(usize) -> bool) -> Mask {
    (0..N).fold(0, |set, h| set | Mask::from(holds(h)) << h)
}

/// One entity. What the events alone say is there once; what hangs on how the replay was corrected
/// is there for each of `N` corrections (lanes). Times are virtual ns of the queue it was last on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entity<const N: usize> {
    pub v: [i64; N],
    pub deadline: [i64; N],
    /// Insertion order: breaks deadline ties as the rb-tree does.
    pub seq: [u64; N],
    /// Until here `curr` is protected from preemption (`se->vprot`).
    pub protect: [i64; N],
    /// Kept while off the queue.
    pub away: Away<N>,
    /// Lanes in which it is on its queue.
    pub on: Mask,
    /// Lanes in which it is asleep, but still competing until its lag is used up (`DELAY_DEQUEUE`).
    pub delayed: Mask,
    pub weight: i64,
    /// Queue it was last on in any lane, [`NONE`] when on none.
    pub queue: u32,
    /// Place in that queue's list.
    pub pos: u32,
    /// Queue it owns, for a group.
    pub owns: u32,
    pub task: Task,
}

/// What an entity takes along while it is off the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away<const N: usize> {
    /// `se->vlag`.
    pub lag: [i64; N],
    /// Deadline relative to `v`, kept across a migration (`se->rel_deadline`), in the lanes of
    /// `moved`.
    pub relative: [i64; N],
    pub moved: Mask,
}

/// What is known of the thread behind an entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub real_time: bool,
    /// Name, priority and group are known.
    pub known: bool,
    /// 0: root (kernel threads); 1..: a group.
    pub group: u8,
    pub doing: Doing,
    /// Where it is queued or runs.
    pub cpu: u16,
    pub prio: i16,
    /// CPU + 1 of a wake-up that came while the thread was thought to be running; 0: none.
    pub pending: u32,
    /// Time of the last wake-up.
    pub woken: u64,
}

impl<const N: usize> Entity<N> {
    /// A nice-0 entity on no queue.
    pub fn new(slice: i64) -> Self {
        Self {
            v: [0; N],
            deadline: [slice; N],
            seq: [0; N],
            protect: [0; N],
            away: Away { lag: [0; N], relative: [0; N], moved: 0 },
            on: 0,
            delayed: 0,
            weight: NICE_0,
            queue: NONE,
            pos: 0,
            owns: NONE,
            task: Task {
                real_time: false,
                known: false,
                group: 1,
                doing: Doing::Asleep,
                cpu: 0,
                prio: 120,
                pending: 0,
                woken: 0,
            },
        }
    }
}

/// True for names that kernel threads carry. They are outside every autogroup.
pub fn is_kernel_thread(name: &str) -> bool {
    const PREFIXES: [&str; 24] = [
        "kworker",
        "ksoftirqd",
        "rcu",
        "migration/",
        "kcompact",
        "khugepaged",
        "kswapd",
        "jbd2",
        "watchdog",
        "kthread",
        "cpuhp",
        "kdamond",
        "hwrng",
        "irq/",
        "swapper",
        "oom_",
        "kauditd",
        "ksmd",
        "pool_work",
        "khungtask",
        "writeback",
        "kdevtmp",
        "idle_inject",
        "ext4",
    ];
    PREFIXES.iter().any(|p| name.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_kernel_table() {
        assert_eq!(weight(120), 1024);
        assert_eq!(weight(100), 88761);
        assert_eq!(weight(139), 15);
        assert_eq!(weight(119), 1277);
        assert_eq!(virtual_time(1_000_000, weight(139)), 1_000_000 * 1024 / 15);
    }

    #[test]
    fn sets_of_lanes() {
        assert_eq!((all::<1>(), all::<8>()), (1, 255));
        assert_eq!(lanes(0b1000_0101).collect::<Vec<_>>(), [0, 2, 7]);
        assert_eq!(which::<3>(|h| h != 1), 0b101);
    }

    #[test]
    fn kernel_threads_are_told_by_name() {
        assert!(is_kernel_thread("kworker/0:1H") && is_kernel_thread("migration/1"));
        assert!(!is_kernel_thread("hackbench") && !is_kernel_thread("migrate-tool"));
    }
}
