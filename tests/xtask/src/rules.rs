//! The dependency rules of the source tree, as checks.
//!
//! Three kinds: what the crates' manifests say (`manifests`, over `cargo metadata` and `cargo tree`),
//! what the sources say (`sources`), and that bindings and browser offer the same (`surface`). Each rule has tests that feed it a violation.

mod lexer;
mod manifests;
mod sources;
mod surface;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tree::Tree;

/// One violated rule: where, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    place: String,
    message: String,
}

impl Violation {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

pub(crate) fn command(tree: &Tree) -> Result<ExitCode> {
    check(tree)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check(tree: &Tree) -> Result<()> {
    let (packages, mut violations) = manifests::check(tree)?;
    let (files, in_sources) = sources::check(tree)?;
    violations.extend(in_sources);
    let (functions, in_surfaces) = surface::check(tree)?;
    violations.extend(in_surfaces);
    for violation in &violations {
        println!("{}: {}", violation.place, violation.message);
    }
    if !violations.is_empty() {
        bail!("{} violations of the dependency rules", violations.len());
    }
    println!("dependency rules: {packages} packages and {files} source files keep them");
    println!("surfaces: {functions} functions of the bindings have their twin in the browser");
    Ok(())
}
