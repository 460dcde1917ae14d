//! Finding one's way: the palette of commands, the `?` page of each screen, keys that a user chose,
//! and the mouse on footer and column names.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "explorer/mod.rs"]
mod explorer;

use explorer::Explorer;
use kernel_oracle::app::input::Key;
use kernel_oracle::app::settings::Settings;
use kernel_oracle::app::{Open, Tab};

const RECORDING: &str = "traces/cfs/nginx-ab_run3.csv.zst";

fn opened(size: (u16, u16)) -> Explorer {
    let mut e = Explorer::started(&[RECORDING], size);
    e.until("the recording", |app| app.timeline().is_some() && app.traces.listed);
    e
}

#[test]
fn a_command_is_found_by_a_few_letters_and_done() {
    for size in [(80, 24), (120, 40)] {
        let mut e = opened(size);
        e.keys(":");
        insta::assert_snapshot!(format!("palette_{}x{}", size.0, size.1), palette(&e));
        e.keys("heat map");
        insta::assert_snapshot!(format!("palette_heat_{}x{}", size.0, size.1), palette(&e));
        e.key(Key::Enter);
        assert!(
            e.app.over.palette.is_none()
                && e.app.message.as_ref().is_some_and(|m| m.contains("heat map"))
        );
    }
    // A tall screen lists more of them.
    let mut e = opened((250, 70));
    e.keys(":");
    let (text, found) = (e.text(), &e.app.over.palette.as_ref().unwrap().found);
    let listed = |help: &str| text.contains(&help.chars().take(20).collect::<String>());
    assert!(found.len() > 58 && found[..58].iter().all(|c| listed(c.binding.help)), "{text}");
    let mut e = opened((100, 30));
    // What belongs to another screen shows that one, and is done there.
    e.keys(":set up a new run");
    e.key(Key::Enter);
    assert!(e.app.tab == Tab::Train && e.app.train.form.is_some());
    e.key(Key::Esc);
    e.keys("1:zebra crossing");
    assert!(e.text().contains("no command is described so"));
    // It stays open, so that one can type something else.
    e.key(Key::Enter);
    assert!(e.app.over.palette.is_some() && e.text().contains("no command is described so"));
    e.key(Key::Esc);
    assert!(e.app.over.palette.is_none() && e.app.tab == Tab::Timeline);
    // What is said below and does not fit says that there is more.
    e.app.message = Some("predictors: tcn, lstm, mlp, ppm, kernel, ".repeat(4));
    assert!(e.text().lines().last().unwrap().contains(" …"), "{}", e.text());
    e.keys(":go to a time");
    e.key(Key::Enter);
    assert!(e.app.over.prompt.is_some(), "a command that asks something");
    e.key(Key::Esc);
    e.keys(":q");
    e.key(Key::Esc);
    assert!(!e.app.quit && e.app.over.palette.is_none());
    e.keys(":q");
    e.key(Key::Enter);
    assert!(e.app.quit, "the key itself finds what it does");
}

/// The palette alone: what is behind it comes from jobs, when they are done.
fn palette(e: &Explorer) -> String {
    let text = e.text();
    let rows: Vec<Vec<char>> =
        text.lines().map(|row| row.trim_matches('"').chars().collect()).collect();
    let (left, right) = (
        rows[1].iter().position(|c| *c == '┌').unwrap(),
        rows[1].iter().rposition(|c| *c == '┐').unwrap(),
    );
    let bottom = rows.iter().position(|row| row[left] == '└').unwrap();
    rows[1..=bottom]
        .iter()
        .map(|row| row[left..=right].iter().collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn help_is_of_the_screen_in_view_with_its_words_first() {
    let mut e = opened((80, 24));
    for (tab, key, word, does) in [
        (Tab::Timeline, '1', "ran", "start or stop playback"),
        (Tab::Waits, '5', "Columns", "type a filter"),
        (Tab::Mistakes, '3', "margin", "next page of sums"),
        (Tab::Train, '2', "top-1, top-3", "set up a new run"),
    ] {
        e.keys(&key.to_string());
        e.key(Key::Char('?'));
        let mut all = e.text();
        assert!(
            all.contains("Esc closes") && all.contains("more lines"),
            "it says that there is more:\n{all}"
        );
        for _ in 0..20 {
            e.key(Key::PageDown);
            all += &e.text();
        }
        assert!(e.app.tab == tab && all.contains(word) && all.contains(does), "{all}");
        let foreign = if tab == Tab::Train { "next page of sums" } else { "end the run at once" };
        assert!(!all.contains(foreign), "keys of other screens are on their pages:\n{all}");
        e.key(Key::Esc);
        assert!(e.app.over.help.is_none());
    }
    // From page to page.
    e.keys("1?5");
    assert!(e.app.over.help == Some(0) && e.text().contains("Waits · words"), "{}", e.text());
    e.keys("q");
    assert!(e.app.over.help.is_none() && !e.app.quit);
}

#[test]
fn keys_that_were_chosen_are_shown_everywhere() {
    let mut e = opened((120, 40));
    e.app.shared.settings = Settings::parse("[keys]\n\"J\" = \"n\"\n\"^t\" = \"t\"\n").unwrap();
    assert!(e.text().lines().last().unwrap().contains("J N miss"), "{}", e.text());
    e.keys(":got");
    assert!(e.text().contains("^T t"), "{}", e.text());
    e.key(Key::Esc);
    e.keys("?");
    assert!(e.text().contains("J n"), "{}", e.text());
}

#[test]
fn the_mouse_presses_keys_of_the_footer_and_sorts_by_columns() {
    let mut e = opened((120, 40));
    let last = usize::from(e.app.size.1) - 1;
    let playing = |e: &Explorer| e.app.timeline().unwrap().cursor.is_playing();
    e.click_on("Space", last);
    assert!(playing(&e));
    e.click_on("play", last);
    assert!(!playing(&e), "a click on the word presses the key, too");
    e.click_on("? help", last);
    assert!(e.app.over.help.is_some());
    e.key(Key::Esc);
    e.keys("5");
    e.until("the waits", |app| app.waits.view.is_some());
    let order = |e: &Explorer| e.app.waits.view.as_ref().unwrap().rows.clone();
    let first = order(&e);
    e.click_on("task", 3);
    e.until("another order", |app| !app.waits.is_stale());
    assert!(order(&e) != first && e.text().contains("task▲"), "{}", e.text());
    e.click_on("task", 3);
    e.until("the other way round", |app| !app.waits.is_stale());
    assert!(e.text().contains("task▼"), "{}", e.text());
    e.keys("6");
    e.until("the tasks", |app| !app.tasks.found.rows.is_empty());
    e.click_on("sleep", 3);
    e.until("another order", |app| !app.tasks.is_stale());
    assert!(e.text().contains("sleep▼"), "{}", e.text());
}

#[test]
fn what_is_typed_while_a_recording_is_read_is_done_when_it_is_there() {
    let mut e = Explorer::started(&[RECORDING], (100, 30));
    assert!(matches!(e.app.viewer.open, Open::Loading(_)));
    e.keys("G");
    e.until("the recording", |app| app.timeline().is_some());
    let t = e.app.timeline().unwrap();
    assert_eq!(t.cursor.pos(), t.trace().span());
}

#[test]
fn a_time_outside_the_recording_says_so() {
    let mut e = opened((100, 30));
    let said = |e: &mut Explorer, text: &str| {
        e.keys("t");
        e.keys(text);
        e.key(Key::Enter);
        e.app.message.clone().unwrap_or_default()
    };
    assert!(said(&mut e, "150%").contains("lies behind the recording"));
    assert_eq!(e.app.timeline().unwrap().cursor.pos(), e.app.timeline().unwrap().trace().span());
    assert_eq!(said(&mut e, "50%"), "");
    assert!(said(&mut e, "-9s").contains("lies before the recording"));
    assert_eq!(said(&mut e, "100%"), "");
}

#[test]
fn a_list_that_is_not_there_yet_is_no_silence() {
    let mut e = opened((80, 24));
    e.keys("3");
    e.key(Key::Enter);
    assert!(e.text().contains("there is no list yet"), "{}", e.text());
    e.until("the mistakes", |app| app.mistakes.view.is_some());
    // Of the figures above the list only whole ones.
    let text = e.text();
    let line = text.lines().nth(2).unwrap().trim_matches('"').trim();
    assert!(line.starts_with("tcn: ") && line.ends_with(['%', 'e', 'h']), "{line}");
}

#[test]
fn the_form_says_that_there_are_more_fields() {
    let mut e = opened((80, 24));
    e.keys("2n");
    assert!(e.text().contains("more fields"), "{}", e.text());
    let mut e = opened((120, 60));
    e.keys("2n");
    assert!(!e.text().contains("more fields"), "{}", e.text());
}
