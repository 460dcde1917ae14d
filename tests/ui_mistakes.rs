//! The Mistakes screen as a user meets it: screens as snapshots over a real recording, and random
//! walks over the keys and the mouse that must never panic. The predictor is a rule with softened
//! scores: its figures do not change when the bundled model does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

#[path = "ui_mistakes/outside.rs"]
mod outside;

use common::screen::{any_mouse, coloured, screen, screen_with, typed};
use kernel_oracle::app::input::Key;
use kernel_oracle::app::mistakes::{Explained, Focus, Found, ModelChoice, News, Order, Origin};
use kernel_oracle::app::second;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::{App, Effect, Msg, Tab};
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::{Bitmap, Column, Table};
use kernel_oracle::evaluate::overlay::{self, Chunk};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::{TraceBuilder, TraceMeta};
use kernel_oracle::ui::palette::Theme;
use outside::{FOUND, REAL, TRACE, open, perform, soft};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn tell(app: &mut App, msg: Msg) {
    let effects = app.update(msg);
    perform(app, effects);
}

fn press(app: &mut App, keys: &[Key]) {
    for key in keys {
        tell(app, Msg::Key(*key));
    }
}

fn keys(app: &mut App, text: &str) {
    text.chars().for_each(|c| tell(app, Msg::Key(typed(c))));
}

fn shown(size: (u16, u16)) -> App {
    let mut app = open(&TRACE, size);
    keys(&mut app, "3");
    app
}

macro_rules! snapshot {
    ($name:literal, $app:expr) => {
        insta::assert_snapshot!($name, screen(&$app))
    };
}

#[test]
fn the_list_with_its_sums() {
    snapshot!("list_120x40", shown((120, 40)));
    snapshot!("list_200x50", shown((200, 50)));
    snapshot!("list_80x24", shown((80, 24)));
    snapshot!("list_40x12", shown((40, 12)));
    insta::assert_snapshot!("list_no_color", screen_with(&shown((120, 40)), Theme::PLAIN));
}

#[test]
fn before_there_is_anything() {
    let (mut app, _) = App::new(vec![REAL.into()], (80, 24));
    app.update(Msg::Key(Key::Char('3')));
    snapshot!("nothing_open", app);
    let mut app = open(&TRACE, (80, 24));
    let effects = app.update(Msg::Key(Key::Char('3')));
    assert!(matches!(
        effects[..],
        [
            Effect::Mistakes(Order::LoadFilters),
            Effect::Mistakes(Order::Collect { ticket: Ticket(1), .. })
        ]
    ));
    snapshot!("pending", app);
    app.update(Msg::Mistakes(News::Progress { ticket: Ticket(1), done: 2, of: 5 }));
    app.update(Msg::Mistakes(News::Progress { ticket: Ticket(0), done: 4, of: 5 }));
    snapshot!("pending_many", app);
    app.update(Msg::Mistakes(News::Collected {
        ticket: Ticket(1),
        result: Err("x.csv.zst: line 3, byte 120: no valid time".into()),
    }));
    snapshot!("failed", app);
    let mut app = open(&TRACE, (80, 24));
    app.update(Msg::Key(Key::Char('3')));
    let no_model = Some("the file is damaged".into());
    let found = Found { table: FOUND.table.clone(), no_model, ..Found::default() };
    let effects = app
        .update(Msg::Mistakes(News::Collected { ticket: Ticket(1), result: Ok(Arc::new(found)) }));
    assert!(matches!(effects[..], [Effect::Mistakes(Order::Look { .. })]));
    snapshot!("summing_up", app);
    perform(&mut app, effects);
    snapshot!("no_model", app);
    let mut app = open(&Arc::new(TraceBuilder::default().finish(TraceMeta::default())), (80, 24));
    keys(&mut app, "3");
    snapshot!("no_decision", app);
}

#[test]
fn the_decision_at_the_timelines_cursor_is_selected_or_it_says_why_not() {
    let mut app = open(&TRACE, (120, 40));
    app.update(Msg::Key(Key::Char('3')));
    app.update(Msg::Key(Key::Enter));
    assert!(app.message.as_ref().unwrap().contains("no list yet"));
    let result = Ok(Arc::clone(&FOUND));
    app.update(Msg::Mistakes(News::Collected { ticket: Ticket(1), result }));
    assert_eq!(app.message, None, "there is one now");
    let mut app = shown((120, 40));
    let row = app.mistakes.view.as_ref().unwrap().rows[5] as usize;
    let at = Column::Time.count(&FOUND.table, row).unwrap();
    keys(&mut app, &format!("1t{at}ns\n3"));
    assert_eq!((app.mistakes.row(), &app.message), (Some(row), &None));
    // Nothing was chosen in between: what is selected stays.
    keys(&mut app, "j13");
    assert_ne!(app.mistakes.row(), Some(row));
    keys(&mut app, "1t20ms\n3");
    assert!(app.message.as_ref().unwrap().contains("not listed: warm-up"), "{:?}", app.message);
}

#[test]
fn a_filter_is_typed() {
    let mut app = shown((120, 30));
    keys(&mut app, "/cpu=0 and que");
    snapshot!("typing", app);
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.mistakes.filter.text, "cpu=0 and queue");
    keys(&mut app, ">=x");
    snapshot!("filter_error", app);
    app.update(Msg::Resized(50, 16));
    snapshot!("filter_error_50x16", app);
    app.update(Msg::Resized(120, 30));
    keys(&mut app, "\n");
    assert!(app.mistakes.filter.editing, "it stays until it is right");
    press(&mut app, &[Key::Backspace]);
    keys(&mut app, "4\n");
    assert!(!app.mistakes.filter.editing);
    snapshot!("filtered", app);
    keys(&mut app, "/cpu=77\n");
    assert_eq!(app.mistakes.filter.now.as_ref().unwrap().to_string(), "cpu=0 and queue>=4");
    assert!(app.mistakes.filter.error.is_some(), "two filters in one line are none");
    press(&mut app, &[Key::Ctrl('u')]);
    keys(&mut app, "cpu=77\n");
    snapshot!("filter_of_nothing", app);
    press(&mut app, &[Key::Esc]);
    assert_eq!(app.mistakes.filter.text, "cpu=0 and queue>=4", "one step back");
    press(&mut app, &[Key::Esc, Key::Esc]);
    assert!(app.mistakes.filter.now.is_none() && app.tab == Tab::Timeline);
}

#[test]
fn every_page_of_sums_and_what_a_bar_selects() {
    let mut app = shown((120, 40));
    let pages = app.mistakes.sums.pages.len();
    for page in 0..pages {
        insta::assert_snapshot!(format!("sums_{page:02}"), screen(&app));
        keys(&mut app, "v");
    }
    assert_eq!(app.mistakes.sums.page, 0);
    keys(&mut app, "V");
    assert_eq!(app.mistakes.sums.page, pages - 1);
    // Every bar and cell selects what it counts.
    for page in 0..pages {
        for at in 0..app.mistakes.sums.pages[page].len() {
            let mut app = shown((120, 40));
            app.mistakes.sums.page = page;
            let filter = app.mistakes.sums.pages[page].filter(at).unwrap();
            let rows = filter.rows(&FOUND.table).count() as u64;
            press(&mut app, &[Key::Tab]);
            app.mistakes.sums.bar = at;
            keys(&mut app, "\n");
            assert_eq!(app.mistakes.view.as_ref().unwrap().sums.total.decisions, rows, "{filter}");
            assert_eq!(app.mistakes.filter.text, filter.to_string());
        }
    }
}

#[test]
fn why_and_comparison() {
    let mut app = shown((120, 40));
    keys(&mut app, "jjjw");
    assert!(matches!(app.mistakes.why.told, Explained::Ready(..)));
    snapshot!("why", app);
    // Of the panes below only this one is in view: Tab goes there, and back to the list.
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.mistakes.panes.focus, Focus::Why);
    press(&mut app, &[Key::Tab]);
    assert_eq!((app.mistakes.panes.focus, app.mistakes.panes.lower), (Focus::List, Focus::Why));
    press(&mut app, &[Key::Tab, Key::End]);
    snapshot!("why_end", app);
    app.update(Msg::Resized(80, 24));
    snapshot!("why_80x24", app);
    // Every candidate's inputs can be looked at.
    app.update(Msg::Resized(120, 60));
    keys(&mut app, "ll");
    assert_eq!(app.mistakes.why.candidate, 2);
    snapshot!("why_inputs_end", app);
    press(&mut app, &[Key::Home]);
    snapshot!("why_inputs", app);
    press(&mut app, &[Key::Right; 300]);
    keys(&mut app, "h");
    let Explained::Ready(_, told) = &app.mistakes.why.told else { panic!() };
    assert_eq!(app.mistakes.why.candidate + 2, told.why.candidates.len());
    let mut app = shown((120, 40));
    keys(&mut app, "c");
    assert_eq!(app.mistakes.whose.second, Some(Column::Baseline(4)), "the strongest first");
    snapshot!("versus", app);
    // All others, but for `followed`: it is the one whose mistakes these are.
    keys(&mut app, "cccc");
    assert_eq!(app.mistakes.whose.second, None);
    // Where only one pane is in view, the answer is brought there.
    keys(&mut app, "vvvw");
    let order = asked(&mut app, "Crun");
    assert_eq!((app.mistakes.panes.lower, app.mistakes.sums.page), (Focus::Sums, 2));
    assert!(
        matches!(order, Some(Order::Collect { other: Some(file), .. }) if file.as_os_str() == "run")
    );
}

/// What the answer to a question orders.
fn asked(app: &mut App, typed: &str) -> Option<Order> {
    keys(app, typed);
    let effects = app.update(Msg::Key(Key::Enter));
    effects.into_iter().find_map(|e| if let Effect::Mistakes(o) = e { Some(o) } else { None })
}

/// Both predictors are chosen by name; everything is of the first one, and its name is always
/// there.
#[test]
fn whose_mistakes_they_are_is_chosen() {
    let mut app = shown((120, 40));
    keys(&mut app, "pee");
    snapshot!("whose_asked", app);
    press(&mut app, &[Key::Tab]);
    assert_eq!(
        app.over.prompt.as_ref().map(|p| p.text.as_str()),
        Some("eevdf"),
        "what it continues to"
    );
    let Some(Order::Collect { ticket, whom, other: None, .. }) = asked(&mut app, "") else {
        panic!()
    };
    assert_eq!(whom, ModelChoice::Named("eevdf".into()));
    snapshot!("whose_pending", app);
    let mut table = collect(
        &TRACE,
        REAL.into(),
        &mut Heuristic::new(Rule::Eevdf, 0),
        None,
        &Cancel::new(),
        &|_| {},
    )
    .unwrap();
    table.models[0] = "eevdf".into();
    let found = Found { table, latencies: vec![2_000], ..Found::default() };
    tell(&mut app, Msg::Mistakes(News::Collected { ticket, result: Ok(Arc::new(found)) }));
    snapshot!("whose", app);
    // The comparison is of this one with the second.
    keys(&mut app, "Cfollowed\n");
    assert_eq!(
        (app.mistakes.whose.second, &app.mistakes.whose.other),
        (Some(Column::Baseline(3)), &None),
        "no pass for a baseline"
    );
    let v = app.mistakes.view.as_ref().unwrap().versus.clone().unwrap();
    let followed = FOUND.table.clone();
    assert_eq!(
        v.fixed + v.both_right,
        Bitmap::of(followed.len(), |i| followed.is_hit(i)).count() as u64
    );
    assert!(app.mistakes.sums.pages.iter().any(|p| p.title().starts_with("eevdf → followed")));
    // On the timeline its answers are a row of their own, below those of the timeline's model.
    keys(&mut app, "\n");
    assert_eq!((app.tab, app.shared.beside.as_deref()), (Tab::Timeline, Some(Path::new("eevdf"))));
    // A name that leads nowhere changes nothing: neither the comparison nor where one stands.
    keys(&mut app, "3xjv");
    let at = |app: &App| {
        let m = &app.mistakes;
        let versus = m.view.as_ref().unwrap().versus.as_ref().map(|v| v.name.clone());
        (versus, m.row(), m.rows.marked.clone(), m.sums.page, m.panes.lower, m.whose.second)
    };
    let before = at(&app);
    assert_eq!((before.0.as_deref(), before.2.len()), (Some("followed"), 1));
    let rows = app.mistakes.view.as_ref().unwrap().rows.clone();
    for (typed, of) in [("pnobody", "eevdf"), ("Cnobody", "eevdf")] {
        let Some(Order::Collect { ticket, .. }) = asked(&mut app, typed) else { panic!() };
        let more = app.update(Msg::Mistakes(News::Collected {
            ticket,
            result: Err("nobody is no predictor".into()),
        }));
        assert_eq!(app.message.as_deref(), Some("nobody is no predictor"));
        perform(&mut app, more);
        assert_eq!(
            (app.mistakes.whose.first.as_deref(), &app.mistakes.whose.other),
            (Some(Path::new(of)), &None)
        );
        assert_eq!(app.mistakes.view.as_ref().unwrap().rows, rows);
        assert_eq!(at(&app), before);
    }
    // Back to the model that the timeline shows.
    keys(&mut app, "P");
    assert_eq!(app.mistakes.whose.first, None);
    assert_eq!(app.mistakes.found().unwrap().table.models[0], "followed");
    keys(&mut app, "P");
    assert!(app.message.as_ref().unwrap().contains("p asks"));
}

#[test]
fn the_list_is_sorted_chosen_and_copied() {
    let mut app = shown((120, 40));
    let t = &FOUND.table;
    let column = |app: &App, c: Column| -> Vec<u64> {
        let view = app.mistakes.view.as_ref().unwrap();
        view.rows.iter().map(|r| c.key(t, *r as usize, &c.order(t))).collect()
    };
    assert!(column(&app, Column::Time).is_sorted());
    press(&mut app, &[Key::Right; 6]);
    keys(&mut app, "s");
    assert!(column(&app, Column::P).is_sorted_by(|a, b| a >= b), "the greatest first");
    keys(&mut app, "s");
    assert!(column(&app, Column::P).is_sorted());
    press(&mut app, &[Key::Left; 4]);
    keys(&mut app, "s");
    assert!(column(&app, Column::Prev).is_sorted());
    let wrong = column(&app, Column::Prev).len();
    keys(&mut app, "a");
    assert_eq!(column(&app, Column::Prev).len(), t.len());
    keys(&mut app, "agxjxy");
    assert_eq!(app.mistakes.rows.marked.len(), 2);
    let text = app.shared.copy.take().unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(
        text.starts_with("t\tcpu\tprev\t") && text.lines().all(|l| l.split('\t').count() == 22),
        "{text}"
    );
    press(&mut app, &[Key::Esc]);
    assert!(app.mistakes.rows.marked.is_empty());
    assert!(wrong > 100);
}

#[test]
fn decisions_are_shown_on_the_timeline_and_walked_there() {
    let mut app = shown((120, 40));
    keys(&mut app, "/p>0.5 and queue>=3\njj\n");
    assert_eq!(app.tab, Tab::Timeline);
    let rows = app.mistakes.view.as_ref().unwrap().rows.clone();
    let event = |i: usize| Some(FOUND.table.event(rows[i] as usize));
    let at = |app: &App| app.timeline().unwrap().event();
    assert_eq!(at(&app), event(2));
    snapshot!("timeline_walked", app);
    for i in [3, 4, 5] {
        keys(&mut app, "n");
        assert_eq!(at(&app), event(i));
    }
    keys(&mut app, "NNNNN");
    assert_eq!(at(&app), event(0));
    keys(&mut app, "N");
    assert!(
        app.message.as_ref().unwrap().starts_with("no earlier decision of: p>0.5 and queue>=3")
    );
    keys(&mut app, "G");
    keys(&mut app, "n");
    assert!(app.message.as_ref().unwrap().starts_with("no later"));
    press(&mut app, &[Key::Esc]);
    assert!(app.shared.walk.is_none());
    // The range between two marks is a filter like any other.
    keys(&mut app, "t0.05\nmt0.1\nm3t");
    assert_eq!(app.mistakes.filter.text, "p>0.5 and queue>=3 and t>=50ms and t<=100ms");
    keys(&mut app, "F0f");
    assert_eq!(
        app.mistakes.filter.text, "p>0.5 and queue>=3 and t>=50ms and t<=100ms",
        "kept and brought back"
    );
    keys(&mut app, "f");
    assert_eq!(app.mistakes.filter.text, "p>0.5");
}

#[test]
fn chosen_recordings_are_shown_together() {
    let mut app = shown((120, 40));
    let entry = |name: &str| kernel_oracle::app::traces::Entry {
        path: name.into(),
        name: name.into(),
        ..Default::default()
    };
    app.update(Msg::Listed { entries: vec![entry("a"), entry("b"), entry(REAL)], problem: None });
    keys(&mut app, "4gxjx");
    assert_eq!(app.shared.chosen, [PathBuf::from("a"), PathBuf::from(REAL)]);
    let effects = app.update(Msg::Key(Key::Char('3')));
    let [
        Effect::Mistakes(Order::Collect {
            ticket: Ticket(2),
            origins,
            whom: ModelChoice::Current(None),
            other: None,
        }),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert!(
        matches!(&origins[..], [Origin::File(a), Origin::Open(b, _)] if a == Path::new("a") && b == Path::new(REAL))
    );
    // A decision of a recording that is not open: it is opened, then gone to.
    let one: Table = FOUND.table.clone();
    let mut other = one.clone();
    other.sources[0].path = "a".into();
    let found = Found { table: Table::join(vec![other, one]), ..Found::default() };
    let more = app
        .update(Msg::Mistakes(News::Collected { ticket: Ticket(2), result: Ok(Arc::new(found)) }));
    perform(&mut app, more);
    let effects = app.update(Msg::Key(Key::Enter));
    assert!(
        matches!(&effects[..], [Effect::Open { path, .. }] if path == Path::new("a")),
        "{effects:?}"
    );
    let event = FOUND.table.event(app.mistakes.row().unwrap());
    let loaded = Loaded {
        path: "a".into(),
        pyramid: Pyramid::build(&TRACE),
        trace: Arc::clone(&TRACE),
        notes: Vec::new(),
    };
    app.update(Msg::Opened { ticket: Ticket(2), path: "a".into(), result: Ok(Arc::new(loaded)) });
    assert_eq!(app.timeline().unwrap().event(), Some(event));
}

#[test]
fn without_color_everything_is_said_in_text() {
    let mut app = shown((160, 40));
    for text in ["", "v", "vv", "w", "/cpu=x"] {
        keys(&mut app, text);
        let colored = coloured(&screen_with(&app, Theme::PLAIN));
        assert_eq!(colored, 0, "{text}");
    }
}

#[test]
fn the_timeline_counts_what_this_screen_counts() {
    let mut app = open(&TRACE, (250, 40));
    let ticket = Ticket(1);
    let chunks = |send: &mut dyn FnMut(Chunk)| {
        overlay::run(&TRACE, soft(), &Cancel::new(), &mut |chunk| send(chunk)).unwrap();
    };
    chunks(&mut |chunk| tell(&mut app, Msg::Predicted { ticket, chunk }));
    keys(&mut app, "clstm\n");
    chunks(&mut |chunk| {
        tell(&mut app, Msg::Second { ticket, news: second::News::Predicted(chunk) });
    });
    let shown = screen(&app).to_string();
    keys(&mut app, "3");
    let total = app.mistakes.view.as_ref().unwrap().sums.total;
    let right = format!("{:.1} %", 100.0 * total.hits as f64 / total.decisions as f64);
    assert!(shown.contains(&format!("pick {right} · lstm {right} right")), "{right}: {shown}");
    assert!(screen(&app).to_string().contains(&format!("{right} right")), "{right}");
    let score = app.timeline().unwrap().answers.total(&TRACE);
    assert_eq!(u64::from(score.counted), total.decisions, "and as many");
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let key = prop_oneof![
        10 => prop::sample::select("333//  jkhlvVwcCpPsaxyyfFt0gGnNq?41=<>()\"p.9 cpu~ and or not hit".chars().collect::<Vec<_>>())
            .prop_map(Key::Char),
        5 => prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::Up, Key::Down, Key::Left, Key::Right,
            Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::Backspace, Key::BackTab, Key::Ctrl('u'), Key::Ctrl('w')])
    ];
    prop_oneof![
        14 => key.prop_map(Msg::Key),
        4 => any_mouse().prop_map(Msg::Mouse),
        1 => (0_u16..210, 0_u16..60).prop_map(|(w, h)| Msg::Resized(w, h)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_panics(empty in prop::bool::weighted(0.2), msgs in prop::collection::vec(any_msg(), 1..60)) {
        let trace = if empty { Arc::new(TraceBuilder::default().finish(TraceMeta::default())) } else { Arc::clone(&TRACE) };
        let mut app = open(&trace, (110, 34));
        keys(&mut app, "3");
        for msg in msgs {
            if app.tab == Tab::Timeline && matches!(msg, Msg::Key(_)) {
                keys(&mut app, "3");
            }
            tell(&mut app, msg);
            screen(&app);
            let m = &app.mistakes;
            if let Some(view) = &m.view {
                prop_assert!(m.listing.list.at < view.rows.len().max(1));
                prop_assert!(m.sums.pages.get(m.sums.page).is_none_or(|p| m.sums.bar < p.len().max(1)));
            }
        }
    }
}
