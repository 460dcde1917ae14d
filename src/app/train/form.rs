//! The form that sets up a run: one field per setting, explained in one line, checked while one
//! types.

use super::size;
use crate::app::input::Key;
use crate::dataset::catalog::Kinds;
use crate::predictor::networks::{Kind, ModelConfig};
use crate::text::counted;
use crate::train::cost::{self, Pace};
use crate::train::memory::Outlook;
use crate::train::{Schedule, Target, TrainConfig};

/// A setting of the form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As in [`TrainConfig`]: errors name it.
    pub setting: &'static str,
    /// As shown.
    pub label: &'static str,
    /// One line about it.
    pub help: &'static str,
}

const fn field(setting: &'static str, label: &'static str, help: &'static str) -> Field {
    Field { setting, label, help }
}

/// All fields, what is changed most often first.
pub const FIELDS: [Field; 24] = [
    field(
        "kind",
        "model",
        "tcn sees a stretch of events, lstm remembers, mlp sees the last one (← →)",
    ),
    field(
        "only",
        "train on",
        "categories, separated by commas; empty: all of the bundled recordings",
    ),
    field(
        "hold_out",
        "hold out",
        "categories and machines left out of training and validation: unseen later",
    ),
    field("epochs", "epochs", "passes over the training recordings"),
    field(
        "learning_rate",
        "learning rate",
        "the highest step size; too high diverges, too low learns nothing",
    ),
    field(
        "schedule",
        "schedule",
        "how the rate changes over the run: one-cycle, cosine, constant (← → chooses)",
    ),
    field(
        "forecast_weight",
        "forecast weight",
        "weight of the forecast's loss beside the pick's; 0: picks only",
    ),
    field("channels", "channels", "width of the trunk: numbers remembered per event"),
    field("kernel", "kernel", "taps per convolution, 2 to 8"),
    field("blocks", "blocks", "residual blocks; each doubles how far back the network sees"),
    field("hidden", "pick head", "width of the layer that compares candidates of a pick"),
    field("hidden2", "second layer", "width of its second layer; 0: none"),
    field("forecast", "forecast head", "width of the layer that compares candidates of a forecast"),
    field("forecast2", "its second layer", "width of its second layer; 0: none"),
    field(
        "adapt",
        "learns on",
        "on: its last layer goes on learning while it answers; off: it is fixed (← →)",
    ),
    field("chunk", "chunk length", "scored events of one CPU in a row; the context comes on top"),
    field("batch", "batch", "chunks per step"),
    field("weight_decay", "weight decay", "how strongly weights are pulled to zero"),
    field("clip", "gradient clip", "gradients are cut at this norm, tensor by tensor"),
    field(
        "patience",
        "patience",
        "ends after so many epochs without a better validation; 0: never",
    ),
    field("seed", "seed", "the same seed gives the same run, bit for bit"),
    field("device", "device", "cpu; cuda or wgpu if the program was built with it; :N chooses one"),
    field(
        "kernels",
        "kernels",
        "releases that recordings may be of, by their beginnings; empty: all",
    ),
    field("traces", "recordings", "a folder with a catalog.toml; empty: the bundled recordings"),
];

/// A number from what was typed.
fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    let wrong = || {
        if text.is_empty() {
            format!("{what} is needed")
        } else {
            format!("\"{text}\" is not {what}")
        }
    };
    text.parse().map_err(|_| wrong())
}

fn on_off(on: bool) -> String {
    if on { "on" } else { "off" }.into()
}

/// A form being filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Text of each of [`FIELDS`].
    pub values: Vec<String>,
    /// The field one stands on.
    pub at: usize,
    /// The next character replaces the text: nothing was changed here yet.
    fresh: bool,
    kinds: Kinds,
    /// The memory that a run will meet, once that is known.
    pub outlook: Option<Outlook>,
    /// How fast the runs were that are known of.
    pub paces: Vec<Pace>,
}

/// What a key in the form came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is still being filled in.
    Going,
    /// It was closed.
    Closed,
    /// A run with these settings shall start.
    Start(Box<TrainConfig>),
}

/// Longest value.
const LONGEST: usize = 60;

/// What a setting names, and the names that it can have; none: not known here.
fn there(setting: &str, kinds: &Kinds) -> (&'static str, Vec<String>) {
    match setting {
        "only" => ("category", kinds.categories.clone()),
        "hold_out" => ("category or machine", [&kinds.categories[..], &kinds.machines].concat()),
        _ => ("", Vec::new()),
    }
}

impl Form {
    /// The settings of `config`; `kinds` are those that exist.
    pub fn new(config: &TrainConfig, kinds: Kinds) -> Self {
        let m = &config.model;
        let text = |setting: &str| match setting {
            "kind" => m.kind.label().into(),
            "only" => config.only.join(","),
            "hold_out" => config.hold_out.join(","),
            "epochs" => config.epochs.to_string(),
            "learning_rate" => config.learning_rate.to_string(),
            "schedule" => config.schedule.label().into(),
            "forecast_weight" => config.forecast_weight.to_string(),
            "channels" => m.channels.to_string(),
            "kernel" => m.kernel.to_string(),
            "blocks" => m.blocks.to_string(),
            "hidden" => m.hidden.to_string(),
            "hidden2" => m.hidden2.to_string(),
            "forecast" => m.forecast.to_string(),
            "forecast2" => m.forecast2.to_string(),
            "adapt" => on_off(m.adapt),
            "chunk" => config.chunk.to_string(),
            "batch" => config.batch.to_string(),
            "weight_decay" => config.weight_decay.to_string(),
            "clip" => config.clip.to_string(),
            "patience" => config.patience.to_string(),
            "seed" => config.seed.to_string(),
            "device" => config.device.to_string(),
            "kernels" => config.kernels.join(","),
            _ => config.traces.as_ref().map_or_else(String::new, |p| p.display().to_string()),
        };
        Self {
            values: FIELDS.iter().map(|f| text(f.setting)).collect(),
            at: 0,
            fresh: true,
            kinds,
            outlook: None,
            paces: Vec::new(),
        }
    }

    fn get(&self, setting: &str) -> &str {
        let place = FIELDS.iter().position(|f| f.setting == setting);
        place.and_then(|i| self.values.get(i)).map_or("", |v| v.trim())
    }

    /// The settings, or the field that cannot be used and why.
    pub fn config(&self) -> Result<TrainConfig, (usize, String)> {
        self.weighed().map(|(config, _)| config)
    }

    /// What should be known of settings that can be used.
    pub fn warning(&self) -> Option<String> {
        self.weighed().ok()?.1
    }

    /// What a run with these settings will be; empty where they cannot be used.
    pub fn ahead(&self) -> String {
        let Ok(config) = self.config() else { return String::new() };
        let mut parts = vec![size::size(&config.model)];
        let recordings = self.outlook.as_ref().map_or(0, |outlook| outlook.training(&config));
        if recordings > 0 {
            parts.push(counted(recordings as u64, "recording"));
        }
        if let Some((pace, seconds)) = cost::expected(&self.paces, &config) {
            parts.push(size::time(pace, seconds));
        }
        parts.join("; ")
    }

    fn weighed(&self) -> Result<(TrainConfig, Option<String>), (usize, String)> {
        let place = |setting: &str| FIELDS.iter().position(|f| f.setting == setting).unwrap_or(0);
        let wrong = |setting: &str, problem: String| (place(setting), problem);
        let whole = |setting: &'static str| -> Result<usize, (usize, String)> {
            number(self.get(setting), "a whole number").map_err(|e| wrong(setting, e))
        };
        let real = |setting: &'static str| -> Result<f64, (usize, String)> {
            number(self.get(setting), "a number").map_err(|e| wrong(setting, e))
        };
        let list = |setting: &'static str| -> Result<Vec<String>, (usize, String)> {
            let names = self.get(setting).split(',').map(str::trim).filter(|n| !n.is_empty());
            let names: Vec<String> = names.map(String::from).collect();
            // With recordings of one's own it is not known before they are read what there is.
            let (what, there) = there(setting, &self.kinds);
            let known = self.get("traces").is_empty() && !there.is_empty();
            match names.iter().find(|n| known && !there.contains(n)) {
                Some(name) => {
                    Err(wrong(setting, format!("no {what} {name}; there are {}", there.join(", "))))
                }
                None => Ok(names),
            }
        };
        let mut config = TrainConfig {
            only: list("only")?,
            hold_out: list("hold_out")?,
            kernels: list("kernels")?,
            epochs: whole("epochs")?,
            learning_rate: real("learning_rate")?,
            schedule: self.get("schedule").parse().map_err(|e| wrong("schedule", e))?,
            forecast_weight: real("forecast_weight")? as f32,
            chunk: whole("chunk")?,
            batch: whole("batch")?,
            weight_decay: real("weight_decay")? as f32,
            clip: real("clip")? as f32,
            patience: whole("patience")?,
            seed: number(self.get("seed"), "a whole number").map_err(|e| wrong("seed", e))?,
            device: self.get("device").parse().map_err(|e| wrong("device", e))?,
            traces: Some(self.get("traces")).filter(|t| !t.is_empty()).map(Into::into),
            ..TrainConfig::default()
        };
        let m = &mut config.model;
        *m = ModelConfig::of(self.get("kind").parse().map_err(|e| wrong("kind", e))?);
        (m.channels, m.kernel, m.blocks) = (whole("channels")?, whole("kernel")?, whole("blocks")?);
        (m.hidden, m.hidden2) = (whole("hidden")?, whole("hidden2")?);
        (m.forecast, m.forecast2) = (whole("forecast")?, whole("forecast2")?);
        m.adapt = match self.get("adapt") {
            "on" => true,
            "off" => false,
            _ => return Err(wrong("adapt", "on or off".into())),
        };
        config.check().map_err(|w| wrong(w.setting, w.problem))?;
        let outlook = self.outlook.as_ref();
        let tight = outlook
            .map_or(Ok(None), |o| o.check(&config))
            .map_err(|w| wrong(w.setting, w.problem))?;
        Ok((config, tight))
    }

    /// Goes to another field.
    pub fn go(&mut self, to: usize) {
        self.at = to.min(FIELDS.len() - 1);
        self.fresh = true;
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Answer {
        let value = &mut self.values[self.at];
        match key {
            Key::Esc => return Answer::Closed,
            Key::Enter => match self.config() {
                Ok(config) => return Answer::Start(Box::new(config)),
                Err((at, _)) => self.go(at),
            },
            Key::Up | Key::BackTab => self.go(self.at.saturating_sub(1)),
            Key::Down | Key::Tab => self.go(self.at + 1),
            Key::Home | Key::PageUp => self.go(0),
            Key::End | Key::PageDown => self.go(usize::MAX),
            Key::Left | Key::Right => self.turn(key == Key::Right),
            Key::Backspace => {
                value.pop();
                self.fresh = false;
            }
            Key::Ctrl('u') => value.clear(),
            Key::Char(c) if value.chars().count() < LONGEST || self.fresh => {
                // A category is added to those that are there; a number is typed anew.
                if std::mem::take(&mut self.fresh)
                    && !matches!(
                        FIELDS[self.at].setting,
                        "only" | "hold_out" | "kernels" | "traces"
                    )
                {
                    value.clear();
                }
                value.push(c);
            }
            _ => {}
        }
        Answer::Going
    }

    /// The next or the previous of the values that a field can have; for a number, twice or half of
    /// it.
    fn turn(&mut self, forward: bool) {
        let value = &mut self.values[self.at];
        let next = |names: &[String], now: &str| {
            let at = names.iter().position(|n| n == now).unwrap_or(0);
            let n = names.len().max(1);
            names.get((at + if forward { 1 } else { n - 1 }) % n).cloned().unwrap_or_default()
        };
        match FIELDS[self.at].setting {
            "kind" => {
                *value = next(&Kind::ALL.map(|k| k.label().to_owned()), value);
                // What is a good size for one kind makes no sense for another.
                let of = ModelConfig::of(value.parse().unwrap_or_default());
                for (setting, n) in
                    [("channels", of.channels), ("kernel", of.kernel), ("blocks", of.blocks)]
                {
                    if let Some(i) = FIELDS.iter().position(|f| f.setting == setting) {
                        self.values[i] = n.to_string();
                    }
                }
                if let Some(i) = FIELDS.iter().position(|f| f.setting == "adapt") {
                    self.values[i] = on_off(of.adapt);
                }
            }
            "adapt" => *value = next(&[true, false].map(on_off), value),
            "device" => *value = next(&Target::KINDS.map(String::from), value),
            "schedule" => *value = next(&Schedule::ALL.map(|s| s.label().to_owned()), value),
            setting @ ("only" | "hold_out") => {
                let mut names = there(setting, &self.kinds).1;
                names.insert(0, String::new());
                *value = next(&names, value);
            }
            "kernels" | "traces" => {}
            "learning_rate" | "weight_decay" | "clip" | "forecast_weight" => {
                if let Ok(x) = value.parse::<f64>() {
                    let x = if forward { x * 2.0 } else { x / 2.0 };
                    *value = format!("{}", (x * 1e9).round() / 1e9);
                }
            }
            _ => {
                if let Ok(x) = value.parse::<usize>() {
                    *value =
                        if forward { x.saturating_add(1) } else { x.saturating_sub(1) }.to_string();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let categories = vec!["hackbench".into(), "io_mixed".into()];
        Form::new(&TrainConfig::default(), Kinds { categories, machines: vec!["6.12x8".into()] })
    }

    fn type_into(form: &mut Form, setting: &str, text: &str) {
        form.go(FIELDS.iter().position(|f| f.setting == setting).unwrap());
        text.chars().for_each(|c| assert_eq!(form.key(Key::Char(c)), Answer::Going));
    }

    #[test]
    fn the_defaults_start_as_they_are() {
        assert_eq!(form().config(), Ok(TrainConfig::default()));
        assert_eq!(form().key(Key::Enter), Answer::Start(Box::default()));
        assert!(FIELDS.iter().all(|f| !f.help.is_empty() && f.help.chars().count() <= 78));
    }

    #[test]
    fn what_is_typed_replaces_and_is_checked_in_place() {
        let mut form = form();
        type_into(&mut form, "epochs", "3");
        type_into(&mut form, "learning_rate", "1e3");
        type_into(&mut form, "hold_out", "io_mixed,6.12x8");
        let config = form.config().unwrap();
        assert_eq!(
            (config.epochs, config.learning_rate, config.hold_out),
            (3, 1e3, vec!["io_mixed".to_owned(), "6.12x8".to_owned()])
        );
        for (setting, text, problem) in [
            ("epochs", "0", "not in 1"),
            ("epochs", "many", "\"many\" is not a whole number"),
            ("kernel", "1", "not in 2"),
            ("learning_rate", "-1", "not a positive"),
            ("seed", "1.5", "not a whole"),
            ("only", "io_mixed", "held out"),
            ("device", "gpu", "is no device"),
        ] {
            let mut bad = form.clone();
            type_into(&mut bad, setting, text);
            let (_, why) = bad.config().unwrap_err();
            assert!(why.contains(problem), "{setting} {text}: {why}");
            assert_eq!(bad.key(Key::Enter), Answer::Going, "refused");
        }
        let mut unknown = form.clone();
        type_into(&mut unknown, "only", "hackbnch");
        let (at, why) = unknown.config().unwrap_err();
        assert_eq!(
            (FIELDS[at].setting, why.as_str()),
            ("only", "no category hackbnch; there are hackbench, io_mixed")
        );
    }

    #[test]
    fn arrows_walk_and_choose() {
        let mut form = form();
        form.key(Key::Right);
        assert_eq!(
            (form.values[0].as_str(), form.config().map(|c| c.model)),
            ("lstm", Ok(ModelConfig::of(Kind::Lstm)))
        );
        form.key(Key::Left);
        assert_eq!(form.config(), Ok(TrainConfig::default()));
        form.key(Key::Down);
        form.key(Key::Right);
        assert_eq!(form.values[1], "hackbench");
        form.key(Key::Left);
        form.key(Key::Down);
        form.key(Key::Down);
        form.key(Key::Right);
        let more = (TrainConfig::default().epochs + 1).to_string();
        assert_eq!((form.values[1].as_str(), &form.values[3]), ("", &more));
        form.key(Key::Backspace);
        assert_eq!(form.values[3], more[..more.len() - 1]);
        form.go(5);
        form.key(Key::Left);
        assert_eq!(form.values[5], "constant");
        assert_eq!(form.key(Key::Esc), Answer::Closed);
    }
}
