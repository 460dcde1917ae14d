//! Values of options that several commands parse alike.

use crate::query::{self, Columns, Expr};
use crate::text::whole_number;
use crate::trace::SchedClass;
use clap::builder::TypedValueParser;
use color_eyre::eyre::Result;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Parses `on` and `off` for clap.
pub fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".into()),
    }
}

/// A whole number within limits, for clap: what is none is told which are. Every option that is a
/// number goes through here, but the settings of a training, which have a table.
pub fn whole<T>(limits: RangeInclusive<u64>) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<u64> + Clone + Send + Sync + 'static,
{
    move |text: &str| {
        let number = text.parse().ok().filter(|n| limits.contains(n));
        let number = number.and_then(|n| T::try_from(n).ok());
        number.ok_or_else(|| whole_number(text, *limits.start(), *limits.end()))
    }
}

/// How many are listed: a list of none would be no answer.
pub fn at_least_one() -> impl TypedValueParser<Value = usize> {
    whole(1..=u64::MAX)
}

/// Refuses a list in which a name stands twice: it would be asked once only, and perhaps
/// another one was meant.
pub fn each_once<'a>(option: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(super::wrong(format!("{option}: {name} is named twice")));
        }
        seen.push(name);
    }
    Ok(())
}

/// A kernel release of which the scheduler is known.
pub fn release(text: &str) -> Result<String, String> {
    match SchedClass::of_kernel(text) {
        SchedClass::Unknown => Err("a kernel release such as 6.1 or 6.12.3".into()),
        _ => Ok(text.into()),
    }
}

/// The columns of expressions, for the end of a command's help.
pub fn columns_help<'a>(columns: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = "Columns of expressions:\n".to_owned();
    for (name, help) in columns {
        let _ = writeln!(text, "  {name:<10}  {help}"); // a String takes all
    }
    text
}

/// An expression over the columns of a table; what is wrong with it is pointed at.
pub fn expression<C: Columns>(text: &str) -> Result<Expr<C>, String> {
    query::parse(text).map_err(|e| {
        let mut says = format!("\n    {text}\n    {}\n    {e}", e.pointer());
        if e.wants_column() {
            let names: Vec<_> = C::ALL.iter().map(|column| column.1).collect();
            let _ = write!(says, "\n    columns: {}", names.join(", ")); // a String takes all
        }
        says
    })
}

#[cfg(test)]
mod tests {
    use crate::train::TrainConfig;
    use crate::train::settings::{self, Input};
    use clap::error::ErrorKind;
    use clap::{Arg, Command};
    use std::any::TypeId;

    /// Every option with a value of a command and those below it, behind the words that lead there.
    fn options(command: &Command, path: &[String], all: &mut Vec<(Vec<String>, Arg)>) {
        let is_option = |arg: &&Arg| arg.get_long().is_some() && arg.get_action().takes_values();
        all.extend(command.get_arguments().filter(is_option).map(|a| (path.to_vec(), a.clone())));
        for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let path = [path, &[below.get_name().to_owned()]].concat();
            options(below, &path, all);
        }
    }

    fn is_number(arg: &Arg) -> bool {
        let of = arg.get_value_parser().type_id();
        let types = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<i32>(),
            TypeId::of::<i64>(),
            TypeId::of::<f32>(),
            TypeId::of::<f64>(),
        ];
        let usual = TrainConfig::default();
        let is_setting = |s: &&settings::Setting| Some(s.option) == arg.get_long();
        let input = settings::all().find(is_setting).map(|s| s.of(&usual).input());
        matches!(input, Some(Input::Whole | Input::Real)) || types.iter().any(|t| of == *t)
    }

    #[test]
    fn every_option_that_is_a_number_says_which_numbers_it_takes() {
        let mut all = Vec::new();
        options(&crate::cli::command(), &["koracle".into()], &mut all);
        let mut numbers = 0;
        for (path, arg) in &all {
            let option = format!("--{}", arg.get_long().unwrap());
            let parsed = |value: &str| {
                let line = path.iter().map(String::as_str).chain([option.as_str(), value]);
                crate::cli::command().try_get_matches_from(line)
            };
            let is_number = is_number(arg);
            numbers += usize::from(is_number);
            for value in ["abc", "1e", "-", "99999999999999999999", "-1", "-0.5", "nan"] {
                let must = is_number && ["abc", "1e", "-", "nan"].contains(&value);
                let Err(error) = parsed(value) else {
                    assert!(!must, "{path:?} {option} takes {value}");
                    continue;
                };
                let (kind, says) = (error.kind(), error.to_string());
                let at = format!("{path:?} {option} {value}: {kind:?} {says}");
                for rust in ["invalid digit", "invalid float", "too large to fit", "is not in "] {
                    assert!(!says.contains(rust), "{at}");
                }
                if value == "-1" {
                    assert!(kind != ErrorKind::UnknownArgument, "{at}");
                }
                if must || is_number && kind == ErrorKind::ValueValidation {
                    assert_eq!((kind, error.exit_code()), (ErrorKind::ValueValidation, 2), "{at}");
                    assert!(says.contains("number"), "{at}");
                    let limit = says.contains("18446744073709551615");
                    assert!(!limit || value == "99999999999999999999", "{at}");
                }
            }
        }
        assert!(numbers > 30, "{numbers} of {}", all.len());
    }
}
