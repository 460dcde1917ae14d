//! The tour as a newcomer walks it: six stops on the bundled recording with the real network, each
//! on its screen with what its card speaks of in view; forward, back, out, and what other keys do
//! meanwhile.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "explorer/mod.rs"]
mod explorer;

use explorer::Explorer;
use kernel_oracle::app::input::Key;
use kernel_oracle::app::over::Card;
use kernel_oracle::app::timeline::Pane;
use kernel_oracle::app::tour::{Stop, Tour};
use kernel_oracle::app::waits::Data;
use kernel_oracle::app::{App, Msg, Tab};

/// At this stop, with everything on the screen that comes from jobs.
fn arrive(e: &mut Explorer, stop: Stop) -> String {
    e.until(stop.title(), |app| {
        let told = tour(app).is_some_and(|t| t.stop == stop && t.words.is_some());
        let t = app.timeline();
        let inspected =
            t.is_some_and(|t| t.panes.inspector.shown.as_ref().map(|i| i.event) == t.event());
        let reasoned =
            t.is_some_and(|t| t.causes.kernel.told.as_ref().map(|k| Some(k.0)) == Some(t.event()));
        told && match stop {
            Stop::Why => reasoned,
            Stop::Wait => {
                matches!(app.waits.data, Data::Ready(_)) && app.waits.instead.chosen.is_some()
            }
            Stop::Training => true,
            _ => inspected,
        }
    });
    e.text()
}

fn tour(app: &App) -> Option<&Tour> {
    match &app.over.card {
        Some(Card::Tour(tour)) => Some(tour),
        _ => None,
    }
}

/// The first words after `before` in the card, up to `after`.
fn between<'a>(words: &'a str, before: &str, after: &str) -> &'a str {
    words
        .split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map_or("", |(name, _)| name)
}

#[test]
fn six_stops_show_what_they_speak_of() {
    for size in [(80, 24), (120, 40), (250, 70)] {
        let mut e = Explorer::started(&[], size);
        e.key(Key::Char('t'));
        let text = arrive(&mut e, Stop::Decision);
        assert!(text.contains("tour 1 of 6") && text.contains("● hackbench"), "{text}");
        let words = tour(&e.app).unwrap().words.clone().unwrap();
        assert!(!e.app.timeline().unwrap().cursor.is_playing(), "it stands still");
        let named = between(&words, "network gave ", " a probability");
        assert!(named.contains(':') && text.contains(named), "{named} in\n{text}");
        let first = e.app.timeline().unwrap().event();

        e.key(Key::Enter);
        let text = arrive(&mut e, Stop::Seen);
        assert!(text.contains("what the model saw") && text.contains("tour 2 of 6"), "{text}");
        assert_eq!(
            (e.app.timeline().unwrap().event(), e.app.timeline().unwrap().panes.focus),
            (first, Pane::Context)
        );

        e.key(Key::Char('n'));
        let text = arrive(&mut e, Stop::Miss);
        let words = tour(&e.app).unwrap().words.clone().unwrap();
        let (expected, real) =
            (between(&words, "expected ", ", at"), between(&words, "took ", ", to which"));
        assert!(
            expected != real && text.contains(expected) && text.contains(real),
            "{expected} {real} in\n{text}"
        );
        assert!(text.contains('✗') && text.contains('●'), "{text}");
        let missed = e.app.timeline().unwrap().event();

        e.key(Key::Enter);
        let text = arrive(&mut e, Stop::Why);
        assert!(text.contains("why the kernel chose it") && text.contains("deadline"), "{text}");
        let t = e.app.timeline().unwrap();
        let (event, picture) = t.causes.kernel.told.as_ref().unwrap();
        let level = picture.as_ref().unwrap().levels.last().unwrap();
        let chosen = level.lines.iter().find(|m| m.chosen).unwrap();
        assert_eq!((t.causes.kernel.example, t.event()), (Some(Some(*event)), Some(*event)));
        let passed = level.lines.iter().filter(|m| m.key_ns < chosen.key_ns);
        assert!(passed.count() > 0, "one with an earlier deadline may not come in: {level:?}");
        assert!(level.lines.iter().any(|m| m.note.contains("not eligible")), "{level:?}");

        e.key(Key::Enter);
        let text = arrive(&mut e, Stop::Wait);
        assert!(
            e.app.tab == Tab::Waits && text.contains("ran instead") && text.contains("p99"),
            "{text}"
        );
        e.key(Key::Enter);
        let text = arrive(&mut e, Stop::Training);
        assert!(e.app.tab == Tab::Train && text.contains("tour 6 of 6"), "{text}");
        // Back to the miss as it was.
        e.key(Key::Char('p'));
        arrive(&mut e, Stop::Wait);
        e.key(Key::Left);
        arrive(&mut e, Stop::Why);
        e.key(Key::Char('p'));
        arrive(&mut e, Stop::Miss);
        let t = e.app.timeline().unwrap();
        assert!(t.event() == missed && !t.causes.kernel.shown && e.app.tab == Tab::Timeline);
        e.key(Key::Char('w'));
        assert!(e.text().contains("Enter goes on"), "{}", e.text());
        assert_eq!(
            e.app.timeline().unwrap().event(),
            missed,
            "keys of the screen wait until the tour is over"
        );
        e.key(Key::Esc);
        assert!(
            e.app.over.card.is_none() && e.app.tab == Tab::Timeline && e.app.room() == e.app.size
        );
    }
}

#[test]
fn after_the_last_stop_comes_home_and_a_tab_ends_the_tour() {
    let mut e = Explorer::started(&[], (100, 30));
    e.key(Key::Char('t'));
    arrive(&mut e, Stop::Decision);
    e.key(Key::Char('p'));
    assert!(e.text().contains("this is the first stop"));
    for stop in &Stop::ALL[1..] {
        e.key(Key::Enter);
        arrive(&mut e, *stop);
    }
    e.key(Key::Enter);
    assert!(matches!(e.app.over.card, Some(Card::Home(_))) && e.app.tab == Tab::Timeline);
    e.key(Key::Char('t'));
    arrive(&mut e, Stop::Decision);
    e.key(Key::Char('3'));
    assert!(e.app.over.card.is_none() && e.app.tab == Tab::Mistakes);
}

#[test]
fn without_a_bundled_recording_it_says_so() {
    let (mut app, _) = App::new(vec!["a".into()], (100, 30));
    app.update(Msg::Key(Key::Char('H')));
    app.update(Msg::Key(Key::Char('t')));
    assert!(tour(&app).is_some(), "the list is not there yet");
    app.update(Msg::Listed { entries: Vec::new(), problem: None });
    assert!(
        tour(&app).is_none() && app.message.as_ref().is_some_and(|m| m.contains("KORACLE_TRACES"))
    );
}
