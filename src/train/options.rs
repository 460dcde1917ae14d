//! A run's settings as options of `koracle train`: for a file of them, and for the command line
//! that makes the same run.

use super::TrainConfig;
use crate::predictor::networks::ModelConfig;
use toml::Value;

/// The options of `koracle train` and their values, in the order in which they are written;
/// `memory-limit` is not kept with a run.
pub fn settings(c: &TrainConfig) -> Vec<(&'static str, Value)> {
    let m = &c.model;
    let whole = |n: usize| Value::Integer(n as i64);
    // As it was written: an `f32` as a wider number has digits that nobody typed.
    let real = |x: f32| Value::Float(x.to_string().parse().unwrap_or(f64::from(x)));
    let text = |s: &str| Value::String(s.to_owned());
    let on = |on: bool| text(if on { "on" } else { "off" });
    let list = |of: &[String]| Value::Array(of.iter().map(|s| text(s)).collect());
    let kind = m.kind;
    let mut all = vec![
        ("model", text(m.kind.label())),
        ("channels", whole(m.channels)),
        ("taps", whole(m.kernel)),
        ("blocks", whole(m.blocks)),
        ("hidden", whole(m.hidden)),
        ("hidden2", whole(m.hidden2)),
        ("forecast", whole(m.forecast)),
        ("forecast2", whole(m.forecast2)),
        ("adapt", on(m.adapt)),
        ("only", list(&c.only)),
        ("hold-out", list(&c.hold_out)),
        ("kernel", list(&c.kernels)),
        ("epochs", whole(c.epochs)),
        ("patience", whole(c.patience)),
        ("seed", i64::try_from(c.seed).map_or_else(|_| text(&c.seed.to_string()), Value::Integer)),
        ("lr", Value::Float(c.learning_rate)),
        ("schedule", text(c.schedule.label())),
        ("weight-decay", real(c.weight_decay)),
        ("clip", real(c.clip)),
        ("balance", on(c.balance)),
        ("forecast-weight", real(c.forecast_weight)),
        ("batch", whole(c.batch)),
        ("chunk", whole(c.chunk)),
        ("device", text(&c.device.to_string())),
    ];
    all.retain(|(name, _)| match *name {
        "taps" => kind.has("kernel"),
        // Of the recordings, not of the network.
        "kernel" => true,
        other => kind.has(other),
    });
    if let Some(traces) = &c.traces {
        all.push(("traces", text(&traces.display().to_string())));
    }
    all
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
            weight_decay: 0.1,
            balance: false,
            hold_out: vec!["hackbench".into(), "6.12x8".into()],
            traces: Some("it's here".into()),
            model: ModelConfig { channels: 24, ..ModelConfig::of(Kind::Lstm) },
            ..TrainConfig::default()
        };
        let said = [
            "koracle train --model lstm --channels 24 --hold-out hackbench --hold-out 6.12x8",
            r"--epochs 3 --lr 0.001 --weight-decay 0.1 --balance off --traces 'it'\''s here'",
        ];
        assert_eq!(command_line(&config), said.join(" "));
    }
}
