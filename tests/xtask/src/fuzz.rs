//! `cargo xtask fuzz TARGET [--runs N] [--minimise]`: runs a target of `tests/fuzz` by cargo-fuzz, from its kept corpus.
//!
//! It needs coverage instrumentation, which is the compiler's own but not stable: a nightly compiler has it, and
//! a stable one where `RUSTC_BOOTSTRAP=1` unlocks it. What is found new grows in `target/fuzz/corpus`; the
//! repository's corpora only change by `--minimise`, which keeps the smallest inputs that reach the same.
//!
//! Invariant: the exit code is zero only if every execution kept the target's promises.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::process::Run;
use crate::tree::Tree;

const CRATE: &str = "tests/fuzz";
/// The version that the arguments below were written for.
const CARGO_FUZZ: &str = "0.13.2";
/// Bytes of one input; the larger limits have tests of their own.
const INPUT_BYTES_MAX: u64 = 16 * 1024;
/// Megabytes that one execution may hold, and that one allocation may ask for.
const MEGABYTES_MAX: (u64, u64) = (1_024, 64);
/// Bytes that one target's corpus may take in the repository, and one input of it.
const CORPUS_BYTES_MAX: u64 = 90_000;
const KEPT_INPUT_BYTES_MAX: u64 = 4_096;

struct Options {
    target: String,
    runs: u64,
    minimise: bool,
}

fn options(args: &[String]) -> Result<Options> {
    let mut args = args.iter();
    let target = args
        .next()
        .context("name a target: one of the folders of tests/fuzz/corpus")?;
    let mut options = Options {
        target: target.clone(),
        runs: 100_000,
        minimise: false,
    };
    while let Some(argument) = args.next() {
        match argument.as_str() {
            "--runs" => {
                let runs = args.next().context("--runs needs a number")?;
                options.runs = runs.parse().context("--runs needs a number")?;
            }
            "--minimise" => options.minimise = true,
            other => bail!("unknown argument: {other}"),
        }
    }
    Ok(options)
}

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let options = options(args)?;
    let kept = tree.at(CRATE).join("corpus").join(&options.target);
    if !kept.is_dir() {
        bail!("no target is called {}", options.target);
    }
    let tool = cargo_fuzz(tree)?;
    let growing = tree.target("fuzz/corpus").join(&options.target);
    fs::create_dir_all(&growing).context("make the folder of what is found")?;
    if options.minimise {
        return minimise(tree, &tool, &options.target, &growing, &kept);
    }
    let code = fuzz(tree, &tool, "run")
        .args([options.target.as_str()])
        .args([&growing, &kept])
        .args(["--"])
        .args([
            format!("-runs={}", options.runs),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-rss_limit_mb={}", MEGABYTES_MAX.0),
            format!("-malloc_limit_mb={}", MEGABYTES_MAX.1),
            "-timeout=20".to_owned(),
            "-print_final_stats=1".to_owned(),
        ])
        .exit_code()?;
    Ok(ExitCode::from(code))
}

/// cargo-fuzz, installed into the tree's own `target/tools` where it is not there.
fn cargo_fuzz(tree: &Tree) -> Result<PathBuf> {
    let root = tree.target("tools");
    let tool = root.join("bin/cargo-fuzz");
    if !tool.is_file() {
        println!("to install: cargo-fuzz {CARGO_FUZZ} into target/tools");
        Run::cargo(tree)
            .args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ])
            .arg_path("--root", &root)
            .run()?;
    }
    Ok(tool)
}

/// The call of one of cargo-fuzz's commands, its options for us included.
fn fuzz<'a>(tree: &'a Tree, tool: &Path, command: &str) -> Run<'a> {
    let mut run = Run::new(tree, tool)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", command, "--fuzz-dir", CRATE])
        .args(["--features", "libfuzzer", "--sanitizer", "none"])
        // Without debug assertions: those of Automerge's columns walk them at every change. Overflows still end a run.
        .args(["--release"])
        .env("RUSTFLAGS", "-Coverflow-checks=on")
        .arg_path("--target-dir", &tree.target("fuzz"));
    // Files in memory, where there is a place for them: some targets write one an execution.
    if Path::new("/dev/shm").is_dir() {
        run = run.env("TMPDIR", "/dev/shm");
    }
    run
}

/// Leaves of what was found the inputs that together reach everything, and keeps the smallest of them.
fn minimise(
    tree: &Tree,
    tool: &Path,
    target: &str,
    growing: &Path,
    kept: &Path,
) -> Result<ExitCode> {
    for file in fs::read_dir(kept).context("list the corpus")? {
        let file = file.context("list the corpus")?.path();
        fs::copy(&file, growing.join(file.file_name().unwrap_or_default()))
            .context("copy the corpus")?;
    }
    fuzz(tree, tool, "cmin")
        .args([target])
        .args([growing])
        .run()?;
    let mut inputs: Vec<(u64, PathBuf)> = fs::read_dir(growing)
        .context("list what was found")?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.len(), entry.path()))
        })
        .collect();
    inputs.sort();
    fs::remove_dir_all(kept).context("empty the corpus")?;
    fs::create_dir_all(kept).context("make the corpus")?;
    let (mut bytes, mut count) = (0, 0);
    for (length, path) in inputs {
        if length > KEPT_INPUT_BYTES_MAX || bytes + length > CORPUS_BYTES_MAX {
            break;
        }
        let name = path.file_name().unwrap_or_default();
        fs::copy(&path, kept.join(name)).context("copy an input")?;
        (bytes, count) = (bytes + length, count + 1);
    }
    println!("{target}: {count} inputs of {bytes} bytes are kept");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(args: &[&str]) -> Result<Options> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        options(&args)
    }

    #[test]
    fn a_target_is_needed_and_what_is_not_known_is_refused() {
        assert!(read(&[]).is_err());
        assert!(read(&["gate", "--runs"]).is_err());
        assert!(read(&["gate", "--rnus", "3"]).is_err());
        let options = read(&["gate", "--runs", "3"]).unwrap();
        assert_eq!((options.target.as_str(), options.runs), ("gate", 3));
    }
}
