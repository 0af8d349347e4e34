//! Steps that are cargo's own.

use anyhow::{Context, Result};

use crate::process::Run;
use crate::tree::Tree;

pub(super) fn fmt(tree: &Tree) -> Result<()> {
    // The names of the files say enough; whole diffs would drown what the other steps print.
    Run::cargo(tree)
        .args(["fmt", "--all", "--check", "--", "--files-with-diff"])
        .run()
        .context("format the sources with `cargo fmt --all`")
}

pub(super) fn lints(tree: &Tree) -> Result<()> {
    Run::cargo(tree)
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}

/// Features of other crates' dependencies on core must not be what makes it build.
pub(super) fn core_alone(tree: &Tree) -> Result<()> {
    Run::cargo(tree)
        .args([
            "check",
            "--package",
            "gongdan-core",
            "--no-default-features",
        ])
        .run()
}

/// All packages in one call: with `--package`, cargo would choose other features of shared
/// libraries and build them once more.
pub(super) fn tests(tree: &Tree) -> Result<()> {
    Run::cargo(tree)
        .args(["test", "--workspace", "--no-fail-fast"])
        .run()?;
    // The libraries and programs that the steps in other languages load; built already, this only
    // puts them where they look. Without the tests' targets libraries would have fewer features and
    // be built once more.
    Run::cargo(tree)
        .args(["build", "--workspace", "--all-targets"])
        .run()
}
