//! A window of time in the columns of a screen.

/// The time at which column `col` of `cols` begins in a window from `start` that is `width` ns
/// wide.
pub fn column_time(start: u64, width: u64, col: usize, cols: usize) -> u64 {
    let offset = u128::from(width) * col as u128 / cols.max(1) as u128;
    start.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
}
