//! The LSTM that stands beside the TCN as its trunk (Hochreiter and Schmidhuber 1997, with the
//! forget gate of Gers 2000), in burn. Same inputs, same heads, same chunks. Time-major: what does
//! not depend on the state is one product for all steps. There are two ways through it: `run` is
//! written in burn's operations alone, the reference for everything else; `cut` is for training:
//! the recurrence runs in plain Rust (`steps`), outside the graph, and so does its backward pass.
//!
//! ```text
//! [i f o g] = W x[t] + U h[t-1] + b      c = sigmoid(f) c + sigmoid(i) tanh(g)      h = sigmoid(o) tanh(c)
//! ```

mod steps;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Gradients, Tensor, TensorData};
use steps::Steps;

/// A layer. The gates lie side by side: input, forget, output, and the new content.
#[derive(Module, Debug)]
pub(super) struct Cell {
    /// W, `[C, 4C]`.
    pub input: Param<Tensor<2>>,
    /// U, `[C, 4C]`.
    pub recurrent: Param<Tensor<2>>,
    /// b, `[4C]`.
    pub bias: Param<Tensor<1>>,
}

/// A layer's bias before training, `[4C]`: zero, but one for the forget gate, so that at first the
/// state is kept (Jozefowicz et al. 2015).
pub(super) fn fresh_bias(c: usize) -> Vec<f32> {
    let one = |i: usize| if (c..2 * c).contains(&i) { 1.0 } else { 0.0 };
    (0..4 * c).map(one).collect()
}

impl Cell {
    /// Runs over `x` `[T * sequences, C]`, time-major, from the zero state; gives h, of the same
    /// shape.
    pub(super) fn run(&self, x: &Tensor<2>, sequences: usize) -> Tensor<2> {
        let [rows, c] = x.dims();
        let (n, device) = (sequences, x.device());
        let given = x.clone().matmul(self.input.val()) + self.bias.val().unsqueeze();
        let mut steps = Vec::with_capacity(rows / n.max(1));
        halve(given, n, &mut steps);
        let u = self.recurrent.val();
        let mut state: Option<(Tensor<2>, Tensor<2>)> = None;
        let mut all = Vec::with_capacity(steps.len());
        for given in steps {
            let gates = match &state {
                Some((h, _)) => h.clone().matmul(u.clone()) + given,
                None => given,
            };
            let open = sigmoid(gates.clone().slice([0..n, 0..3 * c]));
            let new = open.clone().slice([0..n, 0..c]) * tanh(gates.slice([0..n, 3 * c..4 * c]));
            let kept = match state {
                Some((_, kept)) => open.clone().slice([0..n, c..2 * c]) * kept + new,
                None => new,
            };
            let h = open.slice([0..n, 2 * c..3 * c]) * tanh(kept.clone());
            all.push(h.clone());
            state = Some((h, kept));
        }
        if all.is_empty() { Tensor::zeros([0, c], &device) } else { Tensor::cat(all, 0) }
    }

    /// As [`Self::run`], but the graph is cut at h: the backward pass from h on is that of the
    /// [`Cut`].
    pub(super) fn cut(&self, x: &Tensor<2>, sequences: usize) -> (Tensor<2>, Cut) {
        let [rows, c] = x.dims();
        let given = x.clone().matmul(self.input.val()) + self.bias.val().unsqueeze();
        let u = self.recurrent.val();
        let steps = Steps::run(numbers(&given), &numbers(&u), sequences, c);
        let h = Tensor::from_data(TensorData::new(steps.h.clone(), [rows, c]), &x.device())
            .require_grad();
        (h.clone(), Cut { given, u, steps, h })
    }
}

/// Cuts `x` into pieces of `n` rows, by halves: the backward pass of a slice fills a tensor of the
/// size of what it was cut from, so that cutting every step from the whole would take time in the
/// square of the steps.
fn halve(x: Tensor<2>, n: usize, into: &mut Vec<Tensor<2>>) {
    let [rows, width] = x.dims();
    let steps = rows / n.max(1);
    if steps > 1 {
        let at = steps / 2 * n;
        halve(x.clone().slice([0..at, 0..width]), n, into);
        halve(x.slice([at..rows, 0..width]), n, into);
    } else if steps == 1 {
        into.push(x);
    }
}

/// A place where the graph of a training step was cut, with what leads on from there.
pub struct Cut {
    given: Tensor<2>,
    u: Tensor<2>,
    steps: Steps,
    h: Tensor<2>,
}

impl Cut {
    /// Goes on backwards below h, given the gradients above it.
    fn backward(&self, above: &Gradients) -> Option<Gradients> {
        let [rows, c] = self.h.dims();
        let (at_h, device) = (self.h.grad(above)?, self.h.device());
        let at_gates = self.steps.back(&numbers(&at_h), &numbers(&self.u));
        let at_gates = Tensor::<2>::from_data(TensorData::new(at_gates, [rows, 4 * c]), &device);
        let before =
            Tensor::<2>::from_data(TensorData::new(self.steps.before(), [rows, c]), &device);
        // The gradient of this sum below the gates is the loss's: x, W, b and U are where they
        // stand in the formula.
        let gates = self.given.clone() + before.matmul(self.u.clone());
        Some((gates * at_gates).sum().backward())
    }
}

/// Gradients of all parameters of `model` from those of its loss, through the `cuts` (the last one
/// first).
pub(super) fn gradients<M: Module>(loss: &Tensor<1>, cuts: &[Cut], model: &M) -> GradientsParams {
    let mut all = GradientsParams::new();
    let mut grads = loss.backward();
    model.visit(&mut Collector { grads: &grads, all: &mut all });
    for cut in cuts.iter().rev() {
        let Some(below) = cut.backward(&grads) else { break };
        grads = below;
        model.visit(&mut Collector { grads: &grads, all: &mut all });
    }
    all
}

/// Notes the gradients that are there.
struct Collector<'a> {
    grads: &'a Gradients,
    all: &'a mut GradientsParams,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = param.val().grad(self.grads) {
            self.all.register(param.id, grad);
        }
    }
}

fn numbers(of: &Tensor<2>) -> Vec<f32> {
    of.to_data().try_into_vec().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_cut_gives_the_values_and_gradients_of_the_reference() {
        let (device, c, n, steps) = (Device::flex().autodiff(), 5, 3, 7);
        let waves = |rows: usize, cols: usize, pace: f32| {
            let data: Vec<f32> = (0..rows * cols).map(|i| (i as f32 * pace).sin()).collect();
            Tensor::<2>::from_data(TensorData::new(data, [rows, cols]), &device)
        };
        let param =
            |rows: usize, cols: usize, pace: f32| Param::from_tensor(waves(rows, cols, pace));
        let cells = [0.7, 1.3].map(|pace| Cell {
            input: param(c, 4 * c, pace),
            recurrent: param(c, 4 * c, pace + 0.1),
            bias: Param::from_tensor(Tensor::<1>::from_data(fresh_bias(c).as_slice(), &device)),
        });
        // Two layers on one another, under a parameter that only they lead to.
        let below = param(n * steps, c, 0.3);
        let wanted = waves(n * steps, c, 0.9);
        let loss = |h: Tensor<2>| (h * wanted.clone()).sum();
        let reference = cells[1].run(&cells[0].run(&below.val(), n), n);
        let (h, first) = cells[0].cut(&below.val(), n);
        let (h, second) = cells[1].cut(&h, n);
        let far =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far(&numbers(&reference), &numbers(&h)) < 1e-5);
        let model = (cells.to_vec(), below);
        let plain = gradients(&loss(reference), &[], &model);
        let cut = gradients(&loss(h), &[first, second], &model);
        assert_eq!((plain.len(), cut.len()), (7, 7));
        for id in model.0.iter().flat_map(|c| [c.input.id, c.recurrent.id]).chain([model.1.id]) {
            let [a, b] = [&plain, &cut].map(|g| numbers(&g.get::<2>(id).unwrap()));
            assert!(far(&a, &b) < 1e-4 && a.iter().any(|x| x.abs() > 0.1), "{a:?} and {b:?}");
        }
        for cell in &model.0 {
            let [a, b] = [&plain, &cut].map(|g| g.get::<1>(cell.bias.id).unwrap().into_data());
            assert!(
                far(&a.try_into_vec::<f32>().unwrap(), &b.try_into_vec::<f32>().unwrap()) < 1e-4
            );
        }
    }
}
