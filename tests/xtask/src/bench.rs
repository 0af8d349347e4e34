//! `cargo xtask bench NAME [ARGS]...`: runs one of the benchmarks of `tests/bench`.
//!
//! Invariant: standard output carries the benchmark's own lines and nothing else.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::Run;
use crate::tree::Tree;

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    if args.first().is_some_and(|name| name == "hostile") {
        // One call for the server's program and the bench that starts it, so that they agree on what they share.
        let both = ["--package", "gongdan-server", "--package", "gongdan-bench"];
        // As the server is delivered: what it costs is asked for in milliseconds.
        Run::cargo(tree)
            .args(["build", "--release"])
            .args(both)
            .run()?;
        let program = tree.target("release/gongdan-bench");
        return Ok(ExitCode::from(
            Run::new(tree, program).args(args).exit_code()?,
        ));
    }
    let code = Run::cargo(tree)
        .args(["run", "--package", "gongdan-bench", "--"])
        .args(args)
        .exit_code()?;
    Ok(ExitCode::from(code))
}
