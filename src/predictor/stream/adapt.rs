//! What the engine learns while it answers. After every outcome the last layer takes one step of
//! gradient descent on the log loss of that one answer (dynamic evaluation: Krause, Kahembwe,
//! Murray and Renals 2018), so that on a workload or a kernel that training never saw it is soon as
//! good as on a known one. Beside it each thread has a number of its own that is learned the same
//! way: how much more often it comes than all inputs say. The network itself stays as it is: what
//! is learned are weights of the trace in hand, the network's before its first event. A clone is a
//! snapshot of them.

use super::beliefs::Beliefs;
use super::head::Asked;
use super::net::Head;
use crate::features::{Decision, Outcome};
use crate::simd::aligned::Aligned;
use crate::simd::each::softmax;
use crate::simd::products::dot;
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::ThreadIx;

/// Learning rates of the two questions, chosen on validation.
const RATES: [f32; 2] = [0.003, 0.0015];
/// The same of the numbers that threads have.
const OWN_RATES: [f32; 2] = [0.15, 0.03];
/// Threads that have one, by the low bits of their number.
const ROWS: usize = 4_096;
/// What is learned makes too sure: scores of the two questions are divided by these, chosen on
/// validation.
const TEMPERATURES: [f32; 2] = [1.05, 1.0];
/// Who came in with a probability this near to one teaches nothing that is worth its time.
const KNOWN: f32 = 0.01;
/// Who was thought this unlikely and did not come adds nothing to a step that is worth its time.
const NOTHING: f32 = 0.001;
/// One outcome moves no difference of scores by more than about this (nats), however large the
/// inputs.
const FURTHEST: f32 = 1.0;

/// A linear score, learned from outcomes.
#[derive(Clone, Debug)]
struct Learner {
    rate: f32,
    /// `[W]`
    weights: Aligned,
    /// `[W]`: room for a gradient.
    gradient: Aligned,
}

impl Learner {
    fn new(weights: Aligned, rate: f32) -> Self {
        Self { rate, gradient: Aligned::zeros(weights.len()), weights }
    }

    /// One step, for rows `[n, W]` that were given the probabilities `p` `[n]`; `real` is the row
    /// that came true.
    fn learn(&mut self, rows: &[f32], p: &[f32], real: Option<usize>) {
        dispatch(LearnStep { learner: self, rows, p, real });
    }
}

struct LearnStep<'a> {
    learner: &'a mut Learner,
    rows: &'a [f32],
    p: &'a [f32],
    real: Option<usize>,
}

impl Work for LearnStep<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Learner { rate, weights, gradient } = self.learner;
        gradient.fill(0.0);
        for (j, (row, p)) in self.rows.chunks_exact(weights.len()).zip(self.p).enumerate() {
            let error = if self.real == Some(j) { 1.0 - p } else { -p };
            if error.abs() < NOTHING {
                continue;
            }
            for (g, x) in gradient.iter_mut().zip(row) {
                *g += error * x;
            }
        }
        let square = dot::<V>(gradient, gradient);
        let step = if *rate * square > FURTHEST { FURTHEST / square } else { *rate };
        for (w, g) in weights.iter_mut().zip(gradient.iter()) {
            *w += step * *g;
        }
    }
}

/// For each thread what its inputs do not say: a number that is added to its scores.
#[derive(Clone, Debug)]
struct Own {
    rate: f32,
    /// Whose it is, and the number.
    rows: Vec<(ThreadIx, f32)>,
}

impl Own {
    fn new(rate: f32) -> Self {
        Self { rate, rows: vec![(ThreadIx::NONE, 0.0); ROWS] }
    }

    fn of(&self, thread: ThreadIx) -> f32 {
        let (owner, own) = self.rows[thread.ix() % ROWS];
        if owner == thread { own } else { 0.0 }
    }

    /// One step; of two threads with the same row the later one has it.
    fn learn(&mut self, who: &[ThreadIx], p: &[f32], real: usize) {
        for (j, (thread, p)) in who.iter().zip(p).enumerate() {
            let row = &mut self.rows[thread.ix() % ROWS];
            if row.0 != *thread {
                *row = (*thread, 0.0);
            }
            row.1 += self.rate * if j == real { 1.0 - p } else { -p };
        }
    }
}

/// Everything that is learned on one trace.
#[derive(Clone, Debug)]
pub(super) struct Adapt {
    learners: [Learner; 2],
    own: [Own; 2],
    beliefs: Beliefs,
}

impl Adapt {
    /// Before the first event.
    pub fn new(heads: &[Head; 2]) -> Self {
        Self {
            learners: [0, 1].map(|i| Learner::new(heads[i].weighs.clone(), RATES[i])),
            own: OWN_RATES.map(Own::new),
            beliefs: Beliefs::new(),
        }
    }

    /// `[W]`: what a candidate's row is weighed with for a question.
    pub fn weighs(&self, question: usize) -> &[f32] {
        &self.learners[question].weights
    }

    /// About a decision: `[W]` what a row is weighed with, and `[candidates, EXTRA]` what came of
    /// earlier answers.
    pub fn about(&mut self, decision: &Decision<'_>) -> (&[f32], &[f32]) {
        (&self.learners[0].weights, self.beliefs.of(decision))
    }

    /// Completes an answer about `who`: adds what is known of each thread, keeps what it takes to
    /// learn from the outcome (scores still, which become probabilities then: nobody waits for it),
    /// and brings the scores to the temperature of the question.
    pub fn close(&self, question: usize, asked: &mut Asked, scores: &mut [f32], who: &[ThreadIx]) {
        asked.who.clear();
        asked.who.extend_from_slice(who);
        scores
            .iter_mut()
            .zip(who)
            .for_each(|(score, thread)| *score += self.own[question].of(*thread));
        asked.p.clear();
        asked.p.extend_from_slice(scores);
        for score in scores {
            *score /= TEMPERATURES[question];
        }
    }

    /// Learns from what happened.
    pub fn outcome(&mut self, outcome: &Outcome, pick: &mut Asked, forecast: Option<&mut Asked>) {
        let among = |real: Option<u32>, of: &Asked| {
            real.map(|real| real as usize).filter(|real| *real < of.p.len())
        };
        if let Some(real) = among(outcome.pick, pick).filter(|_| pick.p.len() > 1) {
            softmax(&mut pick.p);
            self.learn(0, pick, real);
            self.beliefs.settle(&pick.p, real);
        }
        pick.p.clear();
        let Some(forecast) = forecast else { return };
        if let Some(real) = among(outcome.foretold, forecast) {
            softmax(&mut forecast.p);
            self.learn(1, forecast, real);
        }
        forecast.p.clear();
    }

    /// Candidate `real` of a question came in: a step, unless that was known.
    fn learn(&mut self, question: usize, asked: &Asked, real: usize) {
        if 1.0 - asked.p[real] > KNOWN {
            self.learners[question].learn(&asked.rows, &asked.p, Some(real));
            self.own[question].learn(&asked.who, &asked.p, real);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_which_input_tells_who_comes_in() {
        let mut learner = Learner::new(Aligned::zeros(3), 0.05);
        let rows = [0.1, 1.0, 0.0, 0.1, 0.0, 1.0];
        let mut p = [0.0; 2];
        for _ in 0..200 {
            for (j, p) in p.iter_mut().enumerate() {
                *p = rows[j * 3..][..3].iter().zip(&learner.weights[..]).map(|(x, w)| x * w).sum();
            }
            softmax(&mut p);
            learner.learn(&rows, &p, Some(1));
        }
        assert!(p[1] > 0.9, "{p:?}");
        assert!(
            learner.weights[0].abs() < 1e-4,
            "what all share tells nothing: {:?}",
            learner.weights
        );
    }

    #[test]
    fn who_was_known_to_come_teaches_nothing() {
        let head = |width| {
            let mut learner = Learner::new(Aligned::zeros(width), 0.1);
            learner.weights[0] = 1.0;
            learner
        };
        let mut adapt = Adapt {
            learners: [head(2), head(2)],
            own: OWN_RATES.map(Own::new),
            beliefs: Beliefs::new(),
        };
        let asked = |p: [f32; 2]| Asked {
            rows: vec![1.0, 0.0, 0.0, 1.0].into(),
            p: p.to_vec(),
            who: [3, 4].map(ThreadIx).to_vec(),
        };
        adapt.learn(0, &asked([0.995, 0.005]), 0);
        assert_eq!(adapt.weighs(0), [1.0, 0.0]);
        adapt.learn(0, &asked([0.95, 0.05]), 0);
        assert!(
            adapt.weighs(0)[0] > 1.0 && adapt.weighs(0)[1] < 0.0 && adapt.weighs(1) == [1.0, 0.0]
        );
    }

    #[test]
    fn a_thread_that_comes_more_often_than_its_inputs_say_is_known_by_number() {
        let (mut own, who) = (Own::new(0.1), [3, 4].map(ThreadIx));
        for _ in 0..200 {
            let mut p = who.map(|thread| own.of(thread));
            softmax(&mut p);
            own.learn(&who, &p, 1);
        }
        assert!(own.of(who[1]) - own.of(who[0]) > 2.0);
        let other = ThreadIx(4 + ROWS as u32);
        assert!(own.of(other).abs() < f32::EPSILON, "another thread on the same row");
        own.learn(&[other], &[0.5], 0);
        assert!(own.of(other) > 0.0 && own.of(who[1]).abs() < f32::EPSILON);
    }

    #[test]
    fn one_outcome_moves_no_score_far() {
        let mut learner = Learner::new(Aligned::zeros(2), 0.01);
        learner.learn(&[100.0, 0.0, 0.0, 100.0], &[0.99, 0.01], Some(1));
        let moved = 100.0 * (learner.weights[1] - learner.weights[0]);
        assert!((0.5..=2.0).contains(&moved), "{moved}");
    }
}
