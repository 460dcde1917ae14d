//! Owns the terminal: takes it over, gives it back on every way out, and turns its events and the
//! system's signals into messages.

use super::draw::draw;
use super::palette::Theme;
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::{App, Msg};
use crate::job::Job;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event,
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::{Terminal, backend::CrosstermBackend};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP};
use std::io::{self, Stdout, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Somebody asked the program to rest (SIGTSTP).
static REST: AtomicBool = AtomicBool::new(false);
/// The program went on after a rest, of which it may not have known before.
static WOKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; dropping it gives the terminal back.
pub struct Guard(Terminal<CrosstermBackend<Stdout>>);

/// Gives the terminal back, once. Safe to call at any time, also from a panic hook.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that cannot be written to.
        let _ = execute!(
            stdout(),
            DisableBracketedPaste,
            DisableMouseCapture,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

/// Sets the terminal up for a full screen.
fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)
}

impl Guard {
    /// Takes the terminal over. From here on a panic on the interface's thread restores it before
    /// it prints.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let ui = std::thread::current().id();
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                // A panic in a job is that job's failure: it becomes a message and must not draw
                // over the screen.
                if std::thread::current().id() == ui {
                    restore();
                }
                if !TAKEN.load(Ordering::SeqCst) {
                    before(info);
                }
            }));
        });
        let taken = take().and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match taken {
            Ok(terminal) => Ok(Self(terminal)),
            Err(e) => {
                restore();
                Err(e)
            }
        }
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.0.size().map(|s| (s.width, s.height))
    }

    /// Rests when that was asked: gives the terminal back, stops the whole program until it is
    /// continued, takes the terminal again. After a rest that nobody had announced it takes it
    /// again too. True when everything is to be drawn anew.
    pub fn rested(&mut self) -> io::Result<bool> {
        if REST.swap(false, Ordering::SeqCst) {
            restore();
            // As the signal would have done it. It comes back when somebody continues the program.
            signal_hook::low_level::raise(SIGSTOP)?;
            WOKEN.store(true, Ordering::SeqCst);
        }
        if !WOKEN.swap(false, Ordering::SeqCst) {
            return Ok(false);
        }
        // Whoever had the terminal meanwhile may have changed its modes, though we still have them
        // for ours.
        restore();
        take()?;
        // A new one draws everything. To clear the old one would ask for the cursor, and the answer
        // would go to the input.
        execute!(stdout(), Clear(ClearType::All))?;
        self.0 = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(true)
    }

    /// Draws one frame.
    pub fn draw(&mut self, app: &App, theme: Theme) -> io::Result<()> {
        self.0.draw(|frame| draw(app, &theme, frame.buffer_mut())).map(|_| ())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Sends input as messages. The job blocks in the terminal's read and ends with the program.
pub fn read_input(tx: SyncSender<Msg>) -> Job {
    let lost = tx.clone();
    Job::spawn(
        "input",
        move |cancel| {
            while !cancel.is_cancelled() {
                // The terminal went away: there is nobody left to talk to.
                let Ok(event) = crossterm::event::read() else { return };
                for msg in translate(event) {
                    if tx.send(msg).is_err() {
                        return;
                    }
                }
            }
        },
        move |_| {
            let _ = lost.send(Msg::Terminated(None));
        },
    )
}

/// A message that changes nothing, for a loop that waits for one.
fn wake_up() -> Msg {
    let (width, height) = crossterm::terminal::size().unwrap_or((80, 24));
    Msg::Resized(width, height)
}

/// Sends [`Msg::Terminated`] on SIGTERM, SIGINT, SIGHUP and SIGQUIT; a SIGTSTP and a SIGCONT make
/// [`Guard::rested`] act.
pub fn watch_signals(tx: SyncSender<Msg>) -> Job {
    Job::spawn(
        "signals",
        move |_| {
            let Ok(mut signals) = signal_hook::iterator::Signals::new([
                SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT,
            ]) else {
                return;
            };
            for signal in signals.forever() {
                let msg = match signal {
                    SIGTSTP | SIGCONT => {
                        let flag = if signal == SIGTSTP { &REST } else { &WOKEN };
                        flag.store(true, Ordering::SeqCst);
                        wake_up()
                    }
                    end => Msg::Terminated(Some(end)),
                };
                if tx.send(msg).is_err() {
                    return;
                }
            }
        },
        |_| {},
    )
}

fn translate(event: Event) -> Vec<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            translate_key(key).map(Msg::Key).into_iter().collect()
        }
        Event::Mouse(mouse) => translate_mouse(mouse).map(Msg::Mouse).into_iter().collect(),
        Event::Resize(w, h) => vec![Msg::Resized(w, h)],
        Event::Paste(text) => text
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .map(|c| Msg::Key(Key::Char(c)))
            .collect(),
        _ => Vec::new(),
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    Some(match key.code {
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
            Key::Ctrl(c.to_ascii_lowercase())
        }
        KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

fn translate_mouse(mouse: MouseEvent) -> Option<Mouse> {
    let kind = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Down,
        MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
        MouseEventKind::Up(MouseButton::Left) => MouseKind::Up,
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        // Mere movement means nothing here and must not cost a frame.
        _ => return None,
    };
    Some(Mouse { kind, x: mouse.column, y: mouse.row })
}
