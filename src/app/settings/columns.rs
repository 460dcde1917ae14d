//! Which columns the lists have, as the settings say: `[columns]`, a list's name and its columns in
//! their order.

use crate::app::tab::Tab;
use crate::app::{compare, mistakes, tasks, traces, waits};
use std::collections::BTreeMap;
use toml::Spanned;

/// As they are written.
pub(super) type Written = BTreeMap<String, Spanned<Vec<Spanned<String>>>>;

/// The lists whose columns can be chosen.
const LISTS: [Tab; 5] = [Tab::Traces, Tab::Mistakes, Tab::Waits, Tab::Tasks, Tab::Compare];

/// The names of all columns of a screen's list, in the order of the program.
pub fn all(tab: Tab) -> Vec<&'static str> {
    match tab {
        Tab::Traces => traces::LIST.iter().map(|c| c.1).collect(),
        Tab::Mistakes => mistakes::LIST.iter().map(|c| c.0.name()).collect(),
        Tab::Waits => waits::LIST.iter().map(|c| c.0.name()).collect(),
        Tab::Tasks => tasks::LIST.iter().map(|c| c.0.name()).collect(),
        Tab::Compare => compare::LIST.iter().map(|c| c.name).collect(),
        Tab::Timeline | Tab::Train => Vec::new(),
    }
}

fn list(tab: Tab) -> String {
    tab.about().name.to_lowercase()
}

/// What is typed for a column: without capitals, and with the minus of a keyboard.
fn typed(name: &str) -> String {
    name.to_lowercase().replace('−', "-")
}

/// The columns of lists, in their order.
type Columns = Vec<(Tab, Vec<&'static str>)>;

/// What is written, checked: the error is a place in the text and a sentence.
pub(super) fn read(written: Written) -> Result<Columns, (usize, String)> {
    let mut lists = Vec::new();
    for (name, columns) in written {
        let start = columns.span().start;
        let Some(tab) = LISTS.into_iter().find(|tab| list(*tab) == name) else {
            let known = LISTS.map(list).join(", ");
            return Err((start, format!("no list is called `{name}`; there are {known}")));
        };
        let mut chosen: Vec<&'static str> = Vec::new();
        for column in columns.into_inner() {
            let (at, column) = (column.span().start, column.into_inner());
            let known = all(tab).into_iter().find(|known| typed(known) == typed(&column));
            let Some(known) = known else {
                let all = all(tab).into_iter().map(typed).collect::<Vec<_>>().join(", ");
                let problem = format!("no column of {name} is called `{column}`; there are {all}");
                return Err((at, problem));
            };
            if chosen.contains(&known) {
                return Err((at, format!("`{column}` is there twice")));
            }
            chosen.push(known);
        }
        if chosen.is_empty() {
            return Err((start, format!("{name} needs a column")));
        }
        lists.push((tab, chosen));
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_list_has_a_name_of_its_own() {
        for tab in LISTS {
            let mut names: Vec<String> = all(tab).into_iter().map(typed).collect();
            let n = names.len();
            names.sort();
            names.dedup();
            assert!(n > 3 && names.len() == n, "{tab:?}");
        }
    }
}
