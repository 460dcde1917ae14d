//! The screens by name. One line each here, one in [`super::Screens`], one in `ui::draw`, and the keys.

/// A screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The open recording.
    #[default]
    Timeline,
    /// Training runs.
    Train,
    /// Wrong predictions.
    Mistakes,
    /// What can be opened.
    Traces,
}

/// All, in their order on the first row, with what they are called there.
pub const TABS: [(Tab, &str); 4] =
    [(Tab::Timeline, "Timeline"), (Tab::Train, "Train"), (Tab::Mistakes, "Mistakes"), (Tab::Traces, "Traces")];

impl Tab {
    /// The digit that leads to it.
    pub fn number(self) -> u8 {
        1 + TABS.iter().position(|(tab, _)| *tab == self).unwrap_or(0) as u8
    }
}
