//! The screen, drawn into a buffer, and what a user does before it.

use kernel_oracle::app::App;
use kernel_oracle::app::input::{Key, Mouse, MouseKind};
use kernel_oracle::ui::draw::draw;
use kernel_oracle::ui::palette::Theme;
use proptest::prelude::*;
use ratatui::style::Color;
use ratatui::{Terminal, backend::TestBackend};

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

/// Anything that a mouse may do, on the screen and beside it.
pub fn any_mouse() -> impl Strategy<Value = Mouse> {
    let kinds = vec![
        MouseKind::Down,
        MouseKind::Drag,
        MouseKind::Up,
        MouseKind::WheelUp,
        MouseKind::WheelDown,
    ];
    (prop::sample::select(kinds), 0_u16..210, 0_u16..60).prop_map(|(kind, x, y)| Mouse {
        kind,
        x,
        y,
    })
}
