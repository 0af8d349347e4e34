//! The dependency rules of the source tree, as checks.
//!
//! Two kinds: what the crates' manifests say (`manifests`, over `cargo metadata` and `cargo tree`)
//! and what the sources say (`sources`). Each rule has tests that feed it a violation.

mod lexer;
mod manifests;
mod sources;

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
    for violation in &violations {
        println!("{}: {}", violation.place, violation.message);
    }
    if !violations.is_empty() {
        bail!("{} violations of the dependency rules", violations.len());
    }
    println!("dependency rules: {packages} packages and {files} source files keep them");
    Ok(())
}
