//! Prediction by partial matching (Cleary and Witten 1984; escape method C: Moffat 1990) over the
//! sequence of threads that came in on a CPU. Adaptive within the trace: it starts empty and learns
//! from outcomes only, after it answered.
//!
//! What followed the last 4 threads speaks first. What it has not seen there gets the escape
//! probability `d / (n + d)` (`d` different followers in `n` visits), which the context of the last
//! 3 shares out in the same way, and so on down to 1; what is left is shared out equally over all
//! threads known. Threads that are no possible answer, or that a longer context has already spoken
//! for, count in no context. The pick question and the forecast question read the same contexts:
//! between the two nobody else comes in.

use super::Predictor;
use crate::features::{Decision, Forecast, Outcome};
use crate::trace::{CpuId, ThreadIx};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Longest context, in threads.
const ORDERS: usize = 4;
/// Contexts (7/8 of a power of two, as a hash map holds) and (context, follower) pairs kept at
/// most: some 5 MB. When either is full all are forgotten at once and learning starts anew in the
/// same memory, as a text compressor does.
const CONTEXTS: usize = 7 << 14;
const FOLLOWERS: usize = 1 << 18;
/// When a follower has been counted so often, all counts of its context are halved: old habits
/// fade.
const OFTEN: u32 = 32;
/// Ends a list of followers.
const END: u32 = u32::MAX;
/// Least probability that makes a logit.
const LEAST: f32 = 1e-6;
/// What settles ties, in logits per place: less than any count can make.
const TIE: f32 = 1e-5;

/// A follower of a context, in that context's list.
#[derive(Clone, Copy, Debug)]
struct Follower {
    thread: ThreadIx,
    count: u32,
    next: u32,
}

/// Contexts by hash and what followed them.
#[derive(Clone, Debug)]
struct Contexts {
    heads: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    followers: Vec<Follower>,
    limits: [usize; 2],
}

impl Contexts {
    fn new(contexts: usize, followers: usize) -> Self {
        Self { heads: HashMap::default(), followers: Vec::new(), limits: [contexts, followers] }
    }

    /// The followers of a context, in no order that matters.
    fn of(&self, key: u64) -> impl Iterator<Item = &Follower> {
        let mut at = self.heads.get(&key).copied().unwrap_or(END);
        std::iter::from_fn(move || {
            let follower = self.followers.get(at as usize)?;
            at = follower.next;
            Some(follower)
        })
    }

    /// `thread` followed this context. Allocates only while the tables grow to their limits.
    fn add(&mut self, key: u64, thread: ThreadIx) {
        if self.heads.len() >= self.limits[0] || self.followers.len() >= self.limits[1] {
            self.heads.clear();
            self.followers.clear();
        }
        let free = self.followers.len() as u32;
        let head = *self.heads.entry(key).or_insert(free);
        let mut at = head;
        while let Some(follower) = self.followers.get_mut(at as usize) {
            if follower.thread == thread {
                follower.count += 1;
                if follower.count >= OFTEN {
                    self.halve(head);
                }
                return;
            }
            if follower.next == END {
                follower.next = free;
                break;
            }
            at = follower.next;
        }
        self.followers.push(Follower { thread, count: 1, next: END });
    }

    fn halve(&mut self, mut at: u32) {
        while let Some(follower) = self.followers.get_mut(at as usize) {
            follower.count = follower.count.div_ceil(2);
            at = follower.next;
        }
    }
}

/// Keys are mixed already.
#[derive(Clone, Copy, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = mix(self.0 ^ u64::from(*b));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// The finaliser of `splitmix64` (Steele, Lea, Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Who ran last on a CPU, latest first.
#[derive(Clone, Copy, Debug)]
struct LastThreads {
    ran: [ThreadIx; ORDERS],
    len: usize,
}

impl LastThreads {
    const NEW: Self = Self { ran: [ThreadIx::NONE; ORDERS], len: 0 };

    /// `thread` runs now; nothing changes if it did already.
    fn push(&mut self, thread: ThreadIx) {
        if self.len == 0 || self.ran[0] != thread {
            self.ran.rotate_right(1);
            self.ran[0] = thread;
            self.len = (self.len + 1).min(ORDERS);
        }
    }

    /// Keys of the contexts of the last 1, 2, ... threads on `cpu`, as many as are known.
    fn keys(&self, cpu: CpuId) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + use<> {
        let mut hash = mix(u64::from(cpu.0) + 1);
        let mut keys = [0; ORDERS];
        for (key, thread) in keys.iter_mut().zip(self.ran) {
            hash = mix(hash.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ u64::from(thread.0));
            *key = hash;
        }
        keys.into_iter().take(self.len)
    }
}

/// What a thread is to the question in hand. Stale unless the stamp is that question's.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    stamp: u64,
    role: Role,
    /// It came in somewhere before.
    known: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    /// Not an answer, or already spoken for.
    #[default]
    Out,
    /// The answer with this number.
    Answer(u32),
}

/// The predictor; see the module's documentation.
#[derive(Clone, Debug)]
pub struct Ppm {
    contexts: Contexts,
    lanes: Vec<LastThreads>,
    marks: Vec<Mark>,
    stamp: u64,
    /// Threads that came in so far.
    known: usize,
    /// Probability per answer of the question in hand.
    p: Vec<f32>,
}

impl Default for Ppm {
    fn default() -> Self {
        Self::with_limits(CONTEXTS, FOLLOWERS)
    }
}

impl Ppm {
    /// A predictor that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_limits(contexts: usize, followers: usize) -> Self {
        let contexts = Contexts::new(contexts, followers);
        Self { contexts, lanes: Vec::new(), marks: Vec::new(), stamp: 0, known: 0, p: Vec::new() }
    }

    fn lane(&mut self, cpu: CpuId) -> &mut LastThreads {
        if self.lanes.len() <= cpu.ix() {
            self.lanes.resize(cpu.ix() + 1, LastThreads::NEW);
        }
        &mut self.lanes[cpu.ix()]
    }

    /// Starts a question: nobody has a role in it yet.
    fn ask(&mut self, answers: usize) {
        self.stamp += 1;
        self.p.clear();
        self.p.resize(answers, 0.0);
    }

    fn mark(&mut self, thread: ThreadIx, role: Role) {
        if thread != ThreadIx::NONE {
            let stamp = self.stamp;
            let mark = mark(&mut self.marks, thread);
            (mark.stamp, mark.role) = (stamp, role);
        }
    }

    /// Shares out the probability over the marked answers (it need not sum to 1). With `closed`,
    /// threads without a mark are no answers; else each of them may come too, and what it has is no
    /// answer's.
    fn blend(&mut self, cpu: CpuId, closed: bool) {
        let keys = self.lane(cpu).keys(cpu);
        let (contexts, marks, stamp) = (&self.contexts, &mut self.marks, self.stamp);
        let role = |marks: &[Mark], thread: ThreadIx| match marks.get(thread.ix()) {
            Some(mark) if mark.stamp == stamp => Some(mark.role),
            _ => None,
        };
        let speaks = |role: Option<Role>| role.map_or(!closed, |r| r != Role::Out);
        let (mut left, mut open) = (1.0f32, self.p.len());
        for key in keys.rev() {
            let (mut visits, mut different) = (0u32, 0u32);
            for f in contexts.of(key).filter(|f| speaks(role(marks, f.thread))) {
                (visits, different) = (visits + f.count, different + 1);
            }
            if different == 0 {
                continue;
            }
            // Nobody is left to escape to when all answers were seen here.
            let escape = if closed && different as usize == open { 0.0 } else { different as f32 };
            let each = left / (visits as f32 + escape);
            for f in contexts.of(key) {
                let who = role(marks, f.thread);
                if !speaks(who) {
                    continue;
                }
                if let Some(Role::Answer(i)) = who {
                    self.p[i as usize] = each * f.count as f32;
                    open -= 1;
                }
                let mark = mark(marks, f.thread);
                (mark.stamp, mark.role) = (stamp, Role::Out);
            }
            left = each * escape;
            if open == 0 {
                break;
            }
        }
        let rest = left / self.known.max(open + 1) as f32;
        self.p.iter_mut().filter(|p| **p <= 0.0).for_each(|p| *p = rest);
    }
}

/// The mark of a thread; there is room for every thread met.
fn mark(marks: &mut Vec<Mark>, thread: ThreadIx) -> &mut Mark {
    if marks.len() <= thread.ix() {
        marks.resize(thread.ix() + 1, Mark::default());
    }
    &mut marks[thread.ix()]
}

impl Predictor for Ppm {
    fn name(&self) -> &'static str {
        "ppm"
    }

    /// The distribution over the candidates. Ties go to the newest.
    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        // After lost events somebody else may have been running than who came in last.
        if decision.prev != ThreadIx::NONE {
            self.lane(decision.cpu).push(decision.prev);
        }
        self.ask(decision.candidates.len());
        for (i, thread) in decision.candidates.iter().enumerate() {
            self.mark(*thread, Role::Answer(i as u32));
        }
        self.blend(decision.cpu, true);
        scores.clear();
        scores.extend(self.p.iter().enumerate().map(|(i, p)| p.max(LEAST).ln() + TIE * i as f32));
    }

    /// The distribution over the candidates, who are not all that may come. Ties go to the first.
    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        self.ask(forecast.candidates.len());
        self.mark(forecast.running, Role::Out);
        for (i, thread) in forecast.candidates.iter().enumerate() {
            self.mark(*thread, Role::Answer(i as u32));
        }
        self.blend(forecast.cpu, false);
        scores.clear();
        scores.extend(self.p.iter().enumerate().map(|(i, p)| p.max(LEAST).ln() - TIE * i as f32));
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if outcome.next == ThreadIx::NONE {
            return;
        }
        let keys = self.lane(outcome.cpu).keys(outcome.cpu);
        for key in keys {
            self.contexts.add(key, outcome.next);
        }
        self.lane(outcome.cpu).push(outcome.next);
        let mark = mark(&mut self.marks, outcome.next);
        self.known += usize::from(!std::mem::replace(&mut mark.known, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{ASK, QUERY};
    use crate::trace::{Nanos, TaskState};

    const CPU: CpuId = CpuId(1);

    fn comes(ppm: &mut Ppm, thread: u32) {
        let (event, cpu, time) = (0, CPU, Nanos(0));
        ppm.outcome(&Outcome {
            event,
            cpu,
            time,
            next: ThreadIx(thread),
            pick: None,
            foretold: None,
            scored: true,
            unknown: false,
            no_pick: false,
        });
    }

    /// Probabilities of the candidates after `prev`.
    fn picks(ppm: &mut Ppm, prev: u32, candidates: &[u32]) -> Vec<f32> {
        let candidates: Vec<_> = candidates.iter().copied().map(ThreadIx).collect();
        let n = candidates.len();
        let mut scores = vec![9.0];
        ppm.pick(
            &Decision {
                event: 0,
                cpu: CPU,
                time: Nanos(0),
                prev: ThreadIx(prev),
                prev_state: TaskState::SLEEP,
                stint: Nanos(1),
                candidates: &candidates,
                query: &[0.0; QUERY],
                features: &[],
                waited: &vec![Nanos(0); n],
                lag: &vec![0; n],
            },
            &mut scores,
        );
        scores.iter().map(|s| s.exp()).collect()
    }

    /// Probabilities of the candidates while `running` runs.
    fn forecasts(ppm: &mut Ppm, running: u32, candidates: &[u32]) -> Vec<f32> {
        let candidates: Vec<_> = candidates.iter().copied().map(ThreadIx).collect();
        let mut scores = vec![9.0];
        ppm.forecast(
            &Forecast {
                event: 0,
                cpu: CPU,
                time: Nanos(0),
                running: ThreadIx(running),
                candidates: &candidates,
                ranked: candidates.len(),
                queue: &[],
                query: &[0.0; ASK],
                features: &[],
            },
            &mut scores,
        );
        scores.iter().map(|s| s.exp()).collect()
    }

    fn close(found: &[f32], expected: &[f32]) {
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3);
        assert!(same, "{found:?}, not {expected:?}");
    }

    #[test]
    fn a_round_is_learnt_in_one_round() {
        let mut ppm = Ppm::new();
        for t in [7, 8, 9, 7, 8] {
            comes(&mut ppm, t);
        }
        // After "7 8" came 9: certain among the candidates in which it is alone known.
        let p = picks(&mut ppm, 8, &[7, 9]);
        assert!(p[1] > 0.5, "{p:?}");
        let p = forecasts(&mut ppm, 8, &[7, 9]);
        assert!(p.len() == 2 && p[1] > p[0], "{p:?}");
    }

    #[test]
    fn escapes_are_those_of_method_c() {
        let mut ppm = Ppm::new();
        // On the way: 1 was followed by 2, 2, 3; "5 1" by 2 twice, "6 1" by 3.
        for t in [5, 1, 2, 5, 1, 2, 6, 1, 3, 5, 1] {
            comes(&mut ppm, t);
        }
        // The longest context known is "3 5 1", never followed yet; "5 1": 2 with 2 / (2 + 1),
        // escape 1 / 3. Then "1" without 2, which was spoken for: 3 with 1 / (1 + 1), and 1 / 2
        // goes on, to be shared by the 5 threads.
        close(&picks(&mut ppm, 1, &[2, 3, 9]), &[2.0 / 3.0, 1.0 / 6.0, 1.0 / 30.0]);
        // No escape when everybody who could come is known.
        close(&picks(&mut ppm, 1, &[2]), &[1.0]);
        close(&picks(&mut ppm, 1, &[3, 9]), &[0.5, 0.1]);
        // The forecast: 2 as before; 3 is no candidate, and its 1 / 6 is nobody's; 5 and 6 were
        // never seen here.
        close(&forecasts(&mut ppm, 1, &[5, 2, 6]), &[1.0 / 30.0, 2.0 / 3.0, 1.0 / 30.0]);
        close(&forecasts(&mut ppm, 1, &[5, 2, 3]), &[1.0 / 30.0, 2.0 / 3.0, 1.0 / 6.0]);
    }

    #[test]
    fn nothing_known_is_all_equal_and_the_newest_first() {
        let p = picks(&mut Ppm::new(), 4, &[1, 2, 3]);
        close(&p, &[1.0 / 4.0; 3]);
        assert!(p[0] < p[1] && p[1] < p[2]);
        let p = forecasts(&mut Ppm::new(), 4, &[1, 2]);
        assert!(p[0] > p[1], "of a forecast the first: {p:?}");
    }

    #[test]
    fn who_was_running_unseen_is_taken_in() {
        let mut ppm = Ppm::new();
        for t in [1, 2, 1, 2, 3, 4, 3] {
            comes(&mut ppm, t);
        }
        // 3 came in last, but 1 goes out: events were lost.
        assert!(picks(&mut ppm, 1, &[4, 2])[1] > 0.5);
    }

    #[test]
    fn cpus_do_not_mix() {
        let mut ppm = Ppm::new();
        for t in [1, 2, 1, 3, 1] {
            comes(&mut ppm, t);
        }
        let before = picks(&mut ppm, 1, &[2, 3]);
        for next in [1, 2, 1, 2, 1].map(ThreadIx) {
            let (event, cpu, time) = (0, CpuId(0), Nanos(0));
            ppm.outcome(&Outcome {
                event,
                cpu,
                time,
                next,
                pick: None,
                foretold: None,
                scored: true,
                unknown: false,
                no_pick: false,
            });
        }
        assert_eq!(picks(&mut ppm, 1, &[2, 3]), before);
    }

    #[test]
    fn a_full_table_starts_anew_and_never_grows() {
        let mut ppm = Ppm::with_limits(64, 100);
        for i in 0..10_000u32 {
            comes(&mut ppm, mix(u64::from(i)) as u32 % 50);
            assert!(ppm.contexts.heads.len() <= 64 && ppm.contexts.followers.len() <= 100);
        }
        let room = (ppm.contexts.heads.capacity(), ppm.contexts.followers.capacity());
        (0..300).for_each(|i| comes(&mut ppm, i % 3));
        assert!(picks(&mut ppm, 2, &[0, 1])[0] > 0.7);
        assert_eq!((ppm.contexts.heads.capacity(), ppm.contexts.followers.capacity()), room);
    }

    #[test]
    fn counts_are_halved() {
        let mut contexts = Contexts::new(10, 10);
        (0..OFTEN).for_each(|_| contexts.add(1, ThreadIx(4)));
        contexts.add(1, ThreadIx(5));
        let counts: Vec<_> = contexts.of(1).map(|f| (f.thread.0, f.count)).collect();
        assert_eq!(counts, [(4, OFTEN / 2), (5, 1)]);
    }
}
