//! The bottom rows: playback, keys that work now, questions, news; and the `?` page. Made from the
//! key table.

use super::palette::Theme;
use super::pen::Pen;
use crate::app::answers::Answers;
use crate::app::footer;
use crate::app::layout::{Area, Layout};
use crate::app::timeline::Timeline;
use crate::app::{App, Tab, time};
use ratatui::style::Style;

/// Texts with their styles.
type Pieces = Vec<(String, Style)>;

/// Playback, marks, progress of the predictions.
pub fn bar(app: &App, t: &Timeline, l: &Layout, pen: &mut Pen) {
    let theme = pen.theme;
    if l.bar.y == l.footer.y {
        return; // one row only: keys() puts the short form there
    }
    let mut pieces = playback(t, theme);
    let mut more = Pieces::new();
    marks(t, theme, &mut more);
    predictors(app, t, theme, &mut more);
    progress(t, theme, &mut more);
    // Half a figure of the second row says nothing: what the axis says as well gives way to it.
    let length =
        |pieces: &Pieces| -> usize { pieces.iter().map(|(text, _)| text.chars().count()).sum() };
    let room = usize::from(l.bar.w.saturating_sub(1));
    while t.second.is_some() && pieces.len() > 1 && length(&pieces) + length(&more) > room {
        pieces.pop();
    }
    pieces.append(&mut more);
    caveats(t, theme, &mut pieces);
    pen.inside(Area { x: 1, w: l.bar.w.saturating_sub(1), ..l.bar }).fitting(0, &pieces);
}

fn playback(t: &Timeline, theme: Theme) -> Pieces {
    let pos = t.point(t.cursor.pos().0, 0);
    vec![
        (footer::playback(t), theme.strong()),
        (format!("  {pos} of {}", time::short(t.trace().span().0)), theme.text()),
        (format!("  window {}", time::short(t.view.width)), theme.dim()),
    ]
}

/// The time between the marks, and what is searched.
fn marks(t: &Timeline, theme: Theme, pieces: &mut Pieces) {
    let apart = |from: u64, to: u64| time::short_signed(to as i64 - from as i64);
    match t.marks[..] {
        [] => {}
        [a] => pieces.push((format!("  A→┃ {}", apart(a.0, t.cursor.pos().0)), theme.mark())),
        [a, b, ..] => pieces.push((format!("  A→B {}", apart(a.0, b.0)), theme.mark())),
    }
    if let Some(found) = &t.looks.found {
        let tasks = if found.threads == 1 { "task" } else { "tasks" };
        pieces.push((format!("  /{} {} {tasks}", found.query, found.threads), theme.text()));
    }
}

/// Whose predictions these are, and whose list is walked.
fn predictors(app: &App, t: &Timeline, theme: Theme, pieces: &mut Pieces) {
    if let Some(whose) = t.answers.live() {
        pieces.push((format!("  ● {whose} predicts here"), theme.playhead()));
    } else if let Some((name, _)) = &app.shared.model {
        pieces.push((format!("  model {name}"), theme.mark()));
    }
    // What `n` and `N` go to, and by whose answers it is listed, while it is not the shown row's.
    if let Some(list) = app.shared.walk.and_then(|tab| app.screen_of(tab).walked()) {
        pieces.push((format!("  ▾ n N in {list}"), theme.mark()));
    }
}

/// How far the predictions are; of two rows, how right each is.
fn progress(t: &Timeline, theme: Theme, pieces: &mut Pieces) {
    let (done, all) = (t.answers.events_done, t.trace().len());
    let percent_done = done * 100 / all.max(1);
    if let Some(second) = &t.second {
        let did = second.answers.events_done;
        let right = |a: &Answers| {
            let missed = a.total(t.trace()).miss_share();
            missed.map_or("–".into(), |missed| format!("{:.1} %", 100.0 * (1.0 - missed)))
        };
        // Of all that is scored, and only when both have answered the same.
        let text = if did < all {
            format!("  ░ {} {} %", second.label, did * 100 / all.max(1))
        } else if done == all {
            let (one, two) = (right(&t.answers), right(&second.answers));
            format!("  {} {one} · {} {two}", t.answers.row().name(), second.label)
        } else {
            String::new()
        };
        pieces.push((text, theme.text()));
        pieces.extend((done == all && did == all).then(|| (" right".to_owned(), theme.text())));
    }
    if let Some(problem) = &t.answers.failed {
        pieces.push((format!("  no predictions: {problem}"), theme.miss()));
    } else if done < all {
        let early = if t.answers.is_early() { ", what is seen first" } else { "" };
        pieces.push((format!("  ░ predicting {percent_done} %{early}"), theme.dim()));
    }
}

/// What must be known of the predictions and of the recording.
fn caveats(t: &Timeline, theme: Theme, pieces: &mut Pieces) {
    if let Some(problem) = &t.answers.no_model {
        pieces.push((format!("  – no model: {problem}"), theme.miss()));
    }
    let lost: u64 = t.trace().gaps().iter().map(|gap| gap.lost).sum();
    if lost > 0 {
        let events = if lost == 1 { "event" } else { "events" };
        pieces.push((format!("  ╱ {} {events} lost", time::grouped(lost)), theme.gap()));
    }
    if let Some((note, others)) = t.loaded.notes.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" (+{})", others.len()) };
        pieces.push((format!("  ! {note}{more}"), theme.gap()));
    }
}

/// What is said behind an answer that is proposed: as much as there is room for.
const PROPOSED: [&str; 3] =
    [" Enter: this one; or type another", " Enter, or type another", " Enter"];

/// The last row: a question, news, or the keys.
pub fn keys(app: &App, pen: &mut Pen) {
    let theme = pen.theme;
    let (w, y) = (pen.area.w, pen.area.h - 1);
    pen.fill(0, y, w, Style::new());
    if let Some(prompt) = &app.over.prompt {
        let room = usize::from(w).saturating_sub(prompt.label().len() + 6);
        let skip = prompt.text.chars().count().saturating_sub(room);
        let text: String = prompt.text.chars().skip(skip).collect();
        let mut pieces = vec![
            (prompt.label(), theme.strong()),
            (": ", theme.strong()),
            (text.as_str(), theme.text()),
            ("▏", theme.playhead()),
        ];
        let used: usize = pieces.iter().map(|(text, _)| text.chars().count()).sum();
        let hint = PROPOSED.iter().find(|hint| used + hint.chars().count() < usize::from(w));
        pieces.extend(hint.filter(|_| prompt.proposed).map(|hint| (*hint, theme.dim())));
        pen.put_all(1, y, w - 1, &pieces);
        return;
    }
    if let Some(question) = super::train::question(&app.train).filter(|_| app.tab == Tab::Train) {
        pen.sentence((1, y), &question, theme.miss());
        return;
    }
    if app.tab == Tab::Train && app.train.form.is_some() {
        pen.put(1, y, w - 1, "Enter starts the run  Esc closes the form", theme.dim());
        return;
    }
    if let Some(message) = &app.message {
        pen.sentence((1, y), message, theme.strong());
        return;
    }
    if app.over.help.is_some() {
        pen.put(
            1,
            y,
            w - 1,
            "j k PgUp PgDn scroll  1 to 7 other screens  Esc ? q close",
            theme.dim(),
        );
        return;
    }
    if let Some(text) = app.playback_in_footer() {
        pen.put(1, y, w - 1, &text, theme.strong());
    }
    for piece in app.footer() {
        let mut x = piece.x;
        for (_, label) in &piece.keys {
            x += pen.put(x, y, w, label, theme.strong()) + 1;
        }
        pen.put(x, y, w, piece.word, theme.dim());
    }
}
