//! The bindings, each tested with its own language's tools against the real library and server.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Built;
use crate::process::Run;
use crate::tree::Tree;

const KOTLIN: &str = "bindings/kotlin";
const PYTHON: &str = "bindings/python";
const EVIDENCE: &str = "tests/evidence";
/// With HPKE, which came in 47.
const CRYPTOGRAPHY: &str = "cryptography>=47";
/// What deadlines are compared with; it holds the announced holidays of each year.
const CALENDAR_OF_CHINA: &str = "chinese_calendar==1.11.0";

/// Not `--quiet`, which would hide Surefire's closing lines.
pub(super) fn kotlin(tree: &Tree) -> Result<()> {
    Run::new(tree, "mvn")
        .args(["--batch-mode", "--no-transfer-progress", "test"])
        .built(tree)
        .within(KOTLIN)
        .run()
}

/// Tests the wheel as a user gets it: built, installed into an environment of its own, imported
/// from there.
pub(super) fn python(tree: &Tree) -> Result<()> {
    let environment = tree.target("python/venv");
    let wheels = tree.target("python/wheels");
    // An old wheel beside the new one would leave it open which of them is tested.
    if wheels.is_dir() {
        fs::remove_dir_all(&wheels).context("remove the wheels of an earlier run")?;
    }
    Run::new(tree, "python3")
        .args(["-m", "venv"])
        .args([&environment])
        .run()?;
    let python = environment.join("bin/python");
    Run::new(tree, &python)
        .args(["-m", "pip", "wheel", "--quiet", "--no-deps"])
        .arg_path("--wheel-dir", &wheels)
        .args([tree.at(PYTHON)])
        .built(tree)
        .run()?;
    Run::new(tree, &python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--force-reinstall",
            "pytest",
            CRYPTOGRAPHY,
            CALENDAR_OF_CHINA,
        ])
        .args([the_wheel(&wheels)?])
        .run()?;
    Run::new(tree, &python)
        .args(["-m", "pytest", "tests"])
        .built(tree)
        .within(PYTHON)
        .run()?;
    Run::new(tree, &python)
        .args(["-m", "pytest", "tests/calendar"])
        .built(tree)
        .run()?;
    evidence(tree, &python)
}

/// The second verifier of evidence files, on what the first one made of a corpus.
fn evidence(tree: &Tree, python: &Path) -> Result<()> {
    let corpus = tree.target("evidence-corpus");
    if corpus.is_dir() {
        fs::remove_dir_all(&corpus).context("remove the corpus of an earlier run")?;
    }
    let files = std::env::var("GONGDAN_EVIDENCE_FILES").unwrap_or_else(|_| "1".to_owned());
    // Built with the Rust tests: alone, cargo would choose other features and build everything again.
    Run::new(tree, tree.target("debug/evidence-corpus"))
        .args([&corpus])
        .args([files])
        .run()?;
    Run::new(tree, python)
        .args(["-m", "pytest", "--quiet", "."])
        .env("GONGDAN_EVIDENCE_CORPUS", &corpus)
        .within(EVIDENCE)
        .run()
}

fn the_wheel(folder: &std::path::Path) -> Result<std::path::PathBuf> {
    let wheels: Vec<_> = fs::read_dir(folder)
        .context("list the built wheels")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    match wheels.as_slice() {
        [wheel] => Ok(wheel.clone()),
        _ => bail!("{PYTHON} gave {} wheels instead of one", wheels.len()),
    }
}
