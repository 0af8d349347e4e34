//! The project's tasks, one entry for people and CI: `cargo xtask COMMAND`.
//!
//! Invariant: a task does nothing that its output does not say, and its exit code is zero
//! only when everything that was asked for ran and succeeded.

#![expect(
    clippy::print_stdout,
    reason = "a command-line program: its output is its product"
)]

mod bench;
mod demo;
mod fuzz;
mod npm;
mod process;
mod prove;
mod rules;
mod setup;
mod stamp;
mod steps;
mod test;
mod tree;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  setup [--only STEP]...          install what the tests need (Debian packages, Rust target)
  test [--only STEP]... [--list]  run all the tests, set-up included; --list names the steps
  rules                           check the dependency rules of the crates and their sources
  wasm [nodejs|web|phone]         build the core for WebAssembly into target/wasm/pkg-nodejs, -web or -phone
  phone                           build the phone's app, which the server embeds
  bench NAME [ARGS]...            run a benchmark, e.g. `cargo xtask bench sync --json`
  fuzz TARGET [--runs N] [--minimise]
                                  run a fuzz target, or shrink its corpus (nightly, or RUSTC_BOOTSTRAP)
  prove [--minutes M] [ARGS]...   simulate work with faults, end with a table; --planted, --seed S
  demo [--exit] [ARGS]...         build what is stale, then run the demonstration day
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        print!("{USAGE}");
        return Ok(ExitCode::FAILURE);
    };
    let tree = tree::Tree::find()?;
    match command.as_str() {
        "setup" => setup::command(&tree, rest),
        "test" => test::command(&tree, rest),
        "rules" => rules::command(&tree),
        "wasm" => wasm::command(&tree, rest),
        "phone" => npm::phone_command(&tree),
        "bench" => bench::command(&tree, rest),
        "fuzz" => fuzz::command(&tree, rest),
        "demo" => demo::command(&tree, rest),
        "prove" => prove::command(&tree, rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("no such command: {other}\n\n{USAGE}"),
    }
}
