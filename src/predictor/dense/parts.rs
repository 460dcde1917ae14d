//! The parameters of a network by the names of [`ModelConfig::tensors`]: drawn afresh or read from
//! a model file, and taken out of a network by their places in it.

use crate::predictor::networks::{ModelConfig, Start, Tensor as Listed};
use crate::predictor::weights::Weights;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use std::collections::BTreeMap;

/// Makes parameters by their names.
pub(super) struct Parts<'a> {
    listed: BTreeMap<String, Listed>,
    /// `None`: they are drawn.
    weights: Option<&'a Weights>,
    device: &'a Device,
}

impl<'a> Parts<'a> {
    /// Each is drawn when it is asked for.
    pub fn fresh(config: &ModelConfig, device: &'a Device) -> Self {
        Self {
            listed: config.tensors().into_iter().map(|t| (t.name.clone(), t)).collect(),
            weights: None,
            device,
        }
    }

    /// Those of a model file.
    pub fn of(weights: &'a Weights, device: &'a Device) -> Self {
        Self { weights: Some(weights), ..Self::fresh(&weights.config, device) }
    }

    pub fn has(&self, name: &str) -> bool {
        self.listed.contains_key(name)
    }

    /// Names of the layers that begin with `kind`: `block0`, `block1`, ...
    pub fn layers(&self, kind: &str) -> impl Iterator<Item = String> {
        let is_there =
            |of: &String| self.listed.keys().any(|name| name.split('.').next() == Some(of));
        (0..).map(move |i| format!("{kind}{i}")).take_while(is_there)
    }

    /// A matrix; without elements for a name that is not listed.
    pub fn mat(&self, name: &str) -> Param<Tensor<2>> {
        Param::from_tensor(self.tensor(name))
    }

    /// A vector; as [`Self::mat`].
    pub fn vec(&self, name: &str) -> Param<Tensor<1>> {
        Param::from_tensor(self.tensor(name))
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let listed = self.listed.get(name);
        let shape: [usize; D] =
            listed.and_then(|t| t.shape.as_slice().try_into().ok()).unwrap_or([0; D]);
        if let Some(weights) = self.weights {
            return Tensor::from_data(
                TensorData::new(weights.get(name).to_vec(), shape),
                self.device,
            );
        }
        // Drawn at once, not lazily, so that all draws happen while the generator is this
        // network's.
        let drawn = |from: Distribution| Tensor::random(shape, from, self.device);
        match listed.map_or(Start::Zero, |t| t.start) {
            Start::Uniform(inputs) => {
                let k = 1.0 / (inputs as f64).sqrt();
                drawn(Distribution::Uniform(-k, k))
            }
            Start::Normal => drawn(Distribution::Normal(0.0, 0.5)),
            Start::Zero => Tensor::zeros(shape, self.device),
            Start::Fixed(value) => Tensor::full(shape, value, self.device),
            Start::Forget => {
                let n: usize = shape.iter().product();
                Tensor::from_data(
                    TensorData::new(super::lstm::fresh_bias(n / 4), shape),
                    self.device,
                )
            }
        }
    }
}

/// All numbers of a network, by the places of its fields.
pub(super) fn numbers<M: Module>(of: &M) -> BTreeMap<String, Vec<f32>> {
    let mut reader = Reader::default();
    of.visit(&mut reader);
    reader.found
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let numbers = param.val().into_data().try_into_vec::<f32>().unwrap_or_default();
        self.found.insert(self.path.join("."), numbers);
    }
}
