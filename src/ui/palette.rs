//! What each thing looks like, and glyphs. Without colours everything is said by letters, glyphs,
//! bold, dim, underline and reverse alone. Colours are named by their number in the 256-colour cube
//! as a dark terminal shows them; [`Shades`] tells what they become elsewhere.

mod shades;

pub use shades::{Shades, Theme};

use crate::app::timeline::colours::COLOURS;
use crate::app::timeline::rows::Heat;
use crate::trace::{TaskState, ThreadIx, Trace};
use ratatui::style::{Modifier, Style};

/// Backgrounds on which black text reads well, from the 256-colour cube; neighbours differ in hue.
const TASKS: [u8; COLOURS] =
    [75, 114, 179, 176, 80, 216, 149, 141, 222, 110, 204, 43, 186, 139, 209, 117, 150, 181];

/// Colours of runs: strong, and the same one faint; neighbours differ in hue.
const RUNS: [(u8, u8); 6] = [(81, 24), (214, 94), (120, 28), (213, 90), (228, 100), (210, 88)];

/// Little to much: of use, of misses, of queue.
const HEATS: [[u8; 6]; 3] =
    [[235, 22, 28, 34, 40, 118], [235, 52, 88, 124, 160, 203], [235, 17, 18, 26, 32, 81]];

/// Eight heights.
pub const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The bar for `share` in 0..1; anything above zero is visible.
pub fn bar(share: f32) -> &'static str {
    if share <= 0.0 {
        return " ";
    }
    BARS[((share * 8.0).ceil() as usize).clamp(1, 8) - 1]
}

impl Theme {
    fn fg(self, color: u8) -> Style {
        self.text_color(color).map_or_else(Style::new, |color| Style::new().fg(color))
    }

    fn bg(self, color: u8) -> Style {
        self.area_color(color).map_or_else(Style::new, |color| Style::new().bg(color))
    }

    /// This colour, or dim where there is none that reads well.
    fn or_dim(self, color: u8) -> Style {
        match self.text_color(color) {
            Some(color) => Style::new().fg(color),
            None => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Ordinary text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What matters less.
    pub fn dim(self) -> Style {
        self.or_dim(244)
    }

    /// Titles, chosen things.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The tab one is on, keys.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// The playhead.
    pub fn playhead(self) -> Style {
        self.fg(226).add_modifier(Modifier::BOLD)
    }

    /// Marks.
    pub fn mark(self) -> Style {
        self.fg(51).add_modifier(Modifier::BOLD)
    }

    /// A wrong prediction, an error.
    pub fn miss(self) -> Style {
        self.fg(203).add_modifier(Modifier::BOLD)
    }

    /// A right prediction.
    pub fn hit(self) -> Style {
        self.fg(71)
    }

    /// Something that is still being computed.
    pub fn pending(self) -> Style {
        self.or_dim(243)
    }

    /// Lost events.
    pub fn gap(self) -> Style {
        self.fg(208)
    }

    /// Run-queue lengths.
    pub fn queue(self) -> Style {
        self.fg(67)
    }

    /// CPU use.
    pub fn usage(self) -> Style {
        self.fg(71)
    }

    fn heat_color(kind: Heat, share: f32) -> u8 {
        let ramp = HEATS[match kind {
            Heat::Use => 0,
            Heat::Misses => 1,
            Heat::Queue => 2,
        }];
        let step = (share.clamp(0.0, 1.0) * (ramp.len() - 1) as f32).ceil() as usize;
        ramp[step.min(ramp.len() - 1)]
    }

    /// So much of something, 0..1, as a colour of glyphs.
    pub fn heat(self, kind: Heat, share: f32) -> Style {
        self.area_color(Self::heat_color(kind, share))
            .map_or_else(Style::new, |color| Style::new().fg(color))
    }

    /// The same as a colour below them.
    pub fn heat_below(self, kind: Heat, share: f32) -> Style {
        self.bg(Self::heat_color(kind, share))
    }

    /// A share of misses that is worth a mark below a cell.
    pub fn missed(self, share: f32) -> Option<Style> {
        let color = match share {
            s if s < 0.3 => return None,
            s if s < 0.6 => 88,
            _ => 160,
        };
        self.color().then(|| self.bg(color))
    }

    /// The line of the run in this row of the list.
    pub fn run(self, place: usize) -> Style {
        self.fg(RUNS[place % RUNS.len()].0).add_modifier(Modifier::BOLD)
    }

    /// The unsmoothed values behind it.
    pub fn faint(self, place: usize) -> Style {
        self.or_dim(RUNS[place % RUNS.len()].1)
    }

    fn task_color(colour: u8) -> u8 {
        TASKS[usize::from(colour) % TASKS.len()]
    }

    /// A running task: black on its colour. Idle, which has none, is dim.
    pub fn task(self, colour: Option<u8>) -> Style {
        match colour {
            None => self.dim(),
            Some(colour) if self.color() => self.bg(Self::task_color(colour)).fg(self.ink(16)),
            Some(_) => Style::new(),
        }
    }

    /// A task's colour as text colour.
    pub fn task_text(self, colour: Option<u8>) -> Style {
        colour.map_or_else(|| self.dim(), |colour| self.fg(Self::task_color(colour)))
    }

    /// A pinned task while it runs.
    pub fn running(self, colour: Option<u8>) -> Style {
        if self.color() { self.task(colour) } else { Style::new().add_modifier(Modifier::REVERSED) }
    }

    /// A pinned task while it waits for a CPU.
    pub fn runnable(self) -> Style {
        self.fg(154)
    }

    /// Where a pinned task was woken.
    pub fn wake(self) -> Style {
        self.fg(154).add_modifier(Modifier::BOLD)
    }

    /// A task that was not searched, while others that were are lit.
    pub fn faded(self) -> Style {
        self.or_dim(243)
    }

    /// A task that was searched, on top of its own colour.
    pub fn lit(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        if self.color() { style } else { style.add_modifier(Modifier::REVERSED) }
    }

    /// A mark where a searched task ran too, in the one colour that no task has.
    pub fn lit_mark(self) -> Style {
        self.fg(231).add_modifier(Modifier::BOLD)
    }

    /// The state a task is left in, in Perfetto's colours: runnable lime, sleeping grey,
    /// uninterruptible orange, dead dark grey.
    pub fn state(self, state: TaskState) -> Style {
        if !self.color() {
            return Style::new().add_modifier(Modifier::BOLD);
        }
        let (fg, bg) = if state.is_runnable() {
            (16, 154)
        } else if state.0 & TaskState::DISK.0 != 0 {
            (16, 208)
        } else if state.0 & (TaskState::DEAD.0 | TaskState::ZOMBIE.0) != 0 {
            (255, 238)
        } else {
            (16, 250)
        };
        self.bg(bg).fg(self.ink(fg))
    }
}

/// What a state means, as a verb of the task that goes out.
pub fn state_words(state: TaskState) -> &'static str {
    let has = |bits: TaskState| state.0 & bits.0 != 0;
    if state.is_preempted() {
        "preempted"
    } else if state.is_runnable() {
        "still runnable"
    } else if has(TaskState::DISK) {
        if has(TaskState::IDLE) || state.0 & 0x0400 != 0 {
            "idles"
        } else {
            "waits, uninterruptible"
        }
    } else if has(TaskState::DEAD) || has(TaskState::ZOMBIE) {
        "exits"
    } else if has(TaskState::IDLE) {
        "idles"
    } else if has(TaskState::SLEEP) {
        "sleeps"
    } else {
        "stopped or parked"
    }
}

/// `name:pid`, as the thread is called at this event, in at most `width` columns: the name is
/// shortened first, then left out; where not even the pid fits, the name's beginning is left.
pub fn short_name(trace: &Trace, thread: ThreadIx, event: usize, width: usize) -> String {
    let full = trace.label_at(thread, event);
    if full.chars().count() <= width {
        return full;
    }
    match full.rsplit_once(':') {
        Some((comm, pid)) if pid.len() + 2 <= width => {
            let head: String = comm.chars().take(width - pid.len() - 1).collect();
            format!("{head}:{pid}")
        }
        // The pid tells threads of one program apart; a part of it would name another thread.
        Some((_, pid)) if pid.len() <= width => pid.into(),
        _ => full.chars().take(width).collect(),
    }
}
