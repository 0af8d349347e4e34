//! `cargo xtask bench NAME [ARGS]...`: runs one of the benchmarks of `tests/bench`.
//!
//! Invariant: standard output carries the benchmark's own lines and nothing else.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::Run;
use crate::tree::Tree;

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let code = Run::cargo(tree)
        .args(["run", "--package", "gongdan-bench", "--"])
        .args(args)
        .exit_code()?;
    Ok(ExitCode::from(code))
}
