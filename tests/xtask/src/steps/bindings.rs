//! The bindings, each tested with its own language's tools against the real library and server.

use std::fs;

use anyhow::{Context, Result, bail};

use super::Built;
use crate::process::Run;
use crate::tree::Tree;

const KOTLIN: &str = "bindings/kotlin";
const PYTHON: &str = "bindings/python";

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
        ])
        .args([the_wheel(&wheels)?])
        .run()?;
    Run::new(tree, &python)
        .args(["-m", "pytest", "tests"])
        .built(tree)
        .within(PYTHON)
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
