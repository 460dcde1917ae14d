//! Values that are chosen instead of typed: the next one of those there are, and names that are
//! completed.

use super::{FIELDS, Form, input, there};
use crate::predictor::networks::ModelConfig;
use crate::train::TrainConfig;
use crate::train::settings::{Input, Usual};

impl Form {
    /// The usual sizes of the kind of network.
    pub(super) fn resize(&mut self) {
        let model = ModelConfig::of(self.kind);
        let usual = TrainConfig { model, ..TrainConfig::default() };
        for (setting, value) in FIELDS.iter().zip(&mut self.values) {
            if setting.usual == Usual::OfKind {
                *value = setting.of(&usual).text();
            }
        }
    }

    /// Completes the name that is being typed, as far as it can be only one; `false`: there is
    /// nothing to complete.
    pub(super) fn complete(&mut self) -> bool {
        let (names, value) = (self.names(), &mut self.values[self.at]);
        let last = value.rfind(',').map_or(0, |comma| comma + 1);
        let begun = value[last..].trim().to_owned();
        if begun.is_empty() {
            return false;
        }
        let mut fitting = names.iter().filter(|name| name.starts_with(&begun));
        let Some(first) = fitting.next() else { return false };
        let common = fitting.fold(first.as_str(), |common, name| {
            let same = common.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            // Names of other alphabets: back to where a letter ends.
            &common[..(0..=same).rev().find(|n| common.is_char_boundary(*n)).unwrap_or(0)]
        });
        let more = common.len() > begun.len();
        if more {
            let common = common.to_owned();
            value.truncate(last);
            value.push_str(&common);
            self.fresh = false;
        }
        more
    }

    /// The next or the previous of the values that a field can have; for a number, twice or half of
    /// it.
    pub(super) fn turn(&mut self, forward: bool) {
        let value = &mut self.values[self.at];
        let next = |names: &[String], now: &str| {
            let at = names.iter().position(|n| n == now).unwrap_or(0);
            let n = names.len().max(1);
            names.get((at + if forward { 1 } else { n - 1 }) % n).cloned().unwrap_or_default()
        };
        let setting = FIELDS[self.at].name;
        match input(self.at) {
            Input::Choice(all) => {
                *value = next(&all.into_iter().map(String::from).collect::<Vec<_>>(), value);
            }
            // What kernels there are is not known here.
            Input::Names if setting != "kernels" => {
                // The last name goes through those that are not before it.
                let last = value.rfind(',').map_or(0, |comma| comma + 1);
                let before: Vec<&str> = value[..last].split(',').map(str::trim).collect();
                let mut names = there(setting, &self.kinds).1;
                names.retain(|name| !before.contains(&name.as_str()));
                names.insert(0, String::new());
                let name = next(&names, value[last..].trim());
                value.truncate(last);
                value.push_str(&name);
            }
            Input::Names | Input::Folder => {}
            Input::Real => {
                if let Ok(x) = value.parse::<f64>() {
                    let x = if forward { x * 2.0 } else { x / 2.0 };
                    *value = format!("{}", (x * 1e9).round() / 1e9);
                }
            }
            Input::Whole => {
                if let Ok(x) = value.parse::<usize>() {
                    *value =
                        if forward { x.saturating_add(1) } else { x.saturating_sub(1) }.to_string();
                }
            }
        }
    }
}
