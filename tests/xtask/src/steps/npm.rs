//! Steps that are npm projects.

use anyhow::Result;

use super::Built;
use crate::npm;
use crate::process::Run;
use crate::tree::Tree;

pub(super) fn console(tree: &Tree) -> Result<()> {
    npm::install(tree, npm::CONSOLE)?;
    // Its `test` checks the types first.
    npm::run(tree, npm::CONSOLE, "test")?;
    npm::build_console(tree)
}

/// Its types and unit tests, and the build that the server embeds.
pub(super) fn phone(tree: &Tree) -> Result<()> {
    npm::build_phone(tree)?;
    npm::install(tree, npm::PHONE)?;
    npm::run(tree, npm::PHONE, "test")
}

/// `npm ci && npm test` in `folder`, with the names of what was built in the environment.
pub(super) fn test(tree: &Tree, folder: &str) -> Result<()> {
    npm::install(tree, folder)?;
    Run::new(tree, "npm")
        .args(["test"])
        .built(tree)
        .within(folder)
        .run()
}
