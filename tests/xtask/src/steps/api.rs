//! The JSON API, asked by a program that draws requests from its OpenAPI document.

use anyhow::Result;

use super::Built;
use crate::process::Run;
use crate::tree::Tree;

const FOLDER: &str = "tests/api";

/// Installs what `requirements.txt` pins into an environment of its own, and runs the tests in it.
pub(super) fn run(tree: &Tree) -> Result<()> {
    let environment = tree.target("api/venv");
    Run::new(tree, "python3")
        .args(["-m", "venv"])
        .args([&environment])
        .run()?;
    let python = environment.join("bin/python");
    Run::new(tree, &python)
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .args([tree.at(FOLDER).join("requirements.txt")])
        .run()?;
    Run::new(tree, &python)
        .args(["-m", "pytest", "-p", "no:cacheprovider"])
        .built(tree)
        .within(FOLDER)
        .run()
}
