//! Whose answers a timeline shows: misses that are found, a second row, a run that is looked at, what
//! is seen far ahead.

use super::*;
use crate::app::answers::Verdict;

/// Answers to the switches of CPU 0 from `from` on: wrong where `wrong` says so.
fn judged(
    from: usize,
    n: usize,
    wrong: impl Fn(usize) -> bool,
) -> Vec<crate::evaluate::overlay::Prediction> {
    use crate::evaluate::overlay::{Guess, Prediction};
    let guess = |rank| Guess { thread: ThreadIx(2), p: 0.5, p_real: 0.5, rank, scored: true };
    let one = |k: usize| Prediction {
        queue: 2,
        trivial: false,
        covered: true,
        real: ThreadIx(2),
        pick: guess(if wrong(k) { 2 } else { 1 }),
        forecast: guess(1),
        baselines: [ThreadIx(2); 5],
    };
    (from..from + n).map(one).collect()
}

/// Some weights: only whose they are matters.
fn weights() -> Arc<crate::predictor::weights::Weights> {
    use crate::predictor::networks::ModelConfig;
    use crate::predictor::weights::Weights;
    let config = ModelConfig::default();
    let tensors = config
        .shapes()
        .into_iter()
        .map(|(name, shape)| (name, vec![0.0; shape.iter().product()]))
        .collect();
    Arc::new(
        Weights::new(config, crate::predictor::weights::Provenance::default(), tensors).unwrap(),
    )
}

/// The model is wrong at 20 and 150 of 300 switches, another one, shown from 100 to 200, at 120 and
/// 121.
fn with_a_live_stretch() -> App {
    let mut app = opened(&["a"], trace());
    let per_cpu = vec![judged(0, 300, |k| k == 20 || k == 150), Vec::new()];
    app.update(Msg::Predicted { ticket: Ticket(1), chunk: Chunk { per_cpu, end: 400 } });
    app.shared.live = Some(train::live::Live::new("run".into(), weights()));
    let per_cpu = vec![(100, judged(100, 100, |k| k == 120 || k == 121)), (0, Vec::new())];
    let stretch = crate::evaluate::overlay::Stretch { per_cpu };
    app.update(Msg::Looked { ticket: Ticket(1), label: "run".into(), stretch });
    app
}

#[test]
fn sums_count_in_a_live_stretch_what_is_shown_there() {
    let app = with_a_live_stretch();
    let answers = &app.timeline().unwrap().answers;
    assert_eq!(
        (answers.live(), answers.whose(0, 99).is_some(), answers.whose(0, 100).is_some()),
        (Some("run"), false, true)
    );
    // One by one, in whatever piece they are taken.
    for (from, to) in
        [(0, 300), (0, 100), (90, 121), (100, 200), (121, 160), (120, 122), (199, 300), (3, 7)]
    {
        let shown = (from..to).filter_map(|k| answers.get(0, k));
        let missed = shown.filter(|p| answers.row().verdict(p) == Verdict::Miss).count();
        let sum = answers.score(0, from..to);
        assert_eq!(
            (sum.counted as usize, sum.missed as usize),
            (to - from, missed),
            "{from}..{to}"
        );
    }
    let trace = app.timeline().unwrap().trace();
    assert_eq!(answers.total(trace).missed, 2, "120 and 121 of the other's; 20 is context");
}

#[test]
fn n_finds_the_misses_that_are_shown_and_no_others() {
    let mut app = with_a_live_stretch();
    let mut at = |keys: &str| {
        press(&mut app, keys);
        app.timeline().unwrap().decision
    };
    assert_eq!((at("n"), at("n"), at("n")), (Some(20), Some(120), Some(121)));
    assert_eq!(at("n"), Some(121), "150 is covered by the stretch");
    assert_eq!((at("N"), at("N"), at("N")), (Some(120), Some(20), Some(20)));
    // Without the other model the first one's are shown again.
    app.shared.live = None;
    press(&mut app, "gn");
    press(&mut app, "n");
    assert_eq!(app.timeline().unwrap().decision, Some(150));
}

#[test]
fn misses_are_found_in_both_directions() {
    let mut app = opened(&["a"], trace());
    press(&mut app, "n");
    assert!(app.message.as_ref().unwrap().contains("among the predictions so far"));
    let guess = |rank| crate::evaluate::overlay::Guess {
        thread: ThreadIx(2),
        p: 0.5,
        p_real: 0.5,
        rank,
        scored: true,
    };
    let one = |k: usize| crate::evaluate::overlay::Prediction {
        queue: 2,
        trivial: k % 100 == 10,
        covered: k % 100 != 10,
        real: ThreadIx(2),
        pick: guess(if k % 50 == 10 || k % 100 == 60 { 2 } else { 1 }),
        forecast: guess(1),
        baselines: [ThreadIx(2); 5],
    };
    let per_cpu = vec![(0..300).map(one).collect(), Vec::new()];
    app.update(Msg::Predicted { ticket: Ticket(1), chunk: Chunk { per_cpu, end: 400 } });
    let mut at = |keys: &str| {
        press(&mut app, keys);
        app.timeline().unwrap().decision
    };
    // 10, 110, ... are wrong and not even known to be runnable, but trivial: not a miss.
    assert_eq!(at("n"), Some(60));
    // Whatever a second row shows: these are the first row's.
    assert_eq!(at("Cfifo\nnn"), Some(260));
    assert_eq!(at("n"), Some(260));
    assert_eq!(at("N"), Some(160));
    assert_eq!(at("o"), Some(160));
    assert_eq!(at("n"), Some(160), "the forecast row has no miss");
    let score = app.timeline().unwrap().answers.score(0, 0..300);
    assert_eq!((score.counted, score.missed, score.queue), (300, 0, 2));
}

#[test]
fn a_second_row_is_asked_for_once_follows_the_first_and_is_closed() {
    use crate::app::answers::AnswerRow;
    use crate::app::second::News;
    let mut app = opened(&["a"], trace());
    let second = |app: &mut App, keys: &str| -> Vec<(u64, PathBuf)> {
        let only = |e| {
            if let Effect::Second { ticket, who, .. } = e { Some((ticket.0, who)) } else { None }
        };
        press(app, keys).into_iter().filter_map(only).collect()
    };
    let tell =
        |app: &mut App, ticket, news| app.update(Msg::Second { ticket: Ticket(ticket), news });
    assert!(
        second(&mut app, "c").is_empty() && app.over.prompt.is_some(),
        "the first time it asks whom"
    );
    let proposed = app.over.prompt.clone().unwrap();
    assert!(proposed.proposed && ["lstm", "mlp"].contains(&proposed.text.as_str()), "{proposed:?}");
    // What is typed replaces it.
    assert_eq!(second(&mut app, "lstm\n"), [(1, "lstm".into())]);
    let chunk = Chunk { per_cpu: vec![Vec::new(); 2], end: 7 };
    tell(&mut app, 1, News::Named("lstm".into()));
    tell(&mut app, 0, News::Predicted(chunk.clone()));
    let row = |app: &App| {
        app.timeline().unwrap().second.as_ref().map(|s| (s.answers.events_done, s.answers.row()))
    };
    assert_eq!(
        row(&app),
        Some((0, AnswerRow::Pick)),
        "late answers to another question change nothing"
    );
    tell(&mut app, 1, News::Predicted(chunk));
    assert!(second(&mut app, "o.").is_empty(), "asked once");
    assert_eq!(row(&app), Some((7, AnswerRow::Forecast)));
    press(&mut app, "o");
    assert_eq!(row(&app), Some((7, AnswerRow::Pick)), "its pick beside a baseline's");
    // The same key closes it and shows it again.
    assert!(matches!(press(&mut app, "c")[..], [Effect::CloseSecond]));
    assert_eq!(row(&app), None);
    assert_eq!(second(&mut app, "c"), [(2, "lstm".into())]);
    // Another recording is predicted by the same one.
    let trace = trace();
    let loaded =
        Loaded { path: "b".into(), pyramid: Pyramid::build(&trace), trace, notes: Vec::new() };
    press(&mut app, "4");
    let entries = vec![Entry { path: "b".into(), ..Entry::default() }];
    app.update(Msg::Listed { entries, problem: None });
    press(&mut app, "\n");
    let effects = app.update(Msg::Opened {
        ticket: Ticket(2),
        path: "b".into(),
        result: Ok(Arc::new(loaded)),
    });
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Second { ticket: Ticket(3), .. })),
        "{effects:?}"
    );
    // One that there is not leaves the row that was there, which is not asked for for ever.
    assert_eq!(second(&mut app, "Cnone\n"), [(4, "none".into())]);
    let again = |effects: Vec<Effect>| match &effects[..] {
        [Effect::Second { ticket, who, .. }] => Some((ticket.0, who.clone())),
        _ => None,
    };
    let effects = tell(&mut app, 4, News::Failed("none is nothing".into()));
    assert_eq!(again(effects), Some((5, "lstm".into())));
    let said = app.message.clone().unwrap();
    assert!(said.contains("none is nothing") && said.contains("still lstm"), "{said}");
    let effects = tell(&mut app, 5, News::Failed("gone".into()));
    assert!(matches!(effects[..], [Effect::CloseSecond]) && row(&app).is_none(), "{effects:?}");
    assert_eq!(second(&mut app, "c"), [(6, "lstm".into())]);
    // Without a row there is none to leave.
    press(&mut app, "c");
    assert_eq!(second(&mut app, "Cnone\n"), [(7, "none".into())]);
    let effects = tell(&mut app, 7, News::Failed("none is nothing".into()));
    assert!(matches!(effects[..], [Effect::CloseSecond]) && row(&app).is_none(), "{effects:?}");
    // A whole one stays as it is: nothing is predicted again.
    assert_eq!(second(&mut app, "c"), [(8, "lstm".into())]);
    let all = app.timeline().unwrap().trace().len();
    tell(&mut app, 8, News::Named("lstm".into()));
    tell(&mut app, 8, News::Predicted(Chunk { per_cpu: vec![Vec::new(); 2], end: all }));
    assert_eq!(second(&mut app, "Cnone\n"), [(9, "none".into())]);
    assert_eq!(second(&mut app, "Cnobody\n"), [(10, "nobody".into())]);
    let effects = tell(&mut app, 10, News::Failed("nobody is nothing".into()));
    assert!(effects.is_empty(), "{effects:?}");
    assert_eq!(row(&app), Some((all, AnswerRow::Pick)));
}

#[test]
fn what_is_seen_far_ahead_is_answered_first_and_then_replaced() {
    use crate::evaluate::overlay::Stretch;
    let mut app = opened(&["a"], long(120_000));
    let early = |app: &mut App, keys: &str| -> Vec<std::ops::Range<usize>> {
        let only = |e| if let Effect::Early { events, .. } = e { Some(events) } else { None };
        press(app, keys).into_iter().filter_map(only).collect()
    };
    assert!(early(&mut app, "..").is_empty(), "the walk will be there soon");
    let asked = early(&mut app, "G");
    let Some(events) = asked.first().filter(|_| asked.len() == 1) else { panic!("{asked:?}") };
    assert!(events.end == 160_000 && events.start > 150_000, "{events:?}");
    assert!(early(&mut app, ",").is_empty(), "it is on its way");

    let first = 119_000;
    let per_cpu = vec![(first, judged(first, 1_000, |k| k == 119_500)), (40_000, Vec::new())];
    app.update(Msg::Early { ticket: Ticket(1), stretch: Stretch { per_cpu } });
    let miss = |app: &App| app.timeline().unwrap().answers.find_miss(0, Some(119_900), false);
    let t = app.timeline().unwrap();
    assert!(
        t.answers.is_early() && t.answers.is_known(0, first) && !t.answers.is_known(0, first - 1)
    );
    let score = t.answers.score(0, 119_400..119_600);
    assert_eq!((score.counted, score.missed, miss(&app)), (200, 1, Some(119_500)));

    // The walk arrives in the middle of it, then at the end.
    for (from, to) in [(0, 119_550), (119_550, 120_000)] {
        let chunk =
            Chunk { per_cpu: vec![judged(from, to - from, |k| k == 119_540), Vec::new()], end: to };
        app.update(Msg::Predicted { ticket: Ticket(1), chunk });
        let score = app.timeline().unwrap().answers.score(0, 119_400..119_600);
        assert_eq!((score.counted, score.missed, miss(&app)), (200, 1, Some(119_540)));
    }
    assert!(!app.timeline().unwrap().answers.is_early());
}
