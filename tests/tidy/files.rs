//! The files of the repository, and a rule held over those that it is about.

use std::path::{Path, PathBuf};
use std::process::Command;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Repository-relative paths with `/`: what git knows, or (unpacked archive) everything but build
/// output.
pub fn tracked() -> Vec<String> {
    // Untracked files that are not ignored count too: they are about to be committed.
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let git = Command::new("git").current_dir(root()).args(args).output();
    let mut paths: Vec<String> = match git {
        Ok(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            text.split('\0').filter(|p| !p.is_empty()).map(String::from).collect()
        }
        _ => walk(&root()),
    };
    paths.retain(|p| root().join(p).is_file());
    paths.sort();
    paths.dedup();
    assert!(paths.iter().any(|p| p == "src/lib.rs"), "found no sources under {}", root().display());
    paths
}

pub fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | "runs" | ".git") {
            found.extend(walk(&path));
        } else if path.is_file() {
            let relative = path.strip_prefix(root()).expect("below the root");
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    found
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub fn ends_with(path: &str, suffix: &str) -> bool {
    path.to_ascii_lowercase().ends_with(suffix)
}

/// Runs one rule over every tracked file that `wanted` names and fails with all complaints at once.
pub fn hold(wanted: impl Fn(&str) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) {
    let files: Vec<String> = tracked().into_iter().filter(|p| wanted(p)).collect();
    assert!(!files.is_empty(), "the rule looks at no file");
    let complaints: Vec<String> = files.iter().flat_map(|p| rule(p, &read(p))).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

pub fn is_rust(path: &str) -> bool {
    ends_with(path, ".rs")
}

pub fn is_source(path: &str) -> bool {
    path.starts_with("src/") && is_rust(path)
}

pub fn size(path: &str) -> u64 {
    std::fs::metadata(root().join(path)).map_or(0, |m| m.len())
}
