//! Predictors without a model: random, oldest first, newest first, least recently run, most often
//! followed, and the kernel replay's own pick. They stand beside every accuracy and answer both
//! questions. Nothing here learns from an outcome; ties always break the same way.

use super::Predictor;
use crate::features::{CAND, CAND_NAMES, Decision, Forecast, THREAD, THREAD_NAMES};
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
    /// As a forecast: after the task that runs.
    Followed,
    /// What the corrected kernel replay (CFS or EEVDF) would pick. As a forecast: who stood next in
    /// its order at the switch just decided, then whoever was queued since.
    Eevdf,
}

/// A predictor by a fixed rule.
#[derive(Clone, Debug)]
pub struct Heuristic {
    rule: Rule,
    random: u64,
    columns: Option<[usize; 2]>,
    /// Of a forecast's rows: whether it is unranked, since when it left.
    left: [usize; 2],
    /// Of a forecast's rows: the most frequent follower, the last one.
    followers: [usize; 2],
    /// Per CPU: candidates of the last decision and their scores, for a rule that forecasts by
    /// them.
    order: Vec<Vec<(ThreadIx, f32)>>,
}

impl Rule {
    /// All rules, strongest last.
    pub const ALL: [Self; 6] =
        [Self::Random, Self::Fifo, Self::Lifo, Self::Lrr, Self::Followed, Self::Eevdf];

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
            Rule::Followed => Some(["follow", "last_follower"]),
            Rule::Eevdf => Some(["fix_picked", "fix_rank"]),
            _ => None,
        };
        let place = |name: &str| CAND_NAMES.iter().position(|n| *n == name);
        let columns = columns.and_then(|[a, b]| Some([place(a)?, place(b)?]));
        // A name that is not there reads a column past the end, which is zero; a test holds that
        // all are there.
        let asked = |name: &str| THREAD_NAMES.iter().position(|n| *n == name).unwrap_or(THREAD);
        let left = ["unranked", "since_left"].map(asked);
        let followers = ["top_follower", "last_follower"].map(asked);
        Self { rule, random: seed, columns, left, followers, order: Vec::new() }
    }

    /// The score of a thread by what it followed: after the running one most often, then last of
    /// all. `None`: neither.
    fn followed(&self, row: &[f32]) -> Option<f32> {
        let named = |column: &usize| row.get(*column).is_some_and(|x| *x > 0.5);
        let first = self.followers.iter().position(named)?;
        Some((self.followers.len() - first) as f32)
    }

    /// Uniform in 0..1. Splitmix64 (Steele, Lea, Flood 2014): one word of state, so that a snapshot
    /// is a copy.
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
                (Rule::Followed, Some([share, last])) => {
                    100.0 * column(share) + 2.0 * column(last) + newness
                }
                (Rule::Eevdf, Some([picked, rank])) => {
                    100.0 * (column(picked) - column(rank)) - newness
                }
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

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        let n = forecast.candidates.len();
        scores.clear();
        if self.rule == Rule::Random {
            scores.extend((0..n).map(|_| self.draw()));
            return;
        }
        // Candidates that the rule does not mention come last, in their order.
        scores.extend((0..n).map(|i| -1000.0 - i as f32));
        if self.rule == Rule::Followed {
            for (i, score) in scores.iter_mut().enumerate() {
                *score = self.followed(row(forecast, i)).unwrap_or(*score);
            }
            return;
        }
        // Without a waiting thread the best guess is the CPU's own idle thread (threads `0..cpus`
        // are those).
        let idle = [ThreadIx(u32::from(forecast.cpu.0))];
        let queue = if forecast.queue.is_empty() { &idle } else { forecast.queue };
        let place = |thread: ThreadIx| forecast.candidates.iter().position(|t| *t == thread);
        let order = self.order.get(forecast.cpu.ix()).map_or(&[][..], Vec::as_slice);
        // Both are in the order of enqueueing: a thread stood before the one that was found last.
        let mut at = order.len();
        for (i, thread) in queue.iter().enumerate().rev() {
            // Of a long queue not everybody is a candidate.
            let Some(candidate) = place(*thread) else { continue };
            let oldness = -(i as f32);
            scores[candidate] = match self.rule {
                Rule::Eevdf => {
                    let find =
                        |part: &[(ThreadIx, f32)]| part.iter().rposition(|(t, _)| t == thread);
                    let found = find(&order[..at]).or_else(|| find(&order[at..]).map(|k| at + k));
                    at = found.unwrap_or(at);
                    found.map_or(-900.0 + oldness / 1e3, |k| order[k].1)
                }
                Rule::Lrr => {
                    let row = row(forecast, candidate);
                    let [unranked, since] = self.left.map(|c| row.get(c).copied().unwrap_or(0.0));
                    // Who left at this very switch has a rank.
                    let never = unranked > 0.5 && since <= 0.0;
                    if never { 100.0 + oldness / 1e3 } else { since }
                }
                Rule::Fifo => oldness,
                _ => i as f32,
            };
        }
    }
}

/// What is known about a candidate of a forecast.
fn row<'a>(forecast: &Forecast<'a>, candidate: usize) -> &'a [f32] {
    forecast.features.get(candidate * THREAD..(candidate + 1) * THREAD).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{ASK, QUERY};
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

    /// After thread 5 came in.
    fn forecast<'a>(
        candidates: &'a [ThreadIx],
        queue: &'a [ThreadIx],
        features: &'a [f32],
    ) -> Forecast<'a> {
        let (cpu, running) = (CpuId(0), ThreadIx(5));
        Forecast {
            event: 0,
            cpu,
            time: Nanos(0),
            running,
            candidates,
            ranked: 3,
            queue,
            query: &[0.0; ASK],
            features,
        }
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
        rows[CAND + column("follow")] = 0.4;
        rows[column("follow")] = 0.3;
        rows[2 * CAND + column("fix_picked")] = 1.0;
        (rows[column("since_ran")], rows[CAND + column("since_ran")]) = (0.2, 0.7);
        assert_eq!(best(&picks(Rule::Fifo, &rows, 3)), 0);
        assert_eq!(best(&picks(Rule::Lifo, &rows, 3)), 2);
        assert_eq!(best(&picks(Rule::Followed, &rows, 3)), 1);
        assert_eq!(best(&picks(Rule::Eevdf, &rows, 3)), 2);
        assert_eq!(
            best(&picks(Rule::Followed, &vec![0.0; 3 * CAND], 3)),
            2,
            "nothing known: the newest"
        );
        assert_eq!(best(&picks(Rule::Lrr, &rows, 3)), 1);
        rows[2 * CAND + column("never_ran")] = 1.0;
        assert_eq!(best(&picks(Rule::Lrr, &rows, 3)), 2, "never ran: before all others");
        assert_eq!(picks(Rule::Random, &rows, 3), picks(Rule::Random, &rows, 3), "seeded");
    }

    const ASKED: [ThreadIx; 4] = [ThreadIx(8), ThreadIx(0), ThreadIx(6), ThreadIx(77)];

    fn asked(rule: Rule, queue: &[u32], rows: &[f32]) -> Vec<f32> {
        let queue: Vec<_> = queue.iter().copied().map(ThreadIx).collect();
        let mut scores = vec![9.0];
        Heuristic::new(rule, 1).forecast(&forecast(&ASKED, &queue, rows), &mut scores);
        assert!(scores.len() == ASKED.len() && scores.iter().all(|s| s.is_finite()), "{scores:?}");
        scores
    }

    fn thread_column(candidate: usize, name: &str) -> usize {
        candidate * THREAD + THREAD_NAMES.iter().position(|n| *n == name).unwrap()
    }

    #[test]
    fn forecasts_name_any_candidate() {
        let mut rows = vec![0.0; ASKED.len() * THREAD];
        assert_eq!(best(&asked(Rule::Fifo, &[6, 8], &rows)), 2);
        assert_eq!(best(&asked(Rule::Lifo, &[6, 8], &rows)), 0);
        assert_eq!(best(&asked(Rule::Fifo, &[77], &rows)), 3, "waiting but never ran here");
        assert_eq!(
            best(&asked(Rule::Fifo, &[4, 8], &rows)),
            0,
            "4 waits longer but is no candidate"
        );
        let falling = asked(Rule::Fifo, &[6], &rows);
        assert!(
            falling[2] > falling[0] && falling[0] > falling[1] && falling[1] > falling[3],
            "then in their order"
        );
        for rule in [Rule::Fifo, Rule::Lifo, Rule::Lrr, Rule::Eevdf] {
            assert_eq!(best(&asked(rule, &[], &rows)), 1, "{rule:?}: an empty queue: idle");
        }
        assert_eq!(
            best(&asked(Rule::Eevdf, &[6, 8], &rows)),
            2,
            "nobody stood in line: who waits longest"
        );
        assert_eq!(
            asked(Rule::Random, &[6], &rows),
            asked(Rule::Random, &[8], &rows),
            "seeded, by nothing else"
        );
        (rows[thread_column(0, "since_left")], rows[thread_column(2, "since_left")]) = (0.0, 0.3);
        rows[thread_column(3, "unranked")] = 1.0;
        assert_eq!(best(&asked(Rule::Lrr, &[8, 6], &rows)), 2, "8 left just now");
        assert_eq!(best(&asked(Rule::Lrr, &[8, 6, 77], &rows)), 3, "77 never ran");
        rows[thread_column(3, "since_left")] = 0.2;
        assert_eq!(
            best(&asked(Rule::Lrr, &[8, 6, 77], &rows)),
            2,
            "77 ran elsewhere, and later than 6"
        );
    }

    #[test]
    fn who_followed_most_often_is_forecast_before_who_followed_last() {
        let mut rows = vec![0.0; ASKED.len() * THREAD];
        let unknown = asked(Rule::Followed, &[6], &rows);
        assert_eq!(best(&unknown), 0, "nothing known: their order");
        for (candidate, name) in [(2, "last_follower"), (3, "top_follower")] {
            rows[thread_column(candidate, name)] = 1.0;
        }
        let scores = asked(Rule::Followed, &[6], &rows);
        assert!(scores[3] > scores[2] && scores[2] > scores[0], "{scores:?}");
    }

    #[test]
    fn every_column_of_a_rule_is_there() {
        let heuristic = Heuristic::new(Rule::Followed, 0);
        let columns = heuristic.followers.iter().chain(&heuristic.left);
        assert!(columns.copied().all(|c| c < THREAD));
    }

    #[test]
    fn the_replay_forecasts_by_its_order_at_the_last_switch() {
        let mut rows = vec![0.0; 3 * CAND];
        // Threads 8 (not eligible), 6 (second) and 5 (picked) were candidates; 5 came in.
        (0..3).for_each(|i| rows[i * CAND + column("fix_rank")] = [1.0, 0.1, 0.0][i]);
        rows[2 * CAND + column("fix_picked")] = 1.0;
        let mut heuristic = Heuristic::new(Rule::Eevdf, 0);
        heuristic.pick(&decision(&[8, 6, 5].map(ThreadIx), &rows), &mut Vec::new());
        let mut scores = Vec::new();
        let queue = [8, 6, 77].map(ThreadIx);
        heuristic.forecast(&forecast(&ASKED, &queue, &[]), &mut scores);
        assert_eq!(best(&scores), 2, "6");
        assert!(scores[0] > scores[3], "8 stood in line, 77 was queued since");
    }
}
