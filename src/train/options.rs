//! A run's settings as options of `koracle train`: for a file of them, and for the command line
//! that makes the same run.

use super::{TrainConfig, settings};
use crate::predictor::networks::ModelConfig;
use toml::Value;

/// The options of `koracle train` and their values, in the order in which they are written;
/// `memory-limit` is not kept with a run, and of its size a network has what its kind has a choice
/// in.
pub fn settings(config: &TrainConfig) -> Vec<(&'static str, Value)> {
    let kind = config.model.kind;
    let of_kind = settings::all().filter(|setting| kind.has(setting.name));
    of_kind.filter_map(|setting| Some((setting.option, setting.of(config).toml()?))).collect()
}

/// The command line that starts a run with these settings: what is as usual is left out.
pub fn command_line(config: &TrainConfig) -> String {
    let model = ModelConfig::of(config.model.kind);
    let usual = settings(&TrainConfig { model, ..TrainConfig::default() });
    let said = settings(config).into_iter().filter(|(name, value)| {
        let as_usual = usual.iter().any(|(other, usual)| other == name && usual == value);
        *name == "model" || !as_usual
    });
    said.fold("koracle train".to_owned(), |line, (name, value)| {
        let values = match value {
            Value::Array(list) => list,
            one => vec![one],
        };
        values.iter().fold(line, |line, value| format!("{line} --{name} {}", word(value)))
    })
}

/// A value as it is typed in a shell.
fn word(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+/:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::networks::Kind;

    #[test]
    fn only_what_differs_from_the_usual_is_on_the_command_line() {
        assert_eq!(command_line(&TrainConfig::default()), "koracle train --model tcn");
        let config = TrainConfig {
            epochs: 3,
            learning_rate: 1e-3,
            weight_decay: 0.2,
            balance: false,
            hold_out: vec!["hackbench".into(), "6.12x8".into()],
            traces: Some("it's here".into()),
            model: ModelConfig { channels: 24, ..ModelConfig::of(Kind::Lstm) },
            ..TrainConfig::default()
        };
        let said = [
            "koracle train --model lstm --channels 24 --hold-out hackbench --hold-out 6.12x8",
            r"--epochs 3 --lr 0.001 --weight-decay 0.2 --balance off --traces 'it'\''s here'",
        ];
        assert_eq!(command_line(&config), said.join(" "));
    }
}
