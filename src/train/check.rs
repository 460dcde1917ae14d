//! Which settings make sense: one place for the command line and for the form, so that both refuse
//! the same.

use super::{TrainConfig, settings};

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct Wrong {
    /// Its name in [`TrainConfig`] or in the model's size.
    pub setting: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl TrainConfig {
    /// The first setting that cannot be used.
    pub fn check(&self) -> Result<(), Wrong> {
        let wrong = |setting, problem: String| Err(Wrong { setting, problem });
        for setting in settings::all() {
            if let Some(problem) = setting.problem(self) {
                return wrong(setting.name, problem);
            }
        }
        if let Err(e) = self.device.check() {
            return wrong("device", e.to_string());
        }
        if let Some(both) = self.only.iter().find(|c| self.hold_out.contains(c)) {
            return wrong("hold_out", format!("{both} is to be trained on and held out"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::networks::{Kind, ModelConfig};

    #[test]
    fn the_defaults_are_right_and_wrong_values_are_named() {
        let good = TrainConfig::default();
        assert_eq!(good.check(), Ok(()));
        let names = |c: TrainConfig| c.check().map_err(|w| w.setting);
        assert_eq!(names(TrainConfig { epochs: 0, ..good.clone() }), Err("epochs"));
        assert_eq!(
            names(TrainConfig { learning_rate: f64::NAN, ..good.clone() }),
            Err("learning_rate")
        );
        assert_eq!(
            names(TrainConfig { learning_rate: 1e3, ..good.clone() }),
            Ok(()),
            "unwise, but possible"
        );
        assert_eq!(
            names(TrainConfig { forecast_weight: -1.0, ..good.clone() }),
            Err("forecast_weight")
        );
        let both =
            TrainConfig { only: vec!["a".into()], hold_out: vec!["a".into()], ..good.clone() };
        assert_eq!(names(both), Err("hold_out"));
        for kind in Kind::ALL {
            let of = TrainConfig { model: ModelConfig::of(kind), ..good.clone() };
            assert_eq!(of.check(), Ok(()));
            let model = ModelConfig { blocks: 13, ..of.model };
            assert_eq!(names(TrainConfig { model, ..of }), Err("blocks"));
        }
    }
}
