//! Committed expectations: reviewed files that a test compares its output with.
//!
//! Invariant: a file is only written under `UPDATE_EXPECT=1`, and never under CI.

use std::fs;
use std::path::{Path, PathBuf};

/// Set to `1`, expectations are written instead of compared.
pub const UPDATE: &str = "UPDATE_EXPECT";

/// A file below `tests/`.
pub fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Compares `actual` with the file `below` `tests/`.
///
/// # Panics
/// They differ, or the file is missing; the first line that differs is named.
pub fn file(below: &str, actual: &str) {
    let path = path(below);
    if std::env::var(UPDATE).is_ok_and(|value| value == "1") && std::env::var_os("CI").is_none() {
        fs::write(&path, actual).expect("the folder of expectations is there");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == actual {
        return;
    }
    let differs = expected
        .lines()
        .zip(actual.lines())
        .position(|(e, a)| e != a);
    let at = differs.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    panic!(
        "tests/{below} differs from line {}:\n  expected: {}\n  actual:   {}\nread the change, then run again with {UPDATE}=1",
        at + 1,
        expected.lines().nth(at).unwrap_or("(end)"),
        actual.lines().nth(at).unwrap_or("(end)"),
    );
}
