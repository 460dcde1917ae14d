//! The form that sets up a run: one field per setting, explained in one line, checked while one
//! types.

mod choose;
mod fields;

pub use fields::FIELDS;

use fields::place;

use super::size;
use crate::app::input::Key;
use crate::dataset::catalog::Kinds;
use crate::predictor::networks::Kind;
use crate::train::cost::{self, Pace, Pass};
use crate::train::memory::Outlook;
use crate::train::settings::{Input, Setting};
use crate::train::{TrainConfig, Wrong};
use std::ffi::OsStr;

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

/// How a field is typed.
fn input(at: usize) -> Input {
    FIELDS[at].of(&TrainConfig::default()).input()
}

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
        Self {
            values: FIELDS.iter().map(|f| f.of(config).text()).collect(),
            at: 0,
            fresh: true,
            kind: config.model.kind,
            kinds,
            outlook: None,
            paces: Vec::new(),
        }
    }

    fn get(&self, setting: &str) -> &str {
        place(setting).and_then(|i| self.values.get(i)).map_or("", |v| v.trim())
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
        let mut config = TrainConfig::default();
        for (i, (setting, text)) in FIELDS.iter().zip(&self.values).enumerate() {
            self.read(setting, text.trim(), &mut config).map_err(|problem| (i, problem))?;
        }
        let wrong = |w: Wrong| (place(w.setting).unwrap_or(0), w.problem);
        config.check().map_err(wrong)?;
        let outlook = self.outlook.as_ref();
        let tight = outlook.map_or(Ok(None), |o| o.check(&config)).map_err(wrong)?;
        Ok((config, tight))
    }

    /// Reads what was typed into a field.
    fn read(&self, setting: &Setting, text: &str, config: &mut TrainConfig) -> Result<(), String> {
        let what = match setting.of(config).input() {
            Input::Names => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                let names: Vec<&OsStr> = names.map(OsStr::new).collect();
                self.are_there(setting.name, &names)?;
                return setting.read(config, &names);
            }
            Input::Folder if text.is_empty() => return setting.read(config, &[]),
            Input::Folder | Input::Choice(_) => return setting.read(config, &[text.as_ref()]),
            Input::Whole => "a whole number",
            Input::Real => "a number",
        };
        let wrong = || match text {
            "" => format!("{what} is needed"),
            _ => format!("\"{text}\" is not {what}"),
        };
        setting.read(config, &[text.as_ref()]).map_err(|_| wrong())
    }

    /// Refuses a name that no recording has. With recordings of one's own it is not known before
    /// they are read what there is.
    fn are_there(&self, setting: &str, names: &[&OsStr]) -> Result<(), String> {
        let (what, there) = there(setting, &self.kinds);
        let known = self.get("traces").is_empty() && !there.is_empty();
        match names
            .iter()
            .find(|name| known && there.iter().all(|there| name.to_str() != Some(there)))
        {
            Some(name) => {
                Err(format!("no {what} {}; there are {}", name.display(), there.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// The fields that the chosen kind of network has, as places in [`FIELDS`].
    pub fn rows(&self) -> Vec<usize> {
        (0..FIELDS.len()).filter(|i| self.kind.has(FIELDS[*i].name)).collect()
    }

    /// What a field is called, and one line about it.
    pub fn about(&self, at: usize) -> (&'static str, &'static str) {
        match FIELDS.get(at) {
            Some(f) if f.name == "blocks" && self.kind == Kind::Lstm => {
                ("layers", "layers of the LSTM, one above the other")
            }
            Some(f) => f.field.map_or(("", ""), |field| (field.label, field.help)),
            None => ("", ""),
        }
    }

    /// The names that the field one stands on can hold; empty for others.
    pub fn names(&self) -> Vec<String> {
        there(FIELDS[self.at].name, &self.kinds).1
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
                let is_added = matches!(input(self.at), Input::Names | Input::Folder);
                if std::mem::take(&mut self.fresh) && !is_added {
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
    use crate::predictor::networks::ModelConfig;

    fn form() -> Form {
        let categories = vec!["hackbench".into(), "io_mixed".into()];
        Form::new(&TrainConfig::default(), Kinds { categories, machines: vec!["6.12x8".into()] })
    }

    fn type_into(form: &mut Form, setting: &str, text: &str) {
        form.go(place(setting).unwrap());
        text.chars().for_each(|c| assert_eq!(form.key(Key::Char(c)), Answer::Going));
    }

    #[test]
    fn the_defaults_start_as_they_are() {
        assert_eq!(form().config(), Ok(TrainConfig::default()));
        assert_eq!(form().key(Key::Enter), Answer::Start(Box::default()));
        let help = |f: &&Setting| f.field.map_or(0, |field| field.help.chars().count());
        assert!(FIELDS.iter().all(|f| (1..=78).contains(&help(f))));
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
            (FIELDS[at].name, why.as_str()),
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
        assert_eq!(FIELDS[form.at].name, "epochs", "nothing is left to complete");
    }

    #[test]
    fn a_kind_of_network_has_the_fields_that_it_can_be_told() {
        let mut form = form();
        let settings = |form: &Form| -> Vec<&str> {
            form.rows().into_iter().map(|i| FIELDS[i].name).collect()
        };
        type_into(&mut form, "kind", "lstm");
        assert_eq!(form.config().map(|c| c.model), Ok(ModelConfig::of(Kind::Lstm)));
        let at = place("blocks").unwrap();
        assert!(!settings(&form).contains(&"kernel") && form.about(at).0 == "layers");
        form.go(place("channels").unwrap());
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
