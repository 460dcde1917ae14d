//! The keys in the last row: which fit, and where each is, for drawing and for the mouse.

use super::input::Key;
use super::keys::{self, DIALOG};
use super::tab::Tab;
use super::timeline::Timeline;
use super::{App, Effect};

/// Keys with one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First column.
    pub x: u16,
    /// Each key and how it is written.
    pub keys: Vec<(Key, String)>,
    /// What they do.
    pub word: &'static str,
}

impl Piece {
    /// Columns, without the gap behind it.
    fn width(&self) -> u16 {
        let keys: usize = self.keys.iter().map(|(_, label)| label.chars().count() + 1).sum();
        (keys + self.word.chars().count()) as u16
    }

    /// The key at a column; at the word the first one.
    fn at(&self, x: u16) -> Option<Key> {
        let mut from = self.x;
        if x < from || x >= from + self.width() {
            return None;
        }
        for (key, label) in &self.keys {
            from += label.chars().count() as u16 + 1;
            if x + 1 < from {
                return Some(*key);
            }
        }
        self.keys.first().map(|(key, _)| *key)
    }
}

/// Between two pieces.
const GAP: u16 = 2;

/// What a playback does, in short.
pub fn playback(t: &Timeline) -> String {
    let (num, den) = t.cursor.speed();
    let sign = if t.cursor.is_playing() { "►" } else { "‖" };
    format!("{sign} {}", speed(num, den))
}

/// How much of the recording passes in a second: a time, or how many times as fast as it was.
fn speed(num: u32, den: u32) -> String {
    if num >= den {
        return format!("{}×", num / den);
    }
    match 1_000_000_000 * u64::from(num) / u64::from(den) {
        ns @ ..1_000_000 => format!("{} µs/s", ns / 1_000),
        ns => format!("{} ms/s", ns / 1_000_000),
    }
}

impl App {
    /// The playback of a timeline that has no row for it: it stands before the keys.
    pub fn playback_in_footer(&self) -> Option<String> {
        let alone = self.tab == Tab::Timeline && self.over.card.is_none();
        let t = self.timeline().filter(|_| alone)?;
        (self.layout().bar.y + 1 == self.size.1).then(|| playback(t))
    }

    /// The keys that work now, as many as fit: help and leaving always, the rest by importance.
    pub fn footer(&self) -> Vec<Piece> {
        let settings = &self.shared.settings;
        let piece = |x, keys: &[Key], word| {
            let labels = keys.iter().map(|key| (*key, key.label()));
            Piece { x, keys: labels.collect(), word }
        };
        let offers = self.offers();
        let (tail, rest): (Vec<_>, Vec<_>) = keys::footer(offers, settings)
            .into_iter()
            .partition(|(_, word)| matches!(*word, "help" | "quit"));
        let tail = if offers == DIALOG { vec![(vec![Key::Ctrl('c')], "quit")] } else { tail };
        let tail: Vec<Piece> = tail.iter().map(|(keys, word)| piece(0, keys, word)).collect();
        let tail_w: u16 = tail.iter().map(|piece| piece.width() + GAP).sum();
        let end = self.size.0.saturating_sub(tail_w);
        let mut x =
            1 + self.playback_in_footer().map_or(0, |text| text.chars().count() as u16 + GAP);
        let mut out = Vec::new();
        for (keys, word) in rest {
            let piece = piece(x, &keys, word);
            if x + piece.width() + GAP > end {
                break;
            }
            x += piece.width() + GAP;
            out.push(piece);
        }
        for piece in tail {
            let wide = piece.width() + GAP;
            out.push(Piece { x, ..piece });
            x += wide;
        }
        out
    }

    /// Something else than keys stands in the last row.
    pub fn asks_below(&self) -> bool {
        let asks =
            self.tab == Tab::Train && (self.train.form.is_some() || self.train.question.is_some());
        asks || self.message.is_some() || self.over.blocks()
    }

    /// A click on the last row: the key under it is pressed.
    pub(super) fn footer_click(&mut self, x: u16) -> Vec<Effect> {
        let key = self.footer().iter().find_map(|piece| piece.at(x));
        key.map(|key| self.key(key)).unwrap_or_default()
    }
}
