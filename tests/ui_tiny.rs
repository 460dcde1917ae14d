//! What a newcomer's first recordings look like: of one switch, of a few, with time that is not
//! known, and without a model. Real answers of a rule; screens of 80x24.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::screen::{opened, screen_in, typed};
use kernel_oracle::app::mistakes::{Found, News, Order, Origin};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::{App, Effect, Msg};
use kernel_oracle::driver::answer_causes;
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::view::View;
use kernel_oracle::evaluate::overlay;
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::trace::Trace;
use std::path::Path;
use std::sync::Arc;

fn recording(name: &str) -> Arc<Trace> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny").join(name);
    Arc::new(ingest::open(&path).unwrap().trace)
}

fn rule() -> Heuristic {
    Heuristic::new(Rule::Lifo, 0)
}

/// The answer to what is ordered outside, where these screens need one.
fn answer(effect: Effect, no_model: Option<&str>) -> Option<Msg> {
    match effect {
        Effect::Inspect { ticket, trace, event, .. } => {
            let states = overlay::states(&trace, rule());
            let result = overlay::inspect(&trace, &states, event, &Cancel::new());
            let result = result.map_err(|e| e.to_string());
            Some(Msg::Inspected { ticket, event, by: None, result })
        }
        Effect::Causes(order) => Some(Msg::Causes(answer_causes(order))),
        Effect::Mistakes(Order::Collect { ticket, origins, .. }) => {
            let Origin::Open(path, trace) = &origins[0] else { return None };
            let table =
                collect(trace, path.clone(), &mut rule(), None, &Cancel::new(), &|_| {}).unwrap();
            let no_model = no_model.map(Into::into);
            let result = Ok(Arc::new(Found { table, no_model, ..Found::default() }));
            Some(Msg::Mistakes(News::Collected { ticket, result }))
        }
        Effect::Mistakes(Order::Look { ticket, found, query, old }) => {
            let view = Arc::new(View::new(&found.table, &[], query, old.as_deref()));
            Some(Msg::Mistakes(News::Looked { ticket, view }))
        }
        _ => None,
    }
}

/// The explorer over one recording, with everything answered that it asks for.
struct Explorer {
    app: App,
    no_model: Option<&'static str>,
}

impl Explorer {
    fn of(trace: &Arc<Trace>, no_model: Option<&'static str>) -> Self {
        let (app, _) = App::new(vec!["a".into()], (80, 24));
        let mut all = Self { app, no_model };
        all.tell(opened("a", trace));
        if let Some(problem) = no_model {
            all.tell(Msg::NoModel { ticket: Ticket(1), problem: problem.into() });
        }
        let mut chunks = Vec::new();
        let _ =
            overlay::run(trace, rule(), &Cancel::new(), &mut |chunk| chunks.push(chunk)).unwrap();
        for chunk in chunks {
            all.tell(Msg::Predicted { ticket: Ticket(1), chunk });
        }
        all
    }

    fn tell(&mut self, msg: Msg) {
        let mut effects = self.app.update(msg);
        while let Some(effect) = effects.pop() {
            if let Some(news) = answer(effect, self.no_model) {
                effects.extend(self.app.update(news));
            }
        }
    }

    fn keys(&mut self, text: &str) -> String {
        text.chars().for_each(|c| self.tell(Msg::Key(typed(c))));
        screen_in(&self.app, true).to_string()
    }
}

#[test]
fn of_one_switch_nothing_is_claimed() {
    let mut all = Explorer::of(&recording("one_switch.txt"), None);
    let text = all.keys(".");
    // Idle was the one candidate, and somebody else came in: that is no certainty.
    assert!(
        !text.contains("1.00") && text.contains("no answer pick: unknown time before"),
        "{text}"
    );
    insta::assert_snapshot!("one_switch", text);
    let text = all.keys("3w");
    assert!(!text.contains("No decision is like that"), "no filter is set: {text}");
    insta::assert_snapshot!("one_switch_mistakes", text);
}

#[test]
fn without_wakeups_the_list_says_what_is_missing() {
    let mut all = Explorer::of(&recording("no_wakeups.txt"), None);
    let text = all.keys(".");
    assert!(text.contains("no answer pick: no wake-ups recorded"), "{text}");
    assert!(text.contains("no answer\n") || text.contains("no answer "), "{text}");
    let text = all.keys("3");
    assert!(text.contains("There is nothing to list: no wake-ups were recorded"), "{text}");
    let text = all.keys("/cpu=7\n");
    assert!(text.contains("There is nothing to list"), "the filter is not the reason: {text}");
}

/// CPU0 is known for a hundredth of the time, CPU1 for six tenths.
#[test]
fn a_use_says_that_it_is_of_the_known_time() {
    let mut all = Explorer::of(&recording("unknown.txt"), None);
    let text = all.keys("f");
    let lane = |text: &str, cpu: &str| {
        text.lines().find(|line| line.contains(cpu)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert!(lane(&text, "CPU0 ").contains("use   ? %"), "{text}");
    assert!(lane(&text, "CPU1 ").contains("use 100 %?"), "{text}");
    insta::assert_snapshot!("unknown", text);
    // All of it is known here.
    let text = all.keys("t20ms\nwwww");
    assert!(lane(&text, "CPU1 ").trim_end_matches(['"', ' ']).ends_with("use 100 %"), "{text}");
    // What it means is said where words are explained.
    let help = kernel_oracle::app::words::SECTIONS[0].words;
    assert!(help.iter().any(|word| word.word == "use %" && word.meaning.contains('?')));
}

/// What a damaged model file says is longer than a row.
const DAMAGED: &str = "KORACLE_MODEL: models/of-last-week/on-another-disk/tcn-with-more-layers.koracle, \
                       byte 20000: the file is cut short: by its header it has 101454 bytes";

#[test]
fn why_there_is_no_model_is_read_to_its_last_word() {
    let mut all = Explorer::of(&recording("no_wakeups.txt"), Some(DAMAGED));
    for keys in ["", "."] {
        let text = all.keys(keys);
        assert!(text.contains("101454 bytes"), "{text}");
    }
    insta::assert_snapshot!("no_model", all.keys(""));
    let text = all.keys("3");
    assert!(text.contains("no model, lifo instead: 1 says why"), "{text}");
    let cut = |line: &&str| line.contains("no model") && line.contains("KORACLE");
    assert_eq!(text.lines().find(cut), None, "half a reason is none");
}
