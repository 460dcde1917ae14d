//! Answers that came to nothing. Who was thought to come in and did not is often not the next one
//! either: something that the inputs do not show keeps it back. What was believed of each thread
//! since it was put into its queue is kept in a table of fixed size.

use super::net::EXTRA;
use crate::features::{Decision, MOST_CANDIDATES};

/// Threads that are remembered, by the low bits of their number.
const ROWS: usize = 4_096;

/// What was believed of one thread in its present wait.
#[derive(Clone, Copy, Debug, Default)]
struct Belief {
    thread: u32,
    /// When the wait began, ns.
    since: u64,
    /// Sum of the probabilities with which it was thought to come in, and did not.
    mass: f32,
    /// How often it was the first choice, and did not.
    top: f32,
    /// The last of those probabilities.
    last: f32,
    /// It was the first choice of the last decision.
    lost: bool,
}

/// Beliefs about threads, and the candidates of the decision that was asked last.
#[derive(Clone, Debug)]
pub(super) struct Beliefs {
    table: Vec<Belief>,
    /// Rows of the candidates.
    at: Vec<u16>,
    extra: Vec<f32>,
}

impl Beliefs {
    pub fn new() -> Self {
        Self {
            table: vec![Belief::default(); ROWS],
            at: Vec::new(),
            extra: Vec::with_capacity(64 * EXTRA),
        }
    }

    /// `[candidates, EXTRA]`; empty where it is not said who they are.
    pub fn of(&mut self, decision: &Decision<'_>) -> &[f32] {
        self.at.clear();
        self.extra.clear();
        if decision.candidates.len() < 2 || decision.candidates.len() > MOST_CANDIDATES {
            return &[];
        }
        for (thread, waited) in decision.candidates.iter().zip(decision.waited) {
            let since = decision.time.0.saturating_sub(waited.0);
            let row = thread.ix() % ROWS;
            let belief = &mut self.table[row];
            if belief.thread != thread.0 || belief.since != since {
                *belief = Belief { thread: thread.0, since, ..Belief::default() };
            }
            let flag = |on: bool| f32::from(u8::from(on));
            let sure = flag(belief.last > 0.5);
            // Nothing was believed of most, and a logarithm takes time.
            let ln = |x: f32| if x > 0.0 { x.ln_1p() } else { 0.0 };
            let columns = [ln(belief.mass), ln(belief.top), belief.last, flag(belief.lost), sure];
            self.extra.extend_from_slice(&columns);
            self.at.push(row as u16);
        }
        &self.extra
    }

    /// Candidate `real` came in; `p` is what was thought of each.
    pub fn settle(&mut self, p: &[f32], real: usize) {
        let top = p.iter().enumerate().fold(0, |top, (i, x)| if *x > p[top] { i } else { top });
        for (i, (row, p)) in self.at.iter().zip(p).enumerate() {
            let belief = &mut self.table[usize::from(*row)];
            if i == real {
                *belief = Belief::default();
                continue;
            }
            belief.mass += p;
            belief.top += f32::from(u8::from(i == top));
            belief.lost = i == top;
            belief.last = *p;
        }
        self.at.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{CpuId, Nanos, TaskState, ThreadIx};

    fn columns(beliefs: &mut Beliefs, time: u64, waited: [u64; 2]) -> Vec<f32> {
        let (candidates, waited) = ([ThreadIx(4), ThreadIx(5)], waited.map(Nanos));
        let decision = Decision {
            event: 0,
            cpu: CpuId(0),
            time: Nanos(time),
            prev: ThreadIx(1),
            prev_state: TaskState::SLEEP,
            stint: Nanos(0),
            candidates: &candidates,
            query: &[],
            features: &[],
            waited: &waited,
            lag: &[],
        };
        beliefs.of(&decision).to_vec()
    }

    #[test]
    fn a_refuted_belief_is_told_until_the_wait_is_over() {
        let mut beliefs = Beliefs::new();
        assert!(columns(&mut beliefs, 1_000, [900, 100]).iter().all(|x| x.abs() < f32::EPSILON));
        beliefs.settle(&[0.8, 0.2], 1);
        let told = columns(&mut beliefs, 2_000, [1_900, 100]);
        assert!(
            (told[0] - 1.8f32.ln()).abs() < 1e-6
                && (told[2] - 0.8).abs() < 1e-6
                && told[3] > 0.5
                && told[4] > 0.5
        );
        assert!(told[EXTRA..].iter().all(|x| x.abs() < f32::EPSILON), "it came in, and waits anew");
        assert!(
            columns(&mut beliefs, 3_000, [100, 100]).iter().all(|x| x.abs() < f32::EPSILON),
            "another wait"
        );
    }
}
