//! npm projects of the tree: installing exactly what their lock file says, and building the
//! console only where its sources changed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::{Run, on_path};
use crate::stamp;
use crate::tree::Tree;
use crate::wasm;

pub(crate) const CONSOLE: &str = "server/console";
pub(crate) const PHONE: &str = "bindings/web/app";

/// `npm ci` in `folder`, unless what it would install is there already.
///
/// `npm ci` always deletes and unpacks everything, which takes longer than the tests it is for.
pub(crate) fn install(tree: &Tree, folder: &str) -> Result<()> {
    if !on_path("npm") {
        bail!("npm is not installed; {folder} needs Node 20 with npm");
    }
    let manifests: Vec<PathBuf> = ["package.json", "package-lock.json"]
        .iter()
        .map(|name| tree.at(folder).join(name))
        .collect();
    let wanted = stamp::of(&manifests)?;
    let kept = tree.at(folder).join("node_modules/.installed");
    if stamp::holds(&kept, &wanted) {
        return Ok(());
    }
    Run::new(tree, "npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .within(folder)
        .run()?;
    stamp::keep(&kept, &wanted)
}

/// `npm run SCRIPT` in `folder`.
pub(crate) fn run(tree: &Tree, folder: &str, script: &str) -> Result<()> {
    Run::new(tree, "npm")
        .args(["run", "--silent", script])
        .within(folder)
        .run()
}

/// Builds the console where its sources are not those that its `dist` was built from.
pub(crate) fn build_console(tree: &Tree) -> Result<()> {
    let sources = stamp::of(&[tree.at(CONSOLE)])?;
    let kept = tree.target("xtask/console");
    if tree.at(CONSOLE).join("dist").is_dir() && stamp::holds(&kept, &sources) {
        return Ok(());
    }
    install(tree, CONSOLE)?;
    run(tree, CONSOLE, "build")?;
    stamp::keep(&kept, &sources)
}

/// Builds the phone's app where neither its sources nor its WebAssembly module are those that its `dist` was
/// built from.
pub(crate) fn build_phone(tree: &Tree) -> Result<()> {
    let package = wasm::build_phone(tree)?;
    let sources = stamp::of(&[tree.at(PHONE), package])?;
    let kept = tree.target("xtask/phone");
    if tree.at(PHONE).join("dist/index.html").is_file() && stamp::holds(&kept, &sources) {
        return Ok(());
    }
    install(tree, PHONE)?;
    run(tree, PHONE, "build")?;
    stamp::keep(&kept, &sources)
}

/// `cargo xtask phone`: the phone's app, ready to be embedded in the server.
pub(crate) fn phone_command(tree: &Tree) -> Result<ExitCode> {
    build_phone(tree)?;
    Ok(ExitCode::SUCCESS)
}
