//! The screen, drawn into a buffer, and what a user does before it.

use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::app::ticket::Ticket;
use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::app::{App, Msg};
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::Trace;
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use proptest::prelude::*;
use ratatui::style::Color;
use ratatui::{Terminal, backend::TestBackend};
use std::sync::Arc;

/// What is shown, in these colours.
pub fn screen_with(app: &App, theme: Theme) -> TestBackend {
    let (w, h) = app.size;
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    terminal.draw(|frame| draw(app, &theme, frame.buffer_mut())).unwrap();
    terminal.backend().clone()
}

/// What is shown.
pub fn screen(app: &App) -> TestBackend {
    screen_with(app, Theme::DARK)
}

/// Cells of a screen that have a colour.
pub fn coloured(screen: &TestBackend) -> usize {
    let cells = screen.buffer().content().iter();
    cells.filter(|c| c.fg != Color::Reset || c.bg != Color::Reset).count()
}

/// The key that types this.
pub fn typed(c: char) -> Key {
    match c {
        '\n' => Key::Enter,
        '\t' => Key::Tab,
        c => Key::Char(c),
    }
}

/// Keys that type nothing.
pub const SPECIAL: [Key; 9] = [
    Key::Enter,
    Key::Esc,
    Key::Tab,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::Home,
    Key::End,
];

/// What a mouse may do.
pub const MOUSE: [MouseKind; 5] =
    [MouseKind::Down, MouseKind::Drag, MouseKind::Up, MouseKind::WheelUp, MouseKind::WheelDown];

/// The fact that a recording of this name is open.
pub fn opened(path: &str, trace: &Arc<Trace>) -> Msg {
    let loaded = Loaded {
        path: path.into(),
        pyramid: Pyramid::build(trace),
        trace: Arc::clone(trace),
        notes: Vec::new(),
    };
    Msg::Opened { ticket: Ticket(1), path: path.into(), result: Ok(Arc::new(loaded)) }
}

/// What is shown, with colours or without.
pub fn screen_in(app: &App, color: bool) -> TestBackend {
    screen_with(app, if color { Theme::DARK } else { Theme::PLAIN })
}

/// Anything that a mouse may do, on the screen and beside it.
pub fn any_mouse() -> impl Strategy<Value = Mouse> {
    (prop::sample::select(MOUSE.to_vec()), 0_u16..210, 0_u16..60).prop_map(|(kind, x, y)| Mouse {
        kind,
        x,
        y,
    })
}
