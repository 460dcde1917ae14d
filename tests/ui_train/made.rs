//! The Train screen with runs that are made up: none, one that runs, three, one that failed.

use super::common::screen::typed;
use kernel_oracle::app::input::Key;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::train::News;
use kernel_oracle::app::{App, Msg};
use kernel_oracle::dataset::catalog::Kinds;
use kernel_oracle::train::runs::Step;
use kernel_oracle::train::{Baseline, Ending, Figures, Phase, Progress, Scores, Validation};
use std::sync::Arc;

pub fn keys(app: &mut App, text: &str) {
    for c in text.chars() {
        app.update(Msg::Key(typed(c)));
    }
}

pub fn baseline(name: &str, pick: f64, forecast: Option<f64>) -> Baseline {
    let workloads = ["hackbench-pipe-2g", "io-mixed", "sysbench-cpu-4t"];
    Baseline {
        name: name.into(),
        pick_top1: Some(pick),
        forecast_top1: forecast,
        workloads: workloads
            .iter()
            .map(|w| ((*w).to_owned(), [Some(pick - 0.02), forecast]))
            .collect(),
    }
}

pub fn baselines() -> Vec<Baseline> {
    vec![
        baseline("random", 0.286, None),
        baseline("fifo", 0.409, None),
        baseline("lifo", 0.402, None),
        baseline("followed", 0.515, Some(0.462)),
        baseline("eevdf", 0.811, None),
    ]
}

pub fn validation(epoch: usize, rate: f64) -> Validation {
    let grown = 1.0 - (-(epoch as f64) * rate).exp();
    let (pick, forecast) = (0.5 + 0.36 * grown, 0.3 + 0.38 * grown);
    let scores = |shift: f64| Scores {
        picks: 3_000,
        pick_top1: pick + shift,
        forecasts: 4_000,
        forecast_top1: forecast - shift,
    };
    Validation {
        pick_top1: pick,
        forecast_top1: forecast,
        nll: [1.4 - grown, 2.0 - grown],
        workloads: [("hackbench-pipe-2g", 0.01), ("io-mixed", -0.02), ("sysbench-cpu-4t", 0.03)]
            .map(|(name, shift)| (name.to_owned(), scores(shift)))
            .into(),
        ..Validation::default()
    }
}

pub const PER_EPOCH: usize = 40;

/// A made-up but plausible course: noise around a falling loss.
pub fn step(n: usize, rate: f64) -> Step {
    let noise = ((n * 7_919) % 101) as f32 / 101.0 - 0.5;
    let falls = (-(n as f64) / PER_EPOCH as f64 * rate).exp() as f32;
    Step {
        epoch: 1 + (n - 1) / PER_EPOCH,
        step: n,
        wall_s: n as f64 * 0.05,
        learning_rate: 3e-3 * (1.0 - n as f64 / 500.0),
        pick_loss: 0.5 + 1.8 * falls + 0.25 * noise,
        forecast_loss: 1.0 + 1.2 * falls + 0.2 * noise,
        events_per_s: 95_000.0 + 9_000.0 * f64::from(noise),
        ..Step::default()
    }
}

pub fn progress(
    app: &mut App,
    id: u64,
    steps: std::ops::RangeInclusive<usize>,
    rate: f64,
    phase: Phase,
) {
    for n in steps {
        let end = n.is_multiple_of(PER_EPOCH);
        let now = Progress {
            epoch: 1 + (n - 1) / PER_EPOCH,
            epochs: 8,
            step: n,
            steps: 8 * PER_EPOCH,
            phase,
            figures: Figures { wall_s: n as f64 * 0.05, ..Figures::default() },
            validation: end.then(|| validation(n / PER_EPOCH, rate)),
            baselines: (n == 1).then(|| Arc::new(baselines())),
            ..Progress::default()
        };
        let news =
            News::Progress { id: Ticket(id), steps: vec![step(n, rate)], now: Box::new(now) };
        app.update(Msg::Train(news));
    }
}

pub fn empty(size: (u16, u16)) -> App {
    let (mut app, _) = App::new(vec!["a".into()], size);
    keys(&mut app, "2");
    let categories = ["cpu_bound", "hackbench", "io_mixed"].map(String::from).to_vec();
    let kinds = Kinds { categories, machines: vec!["6.1".into(), "6.18".into()] };
    app.update(Msg::Train(News::Kept { runs: Vec::new(), problems: Vec::new(), kinds, cpus: 2 }));
    app
}

pub fn one_running(size: (u16, u16)) -> App {
    let mut app = empty(size);
    keys(&mut app, "n\n");
    app.update(Msg::Train(News::Made { id: Ticket(1), path: "runs/tcn-001".into() }));
    progress(&mut app, 1, 1..=5 * PER_EPOCH + 11, 0.8, Phase::Training);
    app
}

pub fn three(size: (u16, u16)) -> App {
    let mut app = empty(size);
    for id in 1..=3 {
        keys(&mut app, "n");
        if id > 1 {
            // Another learning rate, another width.
            let downs = if id == 2 { 4 } else { 7 };
            (0..downs).for_each(|_| drop(app.update(Msg::Key(Key::Down))));
            keys(&mut app, if id == 2 { "0.01" } else { "16" });
        }
        keys(&mut app, "\n");
        app.update(Msg::Train(News::Made {
            id: Ticket(id),
            path: format!("runs/tcn-00{id}").into(),
        }));
    }
    progress(&mut app, 1, 1..=8 * PER_EPOCH, 0.8, Phase::Training);
    app.update(Msg::Train(News::Ended {
        id: Ticket(1),
        result: Ok(Ending::Finished),
        resumable: false,
    }));
    progress(&mut app, 2, 1..=7 * PER_EPOCH + 3, 1.4, Phase::Training);
    progress(&mut app, 3, 1..=3 * PER_EPOCH + 20, 0.4, Phase::Training);
    progress(&mut app, 3, 3 * PER_EPOCH + 21..=3 * PER_EPOCH + 21, 0.4, Phase::Paused);
    keys(&mut app, "\nk\nk\n");
    app
}

pub fn failed(size: (u16, u16)) -> App {
    let mut app = empty(size);
    keys(&mut app, "n\n");
    app.update(Msg::Train(News::Made { id: Ticket(1), path: "runs/tcn-001".into() }));
    for n in 1..=4 {
        let loss = [2.4, 310.0, 4.1e7, f32::INFINITY][n - 1];
        let step = Step { pick_loss: loss, ..step(n, 1.0) };
        let now = Progress { epoch: 1, epochs: 8, step: n, steps: 320, ..Progress::default() };
        app.update(Msg::Train(News::Progress {
            id: Ticket(1),
            steps: vec![step],
            now: Box::new(now),
        }));
    }
    let why = "diverged at step 4: the loss is inf";
    app.update(Msg::Train(News::Ended {
        id: Ticket(1),
        result: Err(why.into()),
        resumable: false,
    }));
    app
}
