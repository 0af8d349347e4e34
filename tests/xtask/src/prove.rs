//! `cargo xtask prove [ARGS]...`: runs the simulator of `tests/simulation` and shows its table.
//!
//! Invariant: standard output carries the simulator's own lines and nothing else; its exit code is the answer.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::Run;
use crate::tree::Tree;

/// CPU-minutes of the seeds that every run of the tests proves.
const MINUTES_IN_TESTS: &str = "3";

/// `--release` builds it fully optimised, which long runs are worth.
pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let (build, args): (Vec<&String>, Vec<&String>) =
        args.iter().partition(|argument| *argument == "--release");
    let code = Run::cargo(tree)
        .args(["run", "--package", "gongdan-simulation"])
        .args(build)
        .args(["--"])
        .args(args)
        .exit_code()?;
    Ok(ExitCode::from(code))
}

/// The share of `cargo xtask test`: the program that the Rust tests' step built.
pub(crate) fn step(tree: &Tree) -> Result<()> {
    let code = Run::new(tree, tree.target("debug/gongdan-simulator"))
        .args(["--minutes", MINUTES_IN_TESTS])
        .exit_code()?;
    if code != 0 {
        bail!("a promise was broken");
    }
    Ok(())
}
