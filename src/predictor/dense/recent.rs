//! The part of the forecast head that scores each thread of the CPU's recency list by what is known about it: is it
//! waiting, asleep, due; who voted for it. One layer shared by all of them, so that a class is no fixed output.

use super::Asks;
use crate::features::{RANKS, RECENT, VOTERS};
use burn::module::{Module, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

/// Threads behind the classes from 1 on.
const CLASSES: usize = RANKS - 2;
/// Inputs of a row: what is known of the thread, then a flag for each voter that named it.
const WIDTH: usize = RECENT + VOTERS;

/// Field names are those of the tensors `recent.*`.
#[derive(Module, Debug)]
pub(super) struct Recent {
    row: Param<Tensor<2>>,
    state: Param<Tensor<2>>,
    votes: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    out: Param<Tensor<2>>,
    skip: Param<Tensor<2>>,
}

impl Recent {
    /// Made by their names.
    pub(super) fn of(mat: &dyn Fn(&str) -> Param<Tensor<2>>, vec: &dyn Fn(&str) -> Param<Tensor<1>>) -> Self {
        Self {
            row: mat("recent.row"),
            state: mat("recent.state"),
            votes: mat("recent.votes"),
            bias: vec("recent.bias"),
            out: mat("recent.out"),
            skip: mat("recent.skip"),
        }
    }

    /// `[forecasts, RANKS]`; 0 for the running one and for any other.
    pub(super) fn scores(&self, h: &Tensor<2>, asks: &Asks, device: &Device) -> Tensor<2> {
        let n = asks.rows.len();
        let mut rows = vec![0.0_f32; n * CLASSES * WIDTH];
        for (i, (of, votes)) in rows.chunks_exact_mut(CLASSES * WIDTH).zip(asks.votes.chunks_exact(VOTERS)).enumerate()
        {
            let from = &asks.recent[i * CLASSES * RECENT..(i + 1) * CLASSES * RECENT];
            for (to, from) in of.chunks_exact_mut(WIDTH).zip(from.chunks_exact(RECENT)) {
                to[..RECENT].copy_from_slice(from);
            }
            for (j, &vote) in votes.iter().enumerate() {
                if (1..=CLASSES).contains(&usize::from(vote)) {
                    of[(usize::from(vote) - 1) * WIDTH + RECENT + j] = 1.0;
                }
            }
        }
        let rows = Tensor::<2>::from_data(TensorData::new(rows, [n * CLASSES, WIDTH]), device);
        let vote_x = Tensor::<2>::from_data(TensorData::new(asks.vote_x.clone(), [n, VOTERS]), device);
        let k = self.bias.val().dims()[0];
        let shared = h.clone().matmul(self.state.val()) + vote_x.matmul(self.votes.val()) + self.bias.val().unsqueeze();
        let z = rows.clone().matmul(self.row.val()).reshape([n, CLASSES, k]) + shared.reshape([n, 1, k]);
        let z = relu(z.reshape([n * CLASSES, k])).matmul(self.out.val()) + rows.matmul(self.skip.val());
        let blank = Tensor::<2>::zeros([n, 1], device);
        Tensor::cat(vec![blank.clone(), z.reshape([n, CLASSES]), blank], 1)
    }
}
