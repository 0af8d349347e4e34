//! `cargo xtask demo [ARGS]...`: builds what the demonstration day needs where it is stale, and
//! runs it. Arguments are the demonstration's own (`--exit` ends it after its table).
//!
//! Only what its table needs is built before it runs: the console (it is embedded in the server's
//! binary), the server and the demonstration itself.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::process::Run;
use crate::tree::Tree;
use crate::{npm, test};

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let started = Instant::now();
    part(1, "the console's pages (npm, Vite)", || {
        npm::build_console(tree)
    })?;
    // One call for both, so that they agree on the features of what they share and it is built once.
    part(2, "the server and the demonstration (cargo)", || {
        Run::cargo(tree)
            .args([
                "build",
                "--package",
                "gongdan-server",
                "--package",
                "gongdan-demo",
            ])
            .run()
    })?;
    println!("built in {}\n", test::elapsed(started.elapsed()));
    let program = tree.target("debug/gongdan-demo");
    Ok(ExitCode::from(
        Run::new(tree, program).args(args).exit_code()?,
    ))
}

fn part(number: usize, what: &str, build: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("[{number}/2] {what}");
    let started = Instant::now();
    build()?;
    println!(
        "[{number}/2] ready after {}",
        test::elapsed(started.elapsed())
    );
    Ok(())
}
