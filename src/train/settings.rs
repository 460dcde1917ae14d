//! The settings of a training: one table of them, from which come the options of `koracle train`,
//! the keys of its files, the fields of the form on the Train screen, and what can be used. A new
//! setting is a field of [`TrainConfig`] and an entry of the table.

mod table;
mod value;

pub use table::{COURSE, DEVICE, FOLDER, NETWORK, RECORDINGS};
pub use value::{Input, SettingValue};

use super::TrainConfig;
use crate::predictor::networks::Kind;
use crate::text::whole_number;
use std::ffi::OsStr;

/// One setting.
pub struct Setting {
    /// Its name in [`TrainConfig`] or in the model's size: errors name it.
    pub name: &'static str,
    /// Its option on the command line, and its key in a file of settings.
    pub option: &'static str,
    /// What stands for its value in the help of the command line.
    pub placeholder: &'static str,
    /// The help of the command line.
    pub help: &'static str,
    /// Its value if nothing is said.
    pub usual: Usual,
    /// Its field in the form.
    pub field: Option<Field>,
    /// Which values can be used.
    limits: Limits,
    value: At,
}

/// How a value is reached in a configuration.
struct At {
    get: fn(&TrainConfig) -> &dyn SettingValue,
    get_mut: fn(&mut TrainConfig) -> &mut dyn SettingValue,
}

/// The value of a setting of which nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usual {
    /// That of [`TrainConfig::default`]; the help of the command line states it.
    Stated,
    /// What the kind of network usually has.
    OfKind,
    /// The help says it in words, or it is nothing.
    InWords,
}

/// A field of the form on the Train screen.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its place: what is changed most often comes first.
    pub place: u8,
    /// As shown.
    pub label: &'static str,
    /// One line about it.
    pub help: &'static str,
}

/// Which values can be used.
#[derive(Clone, Copy)]
enum Limits {
    /// All that can be read.
    None,
    /// Least and most, for a kind of network.
    Whole(fn(Kind) -> (usize, usize)),
    /// More than zero.
    Positive,
    /// Zero or more.
    NotNegative,
}

impl Setting {
    /// Its value in `config`.
    pub fn of<'c>(&self, config: &'c TrainConfig) -> &'c dyn SettingValue {
        (self.value.get)(config)
    }

    /// Takes what was typed into `config`. A kind of network comes with its usual size: it is to be
    /// read before the sizes are.
    pub fn read(&self, config: &mut TrainConfig, words: &[&OsStr]) -> Result<(), String> {
        (self.value.get_mut)(config).read(words)
    }

    /// Which values it takes, for who typed something else; nothing where reading says it.
    pub fn takes(&self, typed: &str) -> Option<String> {
        let whole = |least, most| Some(whole_number(typed, least, most));
        match (self.limits, self.of(&TrainConfig::default()).input()) {
            (Limits::Whole(of), _) => {
                let (least, most): (Vec<_>, Vec<_>) = Kind::ALL.map(of).into_iter().unzip();
                let least = least.into_iter().min().unwrap_or(0);
                whole(least as u64, most.into_iter().max().unwrap_or(least) as u64)
            }
            (Limits::Positive, _) => Some("a positive number".into()),
            (Limits::NotNegative, _) => Some("zero or a positive number".into()),
            (Limits::None, Input::Whole) => whole(0, u64::MAX),
            (Limits::None, Input::Real) => Some("a number".into()),
            (Limits::None, _) => None,
        }
    }

    /// Why its value in `config` cannot be used.
    pub(super) fn problem(&self, config: &TrainConfig) -> Option<String> {
        let kind = config.model.kind;
        let text = self.of(config).text();
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        match self.limits {
            Limits::None => None,
            Limits::Whole(of) => {
                let (least, most) = of(kind);
                if (least as f64..=most as f64).contains(&number) {
                    return None;
                }
                Some(if least == most {
                    format!("{text} is not {least}, the only choice for {}", kind.label())
                } else {
                    format!("{text} is not in {least} to {most}")
                })
            }
            Limits::Positive => (!(number.is_finite() && number > 0.0))
                .then(|| format!("{text} is not a positive number")),
            Limits::NotNegative => (!(number.is_finite() && number >= 0.0))
                .then(|| format!("{text} is not zero or a positive number")),
        }
    }
}

/// All settings, as a file of them has them. The kind of network comes before its sizes.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    [&NETWORK[..], &RECORDINGS, &COURSE, &DEVICE, &FOLDER].into_iter().flatten()
}

/// The setting of this name.
pub fn named(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_field_of_the_configuration_is_a_setting() {
        let kept = toml::Table::try_from(TrainConfig {
            traces: Some("here".into()),
            ..TrainConfig::default()
        });
        let mut kept = kept.unwrap();
        let model = kept.remove("model").unwrap();
        let of_model = model.as_table().unwrap();
        let names: BTreeSet<&str> = all().map(|s| s.name).collect();
        let fields = kept.keys().chain(of_model.keys()).map(String::as_str);
        // How a run was made is none of its settings.
        let fields: BTreeSet<&str> =
            fields.filter(|n| !["command", "revision"].contains(n)).collect();
        assert_eq!(names, fields);
    }

    #[test]
    fn names_options_and_places_are_taken_once() {
        let count = all().count();
        let names: BTreeSet<&str> = all().map(|s| s.name).collect();
        let options: BTreeSet<&str> = all().map(|s| s.option).collect();
        assert_eq!((names.len(), options.len()), (count, count));
        let fields: Vec<u8> = all().filter_map(|s| s.field).map(|f| f.place).collect();
        let places: BTreeSet<u8> = fields.iter().copied().collect();
        assert_eq!(places, (0..fields.len() as u8).collect());
        assert_eq!(all().next().map(|s| s.name), Some("kind"), "sizes come after it");
    }

    #[test]
    fn a_value_is_read_as_it_is_written() {
        let (usual, mut config) = (TrainConfig::default(), TrainConfig::default());
        for setting in all().filter(|s| s.name != "traces") {
            let text = setting.of(&usual).text();
            let words: Vec<&OsStr> =
                text.split(',').filter(|w| !w.is_empty()).map(OsStr::new).collect();
            setting.read(&mut config, &words).unwrap();
        }
        assert_eq!(config, usual);
        for (name, word) in [("epochs", "many"), ("clip", "x"), ("kind", "gru"), ("adapt", "yes")] {
            let read = named(name).unwrap().read(&mut config, &[OsStr::new(word)]);
            assert!(read.is_err(), "{name}");
        }
        assert_eq!(config, usual, "what cannot be read changes nothing");
    }
}
