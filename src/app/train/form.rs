//! The form that sets up a run: one field per setting, explained in one line, checked while one
//! types.

mod choose;
mod fields;

pub use fields::{FIELDS, Field};

use super::size;
use crate::app::input::Key;
use crate::dataset::catalog::Kinds;
use crate::predictor::networks::{Kind, ModelConfig};
use crate::train::TrainConfig;
use crate::train::cost::{self, Pace, Pass};
use crate::train::memory::Outlook;

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
    /// The kind of network whose sizes stand in the fields.
    kind: Kind,
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
            kind: m.kind,
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
            let pass = Pass::ahead(&self.paces, &config, recordings);
            parts.push(size::course_ahead(&pass, config.epochs));
            let pace = cost::like(&self.paces, &config);
            parts.push(pace.map_or_else(
                || "how long it takes is known after its first steps".into(),
                |pace| size::time(pace, pace.seconds(pass.steps * config.epochs)),
            ));
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

    /// The fields that the chosen kind of network has, as places in [`FIELDS`].
    pub fn rows(&self) -> Vec<usize> {
        (0..FIELDS.len()).filter(|i| self.kind.has(FIELDS[*i].setting)).collect()
    }

    /// What a field is called, and one line about it.
    pub fn about(&self, at: usize) -> (&'static str, &'static str) {
        match FIELDS.get(at) {
            Some(f) if f.setting == "blocks" && self.kind == Kind::Lstm => {
                ("layers", "layers of the LSTM, one above the other")
            }
            Some(f) => (f.label, f.help),
            None => ("", ""),
        }
    }

    /// The names that the field one stands on can hold; empty for others.
    pub fn names(&self) -> Vec<String> {
        there(FIELDS[self.at].setting, &self.kinds).1
    }

    /// Goes so many fields down, or up.
    fn step(&mut self, by: isize) {
        let rows = self.rows();
        let here = rows.iter().position(|i| *i == self.at).unwrap_or(0);
        self.go(rows[here.saturating_add_signed(by).min(rows.len() - 1)]);
    }

    /// Goes to another field.
    pub fn go(&mut self, to: usize) {
        self.at = to.min(FIELDS.len() - 1);
        self.fresh = true;
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Answer {
        let answer = self.take(key);
        // What is a good size for one kind makes no sense for another.
        if let Ok(kind) = self.get("kind").parse::<Kind>()
            && kind != self.kind
        {
            self.kind = kind;
            self.resize();
        }
        answer
    }

    fn take(&mut self, key: Key) -> Answer {
        if key == Key::Tab && self.complete() {
            return Answer::Going;
        }
        let value = &mut self.values[self.at];
        match key {
            Key::Esc => return Answer::Closed,
            Key::Enter => match self.config() {
                Ok(config) => return Answer::Start(Box::new(config)),
                Err((at, _)) => self.go(at),
            },
            Key::Up | Key::BackTab => self.step(-1),
            Key::Down | Key::Tab => self.step(1),
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
    fn names_are_completed_and_gone_through() {
        let mut form = form();
        type_into(&mut form, "hold_out", "h");
        assert_eq!((form.key(Key::Tab), form.values[2].as_str()), (Answer::Going, "hackbench"));
        type_into(&mut form, "hold_out", ",");
        let names = ["io_mixed", "6.12x8", ""].map(|name| format!("hackbench,{name}"));
        for name in &names {
            form.key(Key::Right);
            assert_eq!(form.values[2], *name, "what is there already is not offered again");
        }
        form.key(Key::Left);
        assert_eq!(form.config().unwrap().hold_out, ["hackbench", "6.12x8"]);
        form.key(Key::Tab);
        assert_eq!(FIELDS[form.at].setting, "epochs", "nothing is left to complete");
    }

    #[test]
    fn a_kind_of_network_has_the_fields_that_it_can_be_told() {
        let mut form = form();
        let settings = |form: &Form| -> Vec<&str> {
            form.rows().into_iter().map(|i| FIELDS[i].setting).collect()
        };
        type_into(&mut form, "kind", "lstm");
        assert_eq!(form.config().map(|c| c.model), Ok(ModelConfig::of(Kind::Lstm)));
        let at = FIELDS.iter().position(|f| f.setting == "blocks").unwrap();
        assert!(!settings(&form).contains(&"kernel") && form.about(at).0 == "layers");
        form.go(FIELDS.iter().position(|f| f.setting == "channels").unwrap());
        form.key(Key::Down);
        assert_eq!(form.at, at, "past what is not there");
        type_into(&mut form, "kind", "mlp");
        assert!(!settings(&form).contains(&"blocks") && settings(&form).contains(&"hidden"));
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
