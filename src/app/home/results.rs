//! The results in a few lines: those of the README, which a test holds equal to the bundled model's
//! report.

use std::sync::LazyLock;

const README: &str = include_str!("../../../README.md");

/// Predictor, accuracy of its picks and of its forecasts in percent, as text.
pub fn in_short() -> &'static [[&'static str; 3]] {
    static ROWS: LazyLock<Vec<[&str; 3]>> = LazyLock::new(|| {
        let table = README
            .split_once("<!-- results in short")
            .and_then(|(_, rest)| rest.split_once("<!-- /results"));
        let rows =
            table.map_or("", |(table, _)| table).lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| {
            let mut cells = row
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .filter(|cell| !cell.is_empty());
            Some([cells.next()?, cells.next()?, cells.next()?])
        });
        cells.collect()
    });
    &ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_numbers_of_predictors_that_there_are() {
        let all = in_short();
        assert!(all.len() >= 4, "{all:?}");
        for [name, pick, forecast] in all {
            assert!(name.parse::<crate::predictor::engine::Choice>().is_ok(), "{name}");
            for share in [pick, forecast] {
                let share = share.parse::<f64>();
                assert!(
                    share.as_ref().is_ok_and(|x| (0.0..=100.0).contains(x)),
                    "{name}: {share:?}"
                );
            }
        }
    }
}
