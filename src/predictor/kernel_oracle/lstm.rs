//! A small two-layer LSTM with a linear output, forward and backward by hand, trained by Adam
//! (Kingma and Ba 2015) on the mean squared error. Knows nothing of tasks: an input row has a one
//! at one column and a value at another.
//!
//! All matrices are stored by input row, so that forward (add a multiple of a row), the input's
//! gradient (dot with a row) and the weights' gradient (add to a row) all run along contiguous
//! memory.

/// Columns of a row, in and out.
pub(super) const OUT: usize = 64;
/// Hidden units per layer.
const H: usize = 32;
/// Gates in the order input, forget, cell, output.
const G: usize = 4 * H;
const RATE: f32 = 3e-3;
const BETA: [f32; 2] = [0.9, 0.99];
const EPSILON: f32 = 1e-8;
/// Gradients longer than this are shortened to it.
const CLIP: f32 = 1.0;

/// Where each matrix starts in the parameters: layer 1 from the row and from itself, its bias;
/// layer 2 likewise; output.
const W1: usize = 0;
const U1: usize = W1 + OUT * G;
const B1: usize = U1 + H * G;
const W2: usize = B1 + G;
const U2: usize = W2 + H * G;
const B2: usize = U2 + H * G;
const V: usize = B2 + G;
const C: usize = V + H * OUT;
const PARAMETERS: usize = C + OUT;

/// Hidden and cell state of both layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    h: [[f32; H]; 2],
    c: [[f32; H]; 2],
}

impl State {
    pub const ZERO: Self = Self { h: [[0.0; H]; 2], c: [[0.0; H]; 2] };
}

/// What the backward pass needs of one step.
#[derive(Clone, Debug)]
struct LstmStep {
    /// The input: column of the one, column and value of the number.
    one: usize,
    at: usize,
    value: f32,
    before: State,
    after: State,
    /// Gates after their nonlinearity.
    gates: [[f32; G]; 2],
    output: [f32; OUT],
    /// Output minus target.
    error: [f32; OUT],
    answered: bool,
}

/// The steps since the last update.
#[derive(Clone, Debug)]
pub(super) struct Window {
    steps: Vec<LstmStep>,
}

impl Window {
    pub fn with_capacity(steps: usize) -> Self {
        Self { steps: Vec::with_capacity(steps) }
    }

    /// Says what came after the last step; the result is the number of steps in the window.
    pub fn answer(&mut self, one: usize, at: usize, value: f32) -> usize {
        if let Some(step) = self.steps.last_mut() {
            step.error = step.output;
            step.error[one] -= 1.0;
            step.error[at] -= value;
            step.answered = true;
        }
        self.steps.len()
    }
}

/// Parameters and the optimiser's state.
#[derive(Clone, Debug)]
pub(super) struct Net {
    p: Vec<f32>,
    g: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    updates: i32,
}

impl Net {
    /// Uniform weights within one over the root of [`H`], drawn with `seed`; forget gates begin
    /// open.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut draw = || {
            // Splitmix64 (Steele, Lea, Flood 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let bound = 1.0 / (H as f32).sqrt();
        let mut p: Vec<f32> = (0..PARAMETERS).map(|_| bound * draw()).collect();
        for bias in [B1, B2] {
            p[bias + H..bias + 2 * H].iter_mut().for_each(|b| *b = 1.0);
        }
        let zeros = || vec![0.0; PARAMETERS];
        Self { p, g: zeros(), m: zeros(), v: zeros(), updates: 0 }
    }

    /// Takes one row, moves `state` on, notes the step in `window`, and gives the row expected
    /// next.
    pub fn step(
        &self,
        one: usize,
        at: usize,
        value: f32,
        state: &mut State,
        window: &mut Window,
    ) -> [f32; OUT] {
        let before = *state;
        let mut gates = [[0.0; G]; 2];
        gates[0].copy_from_slice(&self.p[B1..B1 + G]);
        add(&mut gates[0], 1.0, &self.p[W1 + one * G..][..G]);
        add(&mut gates[0], value, &self.p[W1 + at * G..][..G]);
        self.cell(0, U1, &mut gates[0], state);
        gates[1].copy_from_slice(&self.p[B2..B2 + G]);
        for (j, h) in state.h[0].iter().enumerate() {
            add(&mut gates[1], *h, &self.p[W2 + j * G..][..G]);
        }
        self.cell(1, U2, &mut gates[1], state);
        let mut output = [0.0; OUT];
        output.copy_from_slice(&self.p[C..]);
        for (j, h) in state.h[1].iter().enumerate() {
            add(&mut output, *h, &self.p[V + j * OUT..][..OUT]);
        }
        let (after, error) = (*state, [0.0; OUT]);
        window.steps.push(LstmStep {
            one,
            at,
            value,
            before,
            after,
            gates,
            output,
            error,
            answered: false,
        });
        output
    }

    /// One layer: finishes its gates and moves its state on.
    fn cell(&self, layer: usize, own: usize, gates: &mut [f32; G], state: &mut State) {
        for (j, h) in state.h[layer].iter().enumerate() {
            add(gates, *h, &self.p[own + j * G..][..G]);
        }
        for (k, gate) in gates.iter_mut().enumerate() {
            *gate = if k / H == 2 { tanh(*gate) } else { sigmoid(*gate) };
        }
        for j in 0..H {
            let c = gates[H + j] * state.c[layer][j] + gates[j] * gates[2 * H + j];
            state.c[layer][j] = c;
            state.h[layer][j] = gates[3 * H + j] * tanh(c);
        }
    }

    /// Fits the weights to the answered steps of `window`, which is emptied. Nothing flows back
    /// beyond it.
    pub fn learn(&mut self, window: &mut Window) {
        self.backward(window);
        window.steps.clear();
        self.update();
    }

    /// Adds the gradient of the window's mean squared error to `g`.
    fn backward(&mut self, window: &Window) {
        let answered = window.steps.iter().filter(|s| s.answered).count();
        let scale = 2.0 / (OUT * answered.max(1)) as f32;
        let (mut dh, mut dc) = ([[0.0f32; H]; 2], [[0.0f32; H]; 2]);
        for step in window.steps.iter().rev().filter(|s| s.answered) {
            let error = step.error.map(|e| scale * e);
            add(&mut self.g[C..], 1.0, &error);
            for (j, dh) in dh[1].iter_mut().enumerate() {
                *dh += dot(&error, &self.p[V + j * OUT..][..OUT]);
                add(&mut self.g[V + j * OUT..][..OUT], step.after.h[1][j], &error);
            }
            let d2 = gate_gradient(step, 1, &dh[1], &mut dc[1]);
            add(&mut self.g[B2..B2 + G], 1.0, &d2);
            let [below, above] = &mut dh;
            for (j, (below, above)) in below.iter_mut().zip(above).enumerate() {
                *below += dot(&d2, &self.p[W2 + j * G..][..G]);
                add(&mut self.g[W2 + j * G..][..G], step.after.h[0][j], &d2);
                *above = dot(&d2, &self.p[U2 + j * G..][..G]);
                add(&mut self.g[U2 + j * G..][..G], step.before.h[1][j], &d2);
            }
            let d1 = gate_gradient(step, 0, &dh[0], &mut dc[0]);
            add(&mut self.g[B1..B1 + G], 1.0, &d1);
            add(&mut self.g[W1 + step.one * G..][..G], 1.0, &d1);
            add(&mut self.g[W1 + step.at * G..][..G], step.value, &d1);
            for (j, dh) in dh[0].iter_mut().enumerate() {
                *dh = dot(&d1, &self.p[U1 + j * G..][..G]);
                add(&mut self.g[U1 + j * G..][..G], step.before.h[0][j], &d1);
            }
        }
    }

    /// One step of Adam; the gradient is zero afterwards.
    fn update(&mut self) {
        self.updates = self.updates.saturating_add(1);
        let length = dot(&self.g, &self.g).sqrt();
        let clip = if length > CLIP { CLIP / length } else { 1.0 };
        let [b1, b2] = BETA;
        let (c1, c2) = (1.0 - b1.powi(self.updates), 1.0 - b2.powi(self.updates));
        let (rate, root) = (RATE / c1, 1.0 / c2.sqrt());
        for (((p, g), m), v) in self.p.iter_mut().zip(&mut self.g).zip(&mut self.m).zip(&mut self.v)
        {
            let gradient = clip * *g;
            *g = 0.0;
            *m = b1 * *m + (1.0 - b1) * gradient;
            *v = b2 * *v + (1.0 - b2) * gradient * gradient;
            *p -= rate * *m / (v.sqrt() * root + EPSILON);
        }
    }
}

/// Gradient before the nonlinearities of a layer's gates; `dc` becomes that of the cell state one
/// step earlier.
fn gate_gradient(step: &LstmStep, layer: usize, dh: &[f32; H], dc: &mut [f32; H]) -> [f32; G] {
    let gates = &step.gates[layer];
    let mut d = [0.0; G];
    for j in 0..H {
        let [i, f, c, o] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]];
        let squashed = tanh(step.after.c[layer][j]);
        let cell = dc[j] + dh[j] * o * (1.0 - squashed * squashed);
        d[j] = cell * c * i * (1.0 - i);
        d[H + j] = cell * step.before.c[layer][j] * f * (1.0 - f);
        d[2 * H + j] = cell * i * (1.0 - c * c);
        d[3 * H + j] = dh[j] * squashed * o * (1.0 - o);
        dc[j] = cell * f;
    }
    d
}

/// `to += by * row`.
fn add(to: &mut [f32], by: f32, row: &[f32]) {
    to.iter_mut().zip(row).for_each(|(t, r)| *t += by * r);
}

/// Inner product, in eight sums so that it can run in parallel lanes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    let rest = a.chunks_exact(8).remainder().iter().zip(b.chunks_exact(8).remainder());
    sums.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean squared error of a fixed sequence from the zero state, and the window with its answers.
    fn run(net: &Net, rows: &[(usize, f32)]) -> (f32, Window) {
        let (mut state, mut window, mut loss) =
            (State::ZERO, Window::with_capacity(rows.len()), 0.0);
        for (i, (one, value)) in rows.iter().enumerate() {
            window.answer(*one, OUT - 1, *value);
            if let Some(step) = window.steps.last() {
                loss += step.error.iter().map(|e| e * e).sum::<f32>();
            }
            if i + 1 < rows.len() {
                net.step(*one, OUT - 1, *value, &mut state, &mut window);
            }
        }
        (loss / (OUT * (rows.len() - 1)) as f32, window)
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let rows = [(0, 0.3), (5, 0.9), (2, 0.1), (5, 0.4), (0, 0.7), (1, 0.2)];
        let mut net = Net::new(3);
        let (_, window) = run(&net, &rows);
        net.backward(&window);
        for at in [
            W1 + 7,
            W1 + 5 * G + 40,
            W1 + (OUT - 1) * G + 70,
            U1 + 9 * G + 100,
            B1 + 3,
            W2 + 77,
            U2 + 400,
            B2 + 99,
            V + 65,
            C + 5,
        ] {
            // Large enough for f32: the loss is about 0.02.
            let loss = |by: f32| {
                let mut other = net.clone();
                other.p[at] += by;
                f64::from(run(&other, &rows).0)
            };
            let slope = (loss(2e-2) - loss(-2e-2)) / 4e-2;
            assert!(
                (slope - f64::from(net.g[at])).abs() < 2e-6 + 0.03 * slope.abs(),
                "{at}: {slope} {}",
                net.g[at]
            );
        }
    }

    #[test]
    fn a_round_is_learnt() {
        let mut net = Net::new(1);
        let (mut state, mut window) = (State::ZERO, Window::with_capacity(16));
        let mut hits = 0;
        let mut next = [0.0f32; OUT];
        // 0 1 0 2 0 1 0 2 ...: what follows 0 needs the memory of two steps.
        for i in 0..4_000 {
            let one = [0, 1, 0, 2][i % 4];
            let best = (0..4).max_by(|a, b| next[*a].total_cmp(&next[*b])).unwrap();
            hits += usize::from(i >= 3_000 && best == one);
            if window.answer(one, OUT - 1, 0.1) == 16 {
                net.learn(&mut window);
            }
            next = net.step(one, OUT - 1, 0.1, &mut state, &mut window);
        }
        assert!(hits > 980, "{hits} of 1000");
    }
}
