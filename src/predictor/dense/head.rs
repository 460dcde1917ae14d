//! The head of a question: scores every candidate from what is known of it, of the moment, and of
//! the sequence. One layer for all candidates, so that their order and number do not matter.

use super::parts::Parts;
use crate::predictor::networks::Question;
use burn::module::{Module, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Field names are those of the tensors `pick.*` and `forecast.*`.
#[derive(Module, Debug)]
pub(super) struct Head {
    row: Param<Tensor<2>>,
    query: Param<Tensor<2>>,
    state: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    second: Option<Param<Tensor<2>>>,
    second_bias: Option<Param<Tensor<1>>>,
    out: Param<Tensor<2>>,
    skip: Param<Tensor<2>>,
}

/// Questions of one kind over sequences of tokens. Rows of h count from 1; row 0 is "no token yet".
#[derive(Default)]
pub struct Questions {
    /// `[questions]`: row of h.
    pub rows: Vec<i32>,
    /// `[questions, QUERY or ASK]`, normalised.
    pub query: Vec<f32>,
    /// `[candidates of all questions, CAND or THREAD]`, normalised.
    pub candidates: Vec<f32>,
    /// `[candidates of all questions]`: the question each belongs to.
    pub of: Vec<i32>,
}

impl Head {
    /// Made by their names.
    pub(super) fn of(question: Question, parts: &Parts<'_>) -> Self {
        let name = |part: &str| format!("{}.{part}", question.label());
        let second = parts.has(&name("second"));
        Self {
            row: parts.mat(&name("row")),
            query: parts.mat(&name("query")),
            state: parts.mat(&name("state")),
            bias: parts.vec(&name("bias")),
            second: second.then(|| parts.mat(&name("second"))),
            second_bias: second.then(|| parts.vec(&name("second_bias"))),
            out: parts.mat(&name("out")),
            skip: parts.mat(&name("skip")),
        }
    }

    /// `[candidates]`.
    pub(super) fn scores(
        &self,
        of: Question,
        h: &Tensor<2>,
        asked: &Questions,
        device: &Device,
    ) -> Tensor<1> {
        let (n, m) = (asked.rows.len(), asked.of.len());
        let [row, query] = of.inputs();
        let ints = |v: &Vec<i32>| {
            Tensor::<1, Int>::from_data(TensorData::new(v.clone(), [v.len()]), device)
        };
        let query =
            Tensor::<2>::from_data(TensorData::new(asked.query.clone(), [n, query]), device);
        let rows =
            Tensor::<2>::from_data(TensorData::new(asked.candidates.clone(), [m, row]), device);
        let shared = query.matmul(self.query.val())
            + h.clone().select(0, ints(&asked.rows)).matmul(self.state.val())
            + self.bias.val().unsqueeze();
        let mut z = relu(rows.clone().matmul(self.row.val()) + shared.select(0, ints(&asked.of)));
        if let (Some(weight), Some(bias)) = (&self.second, &self.second_bias) {
            z = relu(z.matmul(weight.val()) + bias.val().unsqueeze());
        }
        (z.matmul(self.out.val()) + rows.matmul(self.skip.val())).reshape([m])
    }
}
