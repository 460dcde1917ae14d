//! Which colours a terminal gets: those of the 256-colour cube on a dark or on a light background,
//! the sixteen that every terminal with colours has, or none.

use ratatui::style::Color;

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shades {
    /// None: letters, glyphs, bold, dim, underline, reverse.
    None,
    /// The sixteen, whose look is the terminal's.
    Sixteen,
    /// Of 256, on a dark background.
    Dark,
    /// Of 256, on a light one.
    Light,
}

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    shades: Shades,
}

/// Colours that text has: on a dark background, on a light one, of the sixteen (`DIM`: dim text
/// instead).
const TEXT: &[(u8, u8, u8)] = &[
    // Less important, pending, faded.
    (244, 242, DIM),
    (243, 243, DIM),
    // Playhead, marks, right, wrong, lost, queue, runnable, searched.
    (226, 94, 11),
    (51, 23, 14),
    (71, 28, 2),
    (203, 160, 9),
    (208, 130, 3),
    (67, 25, 4),
    (154, 22, 10),
    (231, 16, 15),
    // Runs, and faint.
    (81, 24, 14),
    (214, 130, 3),
    (120, 28, 10),
    (213, 127, 13),
    (228, 94, 11),
    (210, 124, 9),
    (24, 117, 6),
    (94, 222, 3),
    (28, 157, 2),
    (90, 219, 5),
    (100, 186, 3),
    (88, 217, 1),
    // Tasks.
    (75, 26, 12),
    (114, 28, 10),
    (179, 94, 3),
    (176, 127, 13),
    (80, 23, 14),
    (216, 131, 11),
    (149, 22, 2),
    (141, 97, 5),
    (222, 130, 11),
    (110, 60, 6),
    (204, 161, 9),
    (43, 29, 6),
    (186, 58, 3),
    (139, 96, 13),
    (209, 124, 9),
    (117, 24, 14),
    (150, 28, 10),
    (181, 95, 7),
];

/// Colours of areas: those that differ on a light background, and of the sixteen. Tasks and states
/// have black text on them everywhere.
const AREA: &[(u8, u8, u8)] = &[
    // Use, misses, queue: from little to much.
    (235, 255, 8),
    (22, 194, 2),
    (28, 157, 2),
    (34, 120, 2),
    (40, 76, 10),
    (118, 34, 10),
    (52, 224, 1),
    (88, 217, 1),
    (124, 210, 1),
    (160, 203, 9),
    (203, 160, 9),
    (17, 195, 4),
    (18, 153, 4),
    (26, 117, 4),
    (32, 75, 12),
    (81, 33, 14),
    // States.
    (154, 154, 10),
    (208, 208, 3),
    (238, 238, 8),
    (250, 250, 7),
];

/// Dim text stands for it.
const DIM: u8 = u8::MAX;

impl Theme {
    /// For a dark background.
    pub const DARK: Self = Self { shades: Shades::Dark };
    /// Without colours.
    pub const PLAIN: Self = Self { shades: Shades::None };

    /// With these.
    pub fn of(shades: Shades) -> Self {
        Self { shades }
    }

    /// There are colours.
    pub fn color(self) -> bool {
        self.shades != Shades::None
    }

    /// The colour of text; `None`: none, or dim.
    pub(super) fn text_color(self, color: u8) -> Option<Color> {
        self.shown(TEXT, color)
    }

    /// The colour of an area.
    pub(super) fn area_color(self, color: u8) -> Option<Color> {
        // What has no entry of its own is a task.
        let table = if self.shades == Shades::Sixteen && !has(AREA, color) { TEXT } else { AREA };
        self.shown(table, color)
    }

    /// Black or white on an area.
    pub(super) fn ink(self, color: u8) -> Color {
        Color::Indexed(match (self.shades, color) {
            (Shades::Sixteen, 16) => 0,
            (Shades::Sixteen, _) => 15,
            _ => color,
        })
    }

    fn shown(self, table: &[(u8, u8, u8)], color: u8) -> Option<Color> {
        let found = table.iter().find(|row| row.0 == color).copied().unwrap_or((color, color, DIM));
        let shown = match self.shades {
            Shades::None => return None,
            Shades::Dark => color,
            Shades::Light => found.1,
            Shades::Sixteen => found.2,
        };
        (shown != DIM || self.shades != Shades::Sixteen).then_some(Color::Indexed(shown))
    }
}

fn has(table: &[(u8, u8, u8)], color: u8) -> bool {
    table.iter().any(|row| row.0 == color)
}

/// Words in the names of terminals that have the colours of the cube. Plain `xterm`, `screen`,
/// `tmux`, `rxvt` have eight or sixteen by terminfo, and so may one of an unknown name.
const RICH: [&str; 13] = [
    "256color",
    "direct",
    "truecolor",
    "24bit",
    "kitty",
    "alacritty",
    "foot",
    "ghostty",
    "wezterm",
    "contour",
    "iterm2",
    "mintty",
    "rio",
];

impl Shades {
    /// What the environment asks for: nothing with `NO_COLOR` (no-color.org), sixteen where neither
    /// `COLORTERM` nor the terminal's name says that it has more, light where `COLORFGBG` says that
    /// its background is.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|v| !v.is_empty());
        if set("NO_COLOR").is_some() {
            return Self::None;
        }
        let term = set("TERM").unwrap_or_default();
        if set("COLORTERM").is_none() && !RICH.into_iter().any(|word| term.contains(word)) {
            return Self::Sixteen;
        }
        let background = set("COLORFGBG").and_then(|v| v.rsplit(';').next()?.parse::<u8>().ok());
        if matches!(background, Some(7 | 9..=15)) { Self::Light } else { Self::Dark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(vars: &[(&str, &str)]) -> Shades {
        Shades::from_env(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_environment_chooses() {
        let rich =
            ["xterm-256color", "screen.xterm-256color", "tmux-direct", "xterm-kitty", "foot"];
        for term in rich {
            assert_eq!(seen(&[("TERM", term)]), Shades::Dark, "{term}");
        }
        let few = "xterm screen tmux rxvt rxvt-unicode vt220 ansi linux dumb xterm-16color";
        for term in few.split(' ') {
            assert_eq!(seen(&[("TERM", term)]), Shades::Sixteen, "{term}");
            let more = seen(&[("TERM", term), ("COLORTERM", "truecolor")]);
            assert_eq!(more, Shades::Dark, "{term}");
        }
        assert_eq!(seen(&[]), Shades::Sixteen);
        let behind = |colours| seen(&[("TERM", "xterm-256color"), ("COLORFGBG", colours)]);
        assert_eq!(behind("15;0"), Shades::Dark);
        assert_eq!(behind("0;default;15"), Shades::Light);
        assert_eq!(seen(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Shades::None);
        assert_eq!(seen(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Shades::Dark);
    }

    /// Relative luminance of one of the 256, as WCAG has it.
    fn luminance(color: u8) -> f64 {
        let cube = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        let [r, g, b] = match color {
            232.. => [8 + 10 * (color - 232); 3],
            16.. => [(color - 16) / 36, (color - 16) / 6 % 6, (color - 16) % 6].map(cube),
            _ => panic!("{color} is the terminal's"),
        };
        let linear = |x: u8| match f64::from(x) / 255.0 {
            x if x <= 0.04045 => x / 12.92,
            x => ((x + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    /// Of two colours, as WCAG has it: 1 to 21.
    fn contrast(a: f64, b: f64) -> f64 {
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_the_background_of_its_theme() {
        let (black, white) = (0.0, 1.0);
        // Faint curves lie below strong ones, and are no text.
        let faint = crate::ui::palette::RUNS.map(|run| run.1);
        for (dark, light, _) in TEXT.iter().filter(|row| !faint.contains(&row.0)) {
            for (color, ground) in [(*dark, black), (*light, white)] {
                let contrast = contrast(luminance(color), ground);
                assert!(contrast >= 4.5, "{dark}, shown as {color}: {contrast:.1}:1");
            }
        }
    }

    #[test]
    fn text_can_be_read_on_the_colour_of_a_task_or_a_state() {
        let tasks = crate::ui::palette::TASKS.map(|area| (16, area));
        for (ink, area) in tasks.into_iter().chain([(16, 154), (16, 208), (255, 238), (16, 250)]) {
            let contrast = contrast(luminance(ink), luminance(area));
            assert!(contrast >= 4.5, "{ink} on {area}: {contrast:.1}:1");
        }
    }

    #[test]
    fn each_colour_has_one_place_and_sixteen_are_sixteen() {
        for table in [TEXT, AREA] {
            for (i, row) in table.iter().enumerate() {
                assert!(!table[..i].iter().any(|other| other.0 == row.0), "{row:?} twice");
                assert!(row.2 < 16 || row.2 == DIM, "{row:?}");
            }
        }
        assert_eq!(Theme::DARK.text_color(226), Some(Color::Indexed(226)));
        assert_eq!(Theme::of(Shades::Light).text_color(226), Some(Color::Indexed(94)));
        assert_eq!(Theme::of(Shades::Sixteen).text_color(244), None);
        assert_eq!(Theme::of(Shades::Sixteen).area_color(75), Some(Color::Indexed(12)));
        assert_eq!(Theme::PLAIN.area_color(75), None);
    }
}
