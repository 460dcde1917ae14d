//! The rules about what is bundled: sizes of folders, and a catalog without gaps.

use std::collections::BTreeSet;

pub fn too_heavy(folder: &str, limit: u64, files: &[(String, u64)]) -> Vec<String> {
    let inside =
        files.iter().filter(|(p, _)| p.strip_prefix(folder).is_some_and(|r| r.starts_with('/')));
    let bytes: u64 = inside.map(|(_, size)| size).sum();
    if bytes <= limit {
        Vec::new()
    } else {
        vec![format!("{folder}/: {bytes} bytes, more than {limit}")]
    }
}

/// Traces that the catalog does not name, and names in the catalog without a trace or without
/// metadata.
pub fn catalog_gaps(catalog: &str, files: &[String]) -> Vec<String> {
    let table: toml::Table = match catalog.parse() {
        Ok(table) => table,
        Err(e) => return vec![format!("traces/catalog.toml: {e}")],
    };
    let mut named = BTreeSet::new();
    strings(&toml::Value::Table(table), &mut named);
    let stem = |p: &str, ext| {
        p.strip_prefix("traces/").and_then(|p| p.strip_suffix(ext)).map(String::from)
    };
    let traces: BTreeSet<String> = files.iter().filter_map(|p| stem(p, ".csv.zst")).collect();
    let described: BTreeSet<String> = files.iter().filter_map(|p| stem(p, ".toml")).collect();
    let is_named = |t: &String| named.contains(t) || named.contains(&format!("{t}.csv.zst"));
    let unnamed = traces
        .iter()
        .filter(|t| !is_named(t))
        .map(|t| format!("traces/{t}.csv.zst: not in catalog.toml"));
    let bare =
        traces.difference(&described).map(|t| format!("traces/{t}.csv.zst: no {t}.toml beside it"));
    unnamed.chain(bare).collect()
}

/// All keys and strings anywhere in `value`.
fn strings(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(s) => {
            found.insert(s.clone());
        }
        toml::Value::Array(items) => items.iter().for_each(|v| strings(v, found)),
        toml::Value::Table(table) => {
            for (key, v) in table {
                found.insert(key.clone());
                strings(v, found);
            }
        }
        _ => {}
    }
}
