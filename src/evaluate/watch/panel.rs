//! Who answers on a watch: one predictor, several, or a model with simple rules beside it.

use crate::predictor::Predictor;
use crate::predictor::heuristics::{Heuristic, Rule};

/// Names of the rules that stand beside a model, in the order of their seats.
pub const BASELINES: [&str; 5] = ["random", "fifo", "lifo", "followed", "eevdf"];

/// Predictors in a fixed order, by seats from 0.
pub trait Panel {
    /// How many there are.
    fn size(&self) -> usize;

    /// So many of the first have their forecasts kept until the outcome.
    fn kept(&self) -> usize {
        self.size()
    }

    /// So many of the first are asked for forecasts. A predictor that draws or learns goes on
    /// otherwise when it is not asked.
    fn asked(&self) -> usize {
        self.size()
    }

    /// Calls each with its seat.
    fn each(&mut self, with: impl FnMut(usize, &mut dyn Predictor));
}

impl<P: Predictor> Panel for P {
    fn size(&self) -> usize {
        1
    }

    fn each(&mut self, mut with: impl FnMut(usize, &mut dyn Predictor)) {
        with(0, self);
    }
}

/// Any predictors, in their order.
pub struct Everybody<'a, 'p>(pub &'a mut [Box<dyn Predictor + 'p>]);

impl Panel for Everybody<'_, '_> {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn each(&mut self, mut with: impl FnMut(usize, &mut dyn Predictor)) {
        self.0.iter_mut().enumerate().for_each(|(seat, predictor)| with(seat, &mut **predictor));
    }
}

/// A model in seat 0 and the [`BASELINES`] in those behind it. Forecasts are kept of the model
/// alone.
#[derive(Clone, Debug)]
pub struct Beside<E> {
    /// The model.
    pub model: E,
    baselines: Vec<Heuristic>,
    /// The baselines are asked for forecasts too, as in an evaluation.
    foretell: bool,
}

impl<E: Predictor> Beside<E> {
    /// There are no baselines.
    pub fn alone(model: E) -> Self {
        Self { model, baselines: Vec::new(), foretell: false }
    }

    /// The baselines are asked for picks alone.
    pub fn picking(model: E) -> Self {
        let rules = BASELINES.iter().filter_map(|name| Rule::parse(name));
        Self {
            model,
            baselines: rules.map(|rule| Heuristic::new(rule, 0)).collect(),
            foretell: false,
        }
    }

    /// The baselines are asked both questions, so that a seeded one goes on as in an evaluation.
    pub fn answering(model: E) -> Self {
        Self { foretell: true, ..Self::picking(model) }
    }

    /// The same baselines beside another model.
    pub fn map<F>(self, model: impl FnOnce(E) -> F) -> Beside<F> {
        Beside { model: model(self.model), baselines: self.baselines, foretell: self.foretell }
    }
}

impl<E: Predictor> Panel for Beside<E> {
    fn size(&self) -> usize {
        1 + self.baselines.len()
    }

    fn kept(&self) -> usize {
        1
    }

    fn asked(&self) -> usize {
        if self.foretell { self.size() } else { 1 }
    }

    fn each(&mut self, mut with: impl FnMut(usize, &mut dyn Predictor)) {
        with(0, &mut self.model);
        self.baselines.iter_mut().enumerate().for_each(|(i, rule)| with(1 + i, rule));
    }
}
