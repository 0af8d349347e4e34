//! `cargo xtask prove [ARGS]...`: runs the simulator of `tests/simulation` and shows its table.
//!
//! Invariant: standard output carries the simulator's own lines and nothing else; its exit code is the answer.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::Run;
use crate::tree::Tree;

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let code = Run::cargo(tree)
        .args(["run", "--package", "gongdan-simulation", "--"])
        .args(args)
        .exit_code()?;
    Ok(ExitCode::from(code))
}
