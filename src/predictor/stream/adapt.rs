//! What the engine learns while it answers. After every outcome the last layer takes one step of gradient descent on the
//! log loss of that one answer (dynamic evaluation: Krause, Kahembwe, Murray and Renals 2018), so that on a workload
//! or a kernel that training never saw it is soon as good as on a known one. The network itself stays as it is: what
//! is learned are weights of the trace in hand, added to it, zero before its first event. A clone is a snapshot of them.

use super::simd::{Work, dispatch, dot};
use crate::features::{CAND, Forecast, Outcome, RANKS, RECENT, VOTERS};

/// Learning rates; chosen on validation, where a third and twice of them are as good to 0.1 points.
const PICK_RATE: f32 = 0.003;
const FORECAST_RATE: f32 = 0.012;
/// One outcome moves no difference of scores by more than about this (nats), however large the inputs.
const FURTHEST: f32 = 1.0;
/// Inputs of a forecast's rows: what is known of the thread, then who voted for it.
const WIDTH: usize = RECENT + VOTERS;
/// Threads behind the classes from 1 on.
const CLASSES: usize = RANKS - 2;

/// A linear score, learned from outcomes.
#[derive(Clone, Debug)]
struct Learner {
    rate: f32,
    /// `[W]`
    weights: Vec<f32>,
    /// `[W]`: room for a gradient.
    gradient: Vec<f32>,
}

impl Learner {
    fn new(width: usize, rate: f32) -> Self {
        Self { rate, weights: vec![0.0; width], gradient: vec![0.0; width] }
    }

    /// One step, for rows `[n, W]` that were given the probabilities `p` `[n]`; `real` is the row that came true.
    fn learn(&mut self, rows: &[f32], p: &[f32], real: Option<usize>) {
        dispatch(Step { learner: self, rows, p, real });
    }
}

struct Step<'a> {
    learner: &'a mut Learner,
    rows: &'a [f32],
    p: &'a [f32],
    real: Option<usize>,
}

impl Work for Step<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Learner { rate, weights, gradient } = self.learner;
        gradient.fill(0.0);
        for (j, (row, p)) in self.rows.chunks_exact(weights.len()).zip(self.p).enumerate() {
            let error = if self.real == Some(j) { 1.0 - p } else { -p };
            for (g, x) in gradient.iter_mut().zip(row) {
                *g += error * x;
            }
        }
        let square = dot::<FMA>(gradient, gradient);
        let step = if *rate * square > FURTHEST { FURTHEST / square } else { *rate };
        for (w, g) in weights.iter_mut().zip(gradient.iter()) {
            *w += step * *g;
        }
    }
}

/// Softmax in place.
fn probabilities(z: &mut [f32]) {
    let top = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in z.iter_mut() {
        *x = (*x - top).exp();
        sum += *x;
    }
    for x in z.iter_mut() {
        *x /= sum;
    }
}

/// Candidates of the decision that was answered last.
#[derive(Clone, Debug)]
pub(super) struct Picks {
    learner: Learner,
    /// `[candidates, CAND + last layer]`
    rows: Vec<f32>,
    p: Vec<f32>,
}

impl Picks {
    /// Before the candidates of a decision.
    pub fn open(&mut self) {
        self.rows.clear();
        self.p.clear();
    }

    /// Takes a candidate's normalised inputs and its last layer; gives what its score is more by what was learned.
    #[inline(always)]
    pub fn add<const FMA: bool>(&mut self, inputs: &[f32], last: &[f32]) -> f32 {
        let from = self.rows.len();
        self.rows.extend_from_slice(inputs);
        self.rows.extend_from_slice(last);
        dot::<FMA>(&self.rows[from..], &self.learner.weights)
    }

    /// After the last candidate.
    pub fn close(&mut self, scores: &[f32]) {
        self.p.extend_from_slice(scores);
        probabilities(&mut self.p);
    }
}

/// The forecast that is open on a CPU.
#[derive(Clone, Debug)]
struct Open {
    /// `[CLASSES, WIDTH]`
    rows: Vec<f32>,
    /// Zero where nothing was asked.
    p: [f32; RANKS],
}

/// Everything that is learned on one trace.
#[derive(Clone, Debug)]
pub(super) struct Adapt {
    pub picks: Picks,
    forecasts: Learner,
    /// Per class.
    bias: [f32; RANKS],
    /// Per CPU.
    open: Vec<Open>,
}

impl Adapt {
    /// Before the first event; `last` is the width of the pick head's last layer.
    pub fn new(last: usize, cpus: usize) -> Self {
        let picks = Picks { learner: Learner::new(CAND + last, PICK_RATE), rows: Vec::new(), p: Vec::new() };
        let mut new =
            Self { picks, forecasts: Learner::new(WIDTH, FORECAST_RATE), bias: [0.0; RANKS], open: Vec::new() };
        new.reach(cpus);
        new
    }

    /// Makes room for so many CPUs.
    pub fn reach(&mut self, cpus: usize) {
        // Asked at every event: nothing is made for CPUs that are there.
        while self.open.len() < cpus {
            self.open.push(Open { rows: vec![0.0; CLASSES * WIDTH], p: [0.0; RANKS] });
        }
    }

    /// Adds what was learned to the scores of a forecast, and keeps what it takes to learn from its outcome.
    pub fn forecast(&mut self, asked: &Forecast<'_>, scores: &mut [f32; RANKS]) {
        let Self { forecasts, bias, open, .. } = self;
        let Some(open) = open.get_mut(asked.cpu.ix()) else { return };
        open.rows.fill(0.0);
        for (row, x) in open.rows.chunks_exact_mut(WIDTH).zip(asked.recent.chunks_exact(RECENT)) {
            row[..RECENT].copy_from_slice(x);
        }
        for (j, &class) in asked.votes.iter().enumerate() {
            if (1..=CLASSES).contains(&usize::from(class)) {
                open.rows[(usize::from(class) - 1) * WIDTH + RECENT + j] = 1.0;
            }
        }
        let known = asked.recent.len() / RECENT;
        dispatch(Score { weights: &forecasts.weights, rows: &open.rows[..known * WIDTH], scores: &mut scores[1..] });
        scores.iter_mut().zip(bias).skip(1).for_each(|(z, b)| *z += *b);
        open.p = *scores;
        probabilities(&mut open.p);
    }

    /// Learns from what happened.
    pub fn outcome(&mut self, outcome: &Outcome) {
        if let Some(real) = outcome.pick.filter(|real| self.picks.p.len() > 1.max(*real as usize)) {
            let Picks { learner, rows, p } = &mut self.picks;
            learner.learn(rows, p, Some(real as usize));
        }
        self.picks.open();
        let (real, Some(open)) = (usize::from(outcome.rank), self.open.get_mut(outcome.cpu.ix())) else { return };
        // Class 0 is the running task: it comes in again only where the recording has a hole.
        if real > 0 && open.p[1] > 0.0 {
            self.forecasts.learn(&open.rows, &open.p[1..=CLASSES], Some(real - 1).filter(|at| *at < CLASSES));
            for (class, (b, p)) in self.bias.iter_mut().zip(open.p).enumerate().skip(1) {
                *b += FORECAST_RATE * (f32::from(u8::from(class == real)) - p);
            }
        }
        open.p = [0.0; RANKS];
    }
}

/// `scores += rows weights`.
struct Score<'a> {
    weights: &'a [f32],
    rows: &'a [f32],
    scores: &'a mut [f32],
}

impl Work for Score<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (row, z) in self.rows.chunks_exact(self.weights.len()).zip(self.scores) {
            *z += dot::<FMA>(row, self.weights);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_which_input_tells_who_comes_in() {
        let mut learner = Learner::new(3, 0.05);
        let rows = [0.1, 1.0, 0.0, 0.1, 0.0, 1.0];
        let mut p = [0.0; 2];
        for _ in 0..200 {
            for (j, p) in p.iter_mut().enumerate() {
                *p = rows[j * 3..][..3].iter().zip(&learner.weights).map(|(x, w)| x * w).sum();
            }
            probabilities(&mut p);
            learner.learn(&rows, &p, Some(1));
        }
        assert!(p[1] > 0.9, "{p:?}");
        assert!(learner.weights[0].abs() < 1e-4, "what all share tells nothing: {:?}", learner.weights);
    }

    #[test]
    fn one_outcome_moves_no_score_far() {
        let mut learner = Learner::new(2, 0.01);
        learner.learn(&[100.0, 0.0, 0.0, 100.0], &[0.99, 0.01], Some(1));
        let moved = 100.0 * (learner.weights[1] - learner.weights[0]);
        assert!((0.5..=2.0).contains(&moved), "{moved}");
    }

    #[test]
    fn a_class_of_which_nothing_is_known_is_learned_by_how_often_it_comes() {
        use crate::trace::{CpuId, Nanos, ThreadIx};
        let mut adapt = Adapt::new(4, 1);
        let votes = [RANKS as u8 - 1; VOTERS];
        let ask = |adapt: &mut Adapt| {
            // No thread has a row, nobody votes: all that is left is the class.
            let (event, cpu, time) = (0, CpuId(0), Nanos(0));
            let vote_x = &[0.0; VOTERS];
            let asked = Forecast { event, cpu, time, recency: &[], queue: &[], votes: &votes, vote_x, recent: &[] };
            let mut scores = [0.0; RANKS];
            scores[0] = f32::NEG_INFINITY;
            adapt.forecast(&asked, &mut scores);
            scores
        };
        let outcome = |rank: u8| Outcome {
            event: 0,
            cpu: CpuId(0),
            time: Nanos(0),
            next: ThreadIx(1),
            pick: None,
            rank,
            scored: true,
            unknown: false,
            no_pick: false,
        };
        for _ in 0..200 {
            ask(&mut adapt);
            adapt.outcome(&outcome(3));
        }
        let scores = ask(&mut adapt);
        assert!((1..RANKS).filter(|c| *c != 3).all(|c| scores[3] > scores[c] + 1.0), "{scores:?}");
        assert!(scores[0] == f32::NEG_INFINITY, "the running task is never an answer");
    }
}
