//! What is said of a run before it starts: its size, how far back an answer sees, what an epoch is,
//! about how long it takes.

use crate::predictor::networks::ModelConfig;
use crate::text::{counted, grouped};
use crate::train::cost::{self, Pace, Pass};

/// `tcn, 32 channels, 3 taps, 3 blocks`: what a network of its kind has, and nothing else.
pub fn trunk(model: &ModelConfig) -> String {
    let mut parts = vec![model.kind.label().to_owned(), counted(model.channels as u64, "channel")];
    if model.kind.has("kernel") {
        parts.push(counted(model.kernel as u64, "tap"));
    }
    if model.kind.has("blocks") {
        parts.push(counted(model.blocks as u64, model.kind.layer()));
    }
    parts.join(", ")
}

/// `tcn of 16,560 parameters; an answer sees the last 15 events of its CPU`.
pub fn size(model: &ModelConfig) -> String {
    let sees = match model.reach() {
        Some(1) => "the last event of its CPU".to_owned(),
        Some(n) => format!("the last {} events of its CPU", grouped(n as u64)),
        None => "all events of its CPU before it".to_owned(),
    };
    let parameters = grouped(cost::parameters(model) as u64);
    format!("{} of {parameters} parameters; an answer sees {sees}", model.kind.label())
}

/// `230 recordings; 8 epochs of 512 steps over 1,034,112 events each`.
pub fn course(pass: &Pass, epochs: usize) -> String {
    format!(
        "{}; {} of {} over {}{}",
        counted(pass.recordings as u64, "recording"),
        counted(epochs as u64, "epoch"),
        counted(pass.steps as u64, "step"),
        counted(pass.events as u64, "event"),
        if epochs == 1 { "" } else { " each" }
    )
}

/// `201 recordings; 8 epochs of about 590 steps over 1,200,000 events each`, before they are read.
pub fn course_ahead(pass: &Pass, epochs: usize) -> String {
    format!(
        "{}; {} of about {} over {}{}",
        counted(pass.recordings as u64, "recording"),
        counted(epochs as u64, "epoch"),
        counted(rounded(pass.steps), "step"),
        counted(rounded(pass.events), "event"),
        if epochs == 1 { "" } else { " each" }
    )
}

/// To two digits: more of an estimate says nothing.
fn rounded(n: usize) -> u64 {
    let unit = 10_u64.pow((n.max(1).ilog10()).saturating_sub(1));
    (n as u64 + unit / 2) / unit * unit
}

/// `about 12 min, as fast as tcn-003 was`.
pub fn time(pace: &Pace, seconds: f64) -> String {
    format!("about {}, as fast as {} was", rough(seconds), pace.name)
}

/// `40 s`, `12 min`, `3 h`.
fn rough(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{:.0} s", s.max(1.0)),
        s if s < 100.0 * 60.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::networks::Kind;

    #[test]
    fn one_is_said_as_one() {
        let pass = |n| Pass { recordings: n, events: n, steps: n };
        assert_eq!(course(&pass(1), 1), "1 recording; 1 epoch of 1 step over 1 event");
        let many = "1,200 recordings; 8 epochs of 1,200 steps over 1,200 events each";
        assert_eq!(course(&pass(1_200), 8), many);
        let ahead = course_ahead(&Pass { recordings: 201, events: 1_206_000, steps: 589 }, 8);
        assert_eq!(ahead, "201 recordings; 8 epochs of about 590 steps over 1,200,000 events each");
        assert_eq!([0, 9, 99, 994].map(rounded), [0, 9, 99, 990]);
        for (kind, sees) in [
            (Kind::Tcn, "sees the last 15 events of its CPU"),
            (Kind::Lstm, "sees all events of its CPU before it"),
            (Kind::Mlp, "sees the last event of its CPU"),
        ] {
            assert!(size(&ModelConfig::of(kind)).ends_with(sees), "{kind:?}");
        }
        let trunks = Kind::ALL.map(|kind| trunk(&ModelConfig::of(kind)));
        let said = ["tcn, 32 channels, 3 taps, 3 blocks", "lstm, 48 channels, 1 layer"];
        assert_eq!(trunks, [said[0], said[1], "mlp, 32 channels"]);
        let said = [0.1, 42.0, 720.0, 9_000.0].map(rough);
        assert_eq!(said, ["1 s", "42 s", "12 min", "2 h"]);
    }
}
