//! Predictors without a model: random, oldest first, newest first, least recently run, most often followed, and the
//! kernel replay's own pick. They stand beside every accuracy and answer both questions. Nothing here learns from an
//! outcome; ties always break the same way.

use super::Predictor;
use crate::features::{CAND, CAND_NAMES, Decision, Forecast, ORDERS, OTHER, RANKS};
use crate::trace::ThreadIx;

/// Which rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Any candidate, drawn with a seed.
    Random,
    /// The one that was enqueued first.
    Fifo,
    /// The one that was enqueued last.
    Lifo,
    /// The one that has not run for the longest time; one that never ran before all others.
    Lrr,
    /// The one that most often came after the task that leaves; the newest where nothing is known.
    Followed,
    /// What the corrected kernel replay (CFS or EEVDF) would pick. As a forecast: who stood next in its order at the
    /// switch just decided, then whoever was queued since.
    Eevdf,
}

/// A predictor by a fixed rule.
#[derive(Clone, Debug)]
pub struct Heuristic {
    rule: Rule,
    random: u64,
    columns: Option<[usize; 2]>,
    /// Per CPU: candidates of the last decision and their scores, for a rule that forecasts by them.
    order: Vec<Vec<(ThreadIx, f32)>>,
}

impl Rule {
    /// All rules, strongest last.
    pub const ALL: [Self; 6] = [Self::Random, Self::Fifo, Self::Lifo, Self::Lrr, Self::Followed, Self::Eevdf];

    /// Name in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
            Self::Lrr => "lrr",
            Self::Followed => "followed",
            Self::Eevdf => "eevdf",
        }
    }

    /// The rule with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.label() == name)
    }
}

impl Heuristic {
    /// A predictor by `rule`; `seed` matters to [`Rule::Random`] only.
    pub fn new(rule: Rule, seed: u64) -> Self {
        let columns = match rule {
            Rule::Lrr => Some(["never_ran", "since_ran"]),
            Rule::Followed => Some(["follow_1", "last_1"]),
            Rule::Eevdf => Some(["fix_picked", "fix_rank"]),
            _ => None,
        };
        let place = |name: &str| CAND_NAMES.iter().position(|n| *n == name);
        let columns = columns.and_then(|[a, b]| Some([place(a)?, place(b)?]));
        Self { rule, random: seed, columns, order: Vec::new() }
    }

    /// Uniform in 0..1. Splitmix64 (Steele, Lea, Flood 2014): one word of state, so that a snapshot is a copy.
    fn draw(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }
}

impl Predictor for Heuristic {
    fn name(&self) -> &str {
        self.rule.label()
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        scores.clear();
        let n = decision.candidates.len();
        for i in 0..n {
            let newness = i as f32 / n as f32; // below 1: breaks ties only
            let column = |c: usize| decision.features.get(i * CAND + c).copied().unwrap_or(0.0);
            scores.push(match (self.rule, self.columns) {
                (Rule::Random, _) => self.draw(),
                (Rule::Fifo, _) => -(i as f32),
                (Rule::Lrr, Some([never, since])) => 100.0 * column(never) + column(since),
                (Rule::Followed, Some([share, last])) => 100.0 * column(share) + 2.0 * column(last) + newness,
                (Rule::Eevdf, Some([picked, rank])) => 100.0 * (column(picked) - column(rank)) - newness,
                _ => i as f32,
            });
        }
        if self.rule == Rule::Eevdf {
            let cpu = decision.cpu.ix();
            if self.order.len() <= cpu {
                self.order.resize_with(cpu + 1, Vec::new);
            }
            self.order[cpu].clear();
            self.order[cpu].extend(decision.candidates.iter().copied().zip(scores.iter().copied()));
        }
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut [f32; RANKS]) {
        scores.fill(f32::NEG_INFINITY);
        let known = forecast.recency.len().min(OTHER);
        let class = |thread: ThreadIx| forecast.recency[..known].iter().position(|t| *t == thread).unwrap_or(OTHER);
        // Without a waiting thread the best guess is the CPU's own idle thread (threads `0..cpus` are those).
        let idle = [ThreadIx(u32::from(forecast.cpu.0))];
        let queue = if forecast.queue.is_empty() { &idle } else { forecast.queue };
        // Ranked threads that no rule mentions come last, the most recent of them first.
        for (rank, score) in scores[1..known.max(1)].iter_mut().enumerate() {
            *score = -1000.0 - rank as f32;
        }
        scores[OTHER] = -2000.0;
        match self.rule {
            Rule::Eevdf => {
                let order = self.order.get(forecast.cpu.ix()).map_or(&[][..], Vec::as_slice);
                // Both are in the order of enqueueing: a thread stood before the one that was found last.
                let mut at = order.len();
                for (i, thread) in queue.iter().enumerate().rev() {
                    let find = |part: &[(ThreadIx, f32)]| part.iter().rposition(|(t, _)| t == thread);
                    let found = find(&order[..at]).or_else(|| find(&order[at..]).map(|k| at + k));
                    at = found.unwrap_or(at);
                    let stood = found.map(|k| order[k].1);
                    let score = &mut scores[class(*thread)];
                    // Several threads without a rank are one class: the first of them counts.
                    *score = score.max(stood.unwrap_or(-900.0 - i as f32 / 1e3));
                }
            }
            Rule::Random => scores[1..known.max(1)].iter_mut().for_each(|s| *s = self.draw()),
            Rule::Fifo => {
                for (i, thread) in queue.iter().enumerate().rev() {
                    scores[class(*thread)] = -(i as f32);
                }
            }
            Rule::Lifo => {
                for (i, thread) in queue.iter().enumerate() {
                    scores[class(*thread)] = i as f32;
                }
            }
            Rule::Lrr => {
                // The deeper in the recency list the longer ago; who is not on it at all came in before all of them.
                for thread in queue {
                    scores[class(*thread)] = class(*thread) as f32;
                }
            }
            Rule::Followed => {
                // Order 1: the most frequent follower of the running task, then its last one; then longer contexts.
                for order in (0..ORDERS).rev() {
                    for (k, bonus) in [(1, 0.0), (0, 1.0)] {
                        let vote = usize::from(forecast.votes[2 * order + k]);
                        if (1..OTHER).contains(&vote) {
                            scores[vote] = 2.0 * (ORDERS - order) as f32 + bonus;
                        }
                    }
                }
                // A follower that is not ranked on this CPU any more is an answer too: "some other task".
                let first = usize::from(forecast.votes[0]);
                if first == OTHER && forecast.vote_x[1] > 0.0 {
                    scores[OTHER] = 100.0;
                }
            }
        }
        scores[0] = f32::NEG_INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{QUERY, VOTERS};
    use crate::trace::{CpuId, Nanos, TaskState};

    fn decision<'a>(candidates: &'a [ThreadIx], features: &'a [f32]) -> Decision<'a> {
        Decision {
            event: 0,
            cpu: CpuId(0),
            time: Nanos(0),
            prev: ThreadIx(3),
            prev_state: TaskState::SLEEP,
            stint: Nanos(1),
            candidates,
            query: &[0.0; QUERY],
            features,
            waited: &[],
            lag: &[],
        }
    }

    fn forecast<'a>(recency: &'a [ThreadIx], queue: &'a [ThreadIx], votes: &'a [u8; VOTERS]) -> Forecast<'a> {
        Forecast { event: 0, cpu: CpuId(0), time: Nanos(0), recency, queue, votes, vote_x: &[1.0; VOTERS], recent: &[] }
    }

    fn picks(rule: Rule, rows: &[f32], n: u32) -> Vec<f32> {
        let threads: Vec<_> = (10..10 + n).map(ThreadIx).collect();
        let mut scores = vec![9.0];
        Heuristic::new(rule, 1).pick(&decision(&threads, rows), &mut scores);
        assert_eq!(scores.len(), n as usize);
        scores
    }

    fn best(scores: &[f32]) -> usize {
        (0..scores.len()).rev().max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap()
    }

    fn column(name: &str) -> usize {
        CAND_NAMES.iter().position(|n| *n == name).unwrap()
    }

    #[test]
    fn the_rules_pick_by_their_names() {
        let mut rows = vec![0.0; 3 * CAND];
        rows[CAND + column("follow_1")] = 0.4;
        rows[column("follow_1")] = 0.3;
        rows[2 * CAND + column("fix_picked")] = 1.0;
        (rows[column("since_ran")], rows[CAND + column("since_ran")]) = (0.2, 0.7);
        assert_eq!(best(&picks(Rule::Fifo, &rows, 3)), 0);
        assert_eq!(best(&picks(Rule::Lifo, &rows, 3)), 2);
        assert_eq!(best(&picks(Rule::Followed, &rows, 3)), 1);
        assert_eq!(best(&picks(Rule::Eevdf, &rows, 3)), 2);
        assert_eq!(best(&picks(Rule::Followed, &vec![0.0; 3 * CAND], 3)), 2, "nothing known: the newest");
        assert_eq!(best(&picks(Rule::Lrr, &rows, 3)), 1);
        rows[2 * CAND + column("never_ran")] = 1.0;
        assert_eq!(best(&picks(Rule::Lrr, &rows, 3)), 2, "never ran: before all others");
        assert_eq!(picks(Rule::Random, &rows, 3), picks(Rule::Random, &rows, 3), "seeded");
    }

    fn asked(rule: Rule, queue: &[ThreadIx], votes: [u8; VOTERS]) -> [f32; RANKS] {
        let recency = [5, 8, 0, 6].map(ThreadIx);
        let mut scores = [0.0; RANKS];
        Heuristic::new(rule, 1).forecast(&forecast(&recency, queue, &votes), &mut scores);
        assert_eq!(scores[0].to_bits(), f32::NEG_INFINITY.to_bits(), "the running task is no answer");
        scores
    }

    #[test]
    fn forecasts_name_the_recency_class() {
        let none = [OTHER as u8; VOTERS];
        let queue = [6, 8].map(ThreadIx);
        assert_eq!(best(&asked(Rule::Fifo, &queue, none)), 3);
        assert_eq!(best(&asked(Rule::Lifo, &queue, none)), 1);
        assert_eq!(best(&asked(Rule::Fifo, &[ThreadIx(77)], none)), OTHER, "waiting but never ran here");
        assert_eq!(best(&asked(Rule::Fifo, &[], none)), 2, "an empty queue: idle");
        let mut votes = none;
        (votes[0], votes[1]) = (3, 1);
        let scores = asked(Rule::Followed, &queue, votes);
        assert_eq!(best(&scores), 3);
        assert!(scores[1] > scores[2]);
        assert!((1..4).contains(&best(&asked(Rule::Random, &queue, none))));
        assert_eq!(best(&asked(Rule::Lrr, &queue, none)), 3);
        assert_eq!(best(&asked(Rule::Lrr, &[6, 77].map(ThreadIx), none)), OTHER, "77 ran before all who are ranked");
        assert_eq!(best(&asked(Rule::Eevdf, &queue, none)), 3, "nobody stood in line: who waits longest");
        assert_eq!(best(&asked(Rule::Eevdf, &[], none)), 2);
    }

    #[test]
    fn the_replay_forecasts_by_its_order_at_the_last_switch() {
        let mut rows = vec![0.0; 3 * CAND];
        // Threads 8 (not eligible), 6 (second) and 0 (picked) were candidates; 0 came in.
        (0..3).for_each(|i| rows[i * CAND + column("fix_rank")] = [1.0, 0.1, 0.0][i]);
        rows[2 * CAND + column("fix_picked")] = 1.0;
        let mut heuristic = Heuristic::new(Rule::Eevdf, 0);
        heuristic.pick(&decision(&[8, 6, 0].map(ThreadIx), &rows), &mut Vec::new());
        let mut scores = [0.0; RANKS];
        let (queue, recency) = ([8, 6, 5].map(ThreadIx), [0, 5, 8, 6].map(ThreadIx));
        heuristic.forecast(&forecast(&recency, &queue, &[OTHER as u8; VOTERS]), &mut scores);
        assert_eq!(best(&scores), 3, "6");
        assert!(scores[2] > scores[1], "8 stood in line, 5 was put back behind");
    }
}
