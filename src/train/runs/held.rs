//! What an experiment scored of a run on what the run has not seen. The experiment keeps it beside
//! the run; a run on its own has no such score.

use crate::train::TrainConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// Shares of right answers on test recordings of what was held out; `None` where there is no
/// figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Non-trivial picks.
    pub pick: Option<f64>,
    /// Forecasts.
    pub forecast: Option<f64>,
}

/// The score of the run in `folder`, if an experiment left one for what it holds out.
pub(super) fn read(folder: &Path, config: &TrainConfig) -> Option<HeldOut> {
    let [name] = &config.hold_out[..] else { return None };
    let bytes = std::fs::read(folder.join(format!("test-{name}.json"))).ok()?;
    let kept: Value = serde_json::from_slice(&bytes).ok()?;
    // A column for the network alone.
    let of = |question: &str| {
        let all = kept["report"]["macro"][question].as_object()?;
        all.values().next()?["top1"].as_f64()
    };
    Some(HeldOut { pick: of("pick"), forecast: of("forecast") })
}

impl std::fmt::Display for HeldOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |x: Option<f64>| x.map_or("–".into(), |x| format!("{:.2} %", 100.0 * x));
        write!(f, "pick {}, forecast {}", percent(self.pick), percent(self.forecast))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    #[test]
    fn the_score_of_what_was_held_out_is_read_where_there_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let config = TrainConfig { hold_out: vec!["hackbench".into()], ..TrainConfig::default() };
        assert_eq!(read(dir.path(), &config), None);
        let text = r#"{ "recordings": "1", "report": { "macro": {
            "pick": { "tcn": { "top1": 0.8125 } }, "forecast": { "tcn": { "top1": null } } } } }"#;
        std::fs::write(dir.path().join("test-hackbench.json"), text).unwrap();
        let held = read(dir.path(), &config).unwrap();
        assert_eq!(held.to_string(), "pick 81.25 %, forecast –");
        assert_eq!(read(dir.path(), &TrainConfig::default()), None);
    }
}
