//! Values of settings: how each is typed, read and written.

use crate::predictor::networks::{Kind, ModelConfig};
use crate::train::{Schedule, Target};
use std::ffi::OsStr;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use toml::Value;

/// How a value is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A whole number.
    Whole,
    /// A number.
    Real,
    /// One of these; [`Target`] takes a number behind it.
    Choice(Vec<&'static str>),
    /// Any number of names.
    Names,
    /// A folder, or none.
    Folder,
}

/// What a setting can hold.
pub trait SettingValue {
    /// How it is typed.
    fn input(&self) -> Input;
    /// As it is typed; names with commas between them.
    fn text(&self) -> String;
    /// As a file of settings has it; nothing: it stands in none.
    fn toml(&self) -> Option<Value>;
    /// Reads what was typed: one word, of names any number, of a folder one or none. What cannot be
    /// read changes nothing.
    fn read(&mut self, words: &[&OsStr]) -> Result<(), String>;
}

/// The one word of a value.
fn word<'w>(words: &[&'w OsStr]) -> Result<&'w str, String> {
    let last = words.last().and_then(|word| word.to_str());
    last.ok_or_else(|| "no text".to_owned())
}

fn parsed<T: FromStr<Err: Display>>(words: &[&OsStr]) -> Result<T, String> {
    word(words)?.parse().map_err(|e: T::Err| e.to_string())
}

/// A value that is read by its type, and written as this number or text.
macro_rules! by_type {
    ($($type:ty: $input:expr, $text:expr, $toml:expr;)*) => {$(
        impl SettingValue for $type {
            fn input(&self) -> Input {
                $input
            }

            fn text(&self) -> String {
                let text: fn(&$type) -> String = $text;
                text(self)
            }

            fn toml(&self) -> Option<Value> {
                let toml: fn(&$type) -> Value = $toml;
                Some(toml(self))
            }

            fn read(&mut self, words: &[&OsStr]) -> Result<(), String> {
                *self = parsed(words)?;
                Ok(())
            }
        }
    )*};
}

by_type! {
    usize: Input::Whole, usize::to_string, |n| Value::Integer(*n as i64);
    // What a number of a file cannot hold is text.
    u64: Input::Whole, u64::to_string,
        |n| i64::try_from(*n).map_or_else(|_| Value::String(n.to_string()), Value::Integer);
    f64: Input::Real, f64::to_string, |x| Value::Float(*x);
    // As it was written: an `f32` as a wider number has digits that nobody typed.
    f32: Input::Real, f32::to_string,
        |x| Value::Float(x.to_string().parse().unwrap_or(f64::from(*x)));
    Schedule: Input::Choice(Schedule::ALL.map(Schedule::label).to_vec()),
        |s| s.label().to_owned(), |s| Value::String(s.label().to_owned());
    Target: Input::Choice(Target::KINDS.to_vec()),
        Target::to_string, |t| Value::String(t.to_string());
}

impl SettingValue for bool {
    fn input(&self) -> Input {
        Input::Choice(vec!["on", "off"])
    }

    fn text(&self) -> String {
        if *self { "on" } else { "off" }.to_owned()
    }

    fn toml(&self) -> Option<Value> {
        Some(Value::String(self.text()))
    }

    fn read(&mut self, words: &[&OsStr]) -> Result<(), String> {
        *self = match word(words)? {
            "on" => true,
            "off" => false,
            _ => return Err("on or off".into()),
        };
        Ok(())
    }
}

/// A network by its kind, which comes with its usual size.
impl SettingValue for ModelConfig {
    fn input(&self) -> Input {
        Input::Choice(Kind::ALL.map(Kind::label).to_vec())
    }

    fn text(&self) -> String {
        self.kind.label().to_owned()
    }

    fn toml(&self) -> Option<Value> {
        Some(Value::String(self.text()))
    }

    fn read(&mut self, words: &[&OsStr]) -> Result<(), String> {
        *self = Self::of(parsed(words)?);
        Ok(())
    }
}

impl SettingValue for Vec<String> {
    fn input(&self) -> Input {
        Input::Names
    }

    fn text(&self) -> String {
        self.join(",")
    }

    fn toml(&self) -> Option<Value> {
        Some(Value::Array(self.iter().map(|name| Value::String(name.clone())).collect()))
    }

    fn read(&mut self, words: &[&OsStr]) -> Result<(), String> {
        let names = words.iter().map(|name| word(&[*name]).map(str::to_owned));
        *self = names.collect::<Result<_, _>>()?;
        Ok(())
    }
}

impl SettingValue for Option<PathBuf> {
    fn input(&self) -> Input {
        Input::Folder
    }

    fn text(&self) -> String {
        self.as_ref().map_or_else(String::new, |path| path.display().to_string())
    }

    fn toml(&self) -> Option<Value> {
        self.as_ref().map(|_| Value::String(self.text()))
    }

    fn read(&mut self, words: &[&OsStr]) -> Result<(), String> {
        *self = words.last().map(PathBuf::from);
        Ok(())
    }
}
