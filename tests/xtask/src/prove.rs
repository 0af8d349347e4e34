//! `cargo xtask prove [ARGS]...`: runs the simulator of `tests/simulation` and shows its table.
//!
//! Invariant: standard output carries the simulator's own lines and nothing else; its exit code is the answer.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::Run;
use crate::tree::Tree;

/// CPU-minutes of the seeds that every run of the tests proves.
const MINUTES_IN_TESTS: &str = "3";

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let code = Run::cargo(tree)
        .args(["run", "--package", "gongdan-simulation", "--"])
        .args(args)
        .exit_code()?;
    Ok(ExitCode::from(code))
}

/// The share of `cargo xtask test`.
pub(crate) fn step(tree: &Tree) -> Result<()> {
    // As the step before built the workspace: with `--package` shared libraries would be built once more.
    Run::cargo(tree)
        .args(["build", "--workspace", "--bin", "gongdan-simulator"])
        .run()?;
    let simulator = tree.target("debug/gongdan-simulator");
    let code = Run::new(tree, simulator)
        .args(["--minutes", MINUTES_IN_TESTS])
        .exit_code()?;
    if code != 0 {
        bail!("a promise was broken");
    }
    Ok(())
}
