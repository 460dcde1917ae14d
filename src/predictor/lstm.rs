//! The LSTM that stands beside the TCN as its trunk (Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000), in
//! burn. Same inputs, same heads, same chunks. Time-major: what does not depend on the state is one product for all steps.
//!
//! ```text
//! [i f o g] = W x[t] + U h[t-1] + b      c = sigmoid(f) c + sigmoid(i) tanh(g)      h = sigmoid(o) tanh(c)
//! ```

use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor};

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

impl Cell {
    /// Zero, but one for the forget gate: at first the state is kept (Jozefowicz et al. 2015).
    pub(super) fn fresh_bias(c: usize, device: &Device) -> Param<Tensor<1>> {
        let one = |i: usize| if (c..2 * c).contains(&i) { 1.0 } else { 0.0 };
        let bias: Vec<f32> = (0..4 * c).map(one).collect();
        Param::from_tensor(Tensor::<1>::from_data(bias.as_slice(), device))
    }

    /// Runs over `x` `[T * sequences, C]`, time-major, from the zero state; gives h, of the same shape.
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
}

/// Cuts `x` into pieces of `n` rows, by halves: the backward pass of a slice fills a tensor of the size of what it was cut
/// from, so that cutting every step from the whole would take time in the square of the steps.
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
