//! Values of options that several commands parse alike.

use crate::query::{self, Columns, Expr};
use crate::trace::SchedClass;
use color_eyre::eyre::Result;
use std::fmt::Write;

/// Parses `on` and `off` for clap.
pub fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".into()),
    }
}

/// How many are listed: a list of none would be no answer.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "a whole number, 1 or more".into())
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
    query::parse(text).map_err(|e| format!("\n    {text}\n    {}\n    {e}", e.pointer()))
}
