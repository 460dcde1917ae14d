//! Names that would steer a terminal, drawn: no cell of any screen may hold a character that does
//! something else than stand there, wherever the name comes from.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::app::input::Key;
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::traces::{Entry, Via};
use kernel_oracle::app::{App, Msg};
use kernel_oracle::ingest;
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::text::hidden;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use ratatui::{Terminal, backend::TestBackend};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Titles, the clipboard, 8-bit controls, direction, no width, tags that hang on a letter, blanks
/// that are letters.
const HOSTILE: [&str; 5] = [
    "t\u{1b}]0;PWN\u{7}",
    "c\u{9b}31m\u{1b}]52;c;eA==\u{7}\u{7f}",
    "b\u{202e}\u{2066}x\u{200f}\u{61c}\u{2028}",
    "z\u{200b}\u{feff}y\u{e0041}\u{e0042}\u{200d}",
    "f\u{115f}\u{3164}\u{ffa0}\u{ad}",
];

fn loaded() -> Loaded {
    let mut text =
        "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n".to_owned();
    for i in 0..200 {
        let [(pid, comm), (next, next_comm)] = [i, i + 1].map(|i| (1 + i % 5, HOSTILE[i % 5]));
        writeln!(
            text,
            "{},0,switch,{pid},{pid},\"{comm}\",120,R,{next},\"{next_comm}\",120,,",
            1_000 * i
        )
        .unwrap();
    }
    let name = HOSTILE.concat();
    let trace = ingest::read(text.into_bytes(), &name).unwrap().trace;
    assert_eq!(trace.len(), 200);
    let pyramid = Pyramid::build(&trace);
    Loaded { path: PathBuf::from(&name), trace: Arc::new(trace), pyramid, notes: vec![name] }
}

fn look(app: &App, what: &str) -> String {
    let (w, h) = app.size;
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    terminal.draw(|frame| draw(app, &Theme::DARK, frame.buffer_mut())).unwrap();
    let buffer = terminal.backend().buffer();
    let bad = buffer.content().iter().find(|cell| cell.symbol().contains(hidden));
    assert!(bad.is_none(), "{what}: {bad:?}");
    buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn no_cell_holds_what_is_not_to_be_seen() {
    let name = HOSTILE.concat();
    for size in [(80, 24), (200, 50)] {
        let (mut app, _) = App::new(vec![PathBuf::from(&name)], size);
        look(&app, "before anything is read");
        let result = Ok(Arc::new(loaded()));
        app.update(Msg::Opened { ticket: Ticket(1), path: PathBuf::from(&name), result });
        let entries = HOSTILE.iter().map(|n| Entry {
            name: (*n).into(),
            workload: name.clone(),
            kernel: name.clone(),
            error: Some(name.clone()),
            via: Via::Given,
            ..Entry::default()
        });
        app.update(Msg::Listed { entries: entries.collect(), problem: Some(name.clone()) });
        for key in ['1', 'f', 'n', '.', '.', 'w', 'w', 'w', '2', '3', '4', '?', '1', 's', 's'] {
            app.update(Msg::Key(Key::Char(key)));
            let text = look(&app, &format!("after {key}"));
            // What is hidden is told apart, not left out.
            if key == '4' {
                assert!(
                    text.contains("t\\x1b]0;PWN\\x07") && text.contains("b\\u{202e}"),
                    "{text}"
                );
            }
        }
        app.message = Some(name.clone());
        look(&app, "a message");
        app.update(Msg::Opened {
            ticket: Ticket(1),
            path: PathBuf::from(&name),
            result: Err(name.clone()),
        });
        app.update(Msg::PredictionFailed { ticket: Ticket(1), problem: name.clone() });
        look(&app, "what went wrong");
        app.update(Msg::Key(Key::Char('/')));
        name.chars().for_each(|c| drop(app.update(Msg::Key(Key::Char(c)))));
        look(&app, "what is typed");
    }
}
