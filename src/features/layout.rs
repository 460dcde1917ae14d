//! Names and order of every input, and a hash of them: a model only runs on the layout that it was trained on.

/// Inputs that describe the decision as a whole.
pub const QUERY_NAMES: &[&str] = &["queue_len"];
/// Inputs that describe one candidate.
pub const CAND_NAMES: &[&str] = &["waited"];
/// Continuous inputs of a token.
pub const TOKEN_X_NAMES: &[&str] = &["dt"];
/// Number of query inputs.
pub const QUERY: usize = QUERY_NAMES.len();
/// Number of inputs per candidate.
pub const CAND: usize = CAND_NAMES.len();
/// Number of continuous inputs per token.
pub const TOKEN_X: usize = TOKEN_X_NAMES.len();

/// Hash of the layout: changes whenever an input is added, removed, renamed or moved.
pub fn layout_hash() -> u64 {
    let names = [QUERY_NAMES, CAND_NAMES, TOKEN_X_NAMES].map(|n| n.join(","));
    xxhash_rust::xxh3::xxh3_64(names.join(";").as_bytes())
}
