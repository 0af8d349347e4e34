//! Installing what the tests need beyond Rust, Node, Java, Maven and Python themselves.
//!
//! Invariant: what will be installed is printed before anything is; apt is run only by root or in
//! CI, everybody else is given the line to run; presence is checked first, so that a second run
//! changes nothing.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::process::{Run, on_path};
use crate::steps::{self, Step};
use crate::tree::Tree;
use crate::wasm::{self, Toolchain};

/// Something that a step cannot run without.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// A program that the machine brings along.
    Program(&'static str),
    /// A folder of the source tree: a part that is planned and not there yet counts as missing.
    Folder(&'static str),
    /// A component of the Rust toolchain, by cargo's subcommand and rustup's name for it.
    Component {
        subcommand: &'static str,
        component: &'static str,
    },
    /// Debian packages.
    Debian(&'static [&'static str]),
    /// OpenSSL's libcrypto with its headers, which the phone's encrypted store is built on.
    Libcrypto,
    /// Compilers of Rust and C for wasm32.
    Wasm,
    /// Python with the modules that make a virtual environment.
    PythonVenv,
}

impl Need {
    /// Why the need is not met, or nothing.
    fn unmet(self, tree: &Tree) -> Option<String> {
        match self {
            Self::Program(name) => (!on_path(name)).then(|| format!("the program {name}")),
            Self::Folder(folder) => {
                (!tree.at(folder).is_dir()).then(|| format!("the folder {folder}"))
            }
            Self::Component {
                subcommand,
                component,
            } => (!Run::cargo(tree).args([subcommand, "--version"]).succeeds())
                .then(|| format!("the Rust component {component}")),
            Self::Debian(packages) => {
                let absent = absent(tree, packages);
                (!absent.is_empty()).then(|| format!("Debian: {}", absent.join(" ")))
            }
            Self::Libcrypto => (!has_libcrypto(tree)).then(|| {
                "OpenSSL's headers (Debian: libssl-dev; elsewhere OPENSSL_DIR names them)"
                    .to_owned()
            }),
            Self::Wasm => Self::Debian(wasm_packages(tree)).unmet(tree),
            Self::PythonVenv => (!has_venv(tree)).then(|| "Debian: python3-venv".to_owned()),
        }
    }

    /// The Debian packages that would meet the need and are not there.
    fn packages(self, tree: &Tree) -> Vec<&'static str> {
        match self {
            Self::Program("openssl") if !on_path("openssl") => vec!["openssl"],
            Self::Program(_) | Self::Folder(_) | Self::Component { .. } => Vec::new(),
            Self::Debian(packages) => absent(tree, packages),
            Self::Libcrypto if has_libcrypto(tree) => Vec::new(),
            Self::Libcrypto => vec!["libssl-dev"],
            Self::Wasm => absent(tree, wasm_packages(tree)),
            Self::PythonVenv if has_venv(tree) => Vec::new(),
            Self::PythonVenv => vec!["python3-venv"],
        }
    }
}

/// What `step` lacks, in words; empty where it can run.
pub(crate) fn unmet(tree: &Tree, step: &Step) -> Vec<String> {
    step.needs
        .iter()
        .filter_map(|need| need.unmet(tree))
        .collect()
}

/// Whether a continuous-integration system runs us: nobody is there to install by hand.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let (only, _) = steps::selection(args)?;
    let chosen = steps::chosen(&only)?;
    install(tree, &chosen)?;
    let mut code = ExitCode::SUCCESS;
    for step in chosen {
        let unmet = unmet(tree, step);
        if !unmet.is_empty() {
            println!("{}: missing {}", step.name, unmet.join(", "));
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Installs what the `chosen` steps lack, or says how to.
///
/// # Errors
/// Where an installation was begun and failed. What may not be installed here is no error: the
/// steps that need it will be reported as missing.
pub(crate) fn install(tree: &Tree, chosen: &[&Step]) -> Result<()> {
    install_components(tree, chosen)?;
    if chosen
        .iter()
        .any(|step| step.needs.iter().any(|need| matches!(need, Need::Wasm)))
    {
        // Adds rustup's target where it can be had, and settles which packages are asked for.
        Toolchain::choose(tree)?;
    }
    let mut packages: Vec<&str> = chosen
        .iter()
        .flat_map(|step| step.needs)
        .flat_map(|need| need.packages(tree))
        .collect();
    packages.sort_unstable();
    packages.dedup();

    for step in chosen {
        for what in step.installs {
            println!("{} installs {what}", step.name);
        }
    }
    if packages.is_empty() {
        println!("Debian packages: everything is there");
        return Ok(());
    }
    println!("Debian packages to install: {}", packages.join(" "));
    install_packages(tree, &packages)
}

fn install_components(tree: &Tree, chosen: &[&Step]) -> Result<()> {
    for need in chosen.iter().flat_map(|step| step.needs) {
        if let Need::Component { component, .. } = need
            && need.unmet(tree).is_some()
            && on_path("rustup")
        {
            println!("Rust component to install: {component}");
            Run::new(tree, "rustup")
                .args(["component", "add", component])
                .run()?;
        }
    }
    Ok(())
}

fn install_packages(tree: &Tree, packages: &[&str]) -> Result<()> {
    let root = is_root(tree);
    if !root && !in_ci() {
        println!(
            "not root, so this is left to you:\n  sudo apt-get update && sudo apt-get install --no-install-recommends {}",
            packages.join(" ")
        );
        return Ok(());
    }
    let apt = || {
        if root {
            Run::new(tree, "apt-get")
        } else {
            Run::new(tree, "sudo").args(["--non-interactive", "apt-get"])
        }
        // dpkg asks nothing where nobody can answer.
        .env("DEBIAN_FRONTEND", "noninteractive")
    };
    apt()
        .args(["update", "--quiet"])
        .run()
        .context("update the list of Debian packages")?;
    apt()
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages)
        .run()
        .context("install Debian packages")
}

fn wasm_packages(tree: &Tree) -> &'static [&'static str] {
    match Toolchain::installed(tree) {
        Toolchain::Rustup => &wasm::C_PACKAGES,
        Toolchain::Debian => &wasm::ALL_PACKAGES,
    }
}

fn absent(tree: &Tree, packages: &[&'static str]) -> Vec<&'static str> {
    packages
        .iter()
        .copied()
        .filter(|package| !is_installed(tree, package))
        .collect()
}

fn is_installed(tree: &Tree, package: &str) -> bool {
    // dpkg-query knows a removed package with leftovers too; only this status means it is there.
    on_path("dpkg-query")
        && Run::new(tree, "dpkg-query")
            .args(["--show", "--showformat=${db:Status-Status}", package])
            .quiet_output()
            .is_some_and(|status| status == "installed")
}

/// Apple's systems bring a library of their own that SQLCipher uses.
fn has_libcrypto(tree: &Tree) -> bool {
    cfg!(target_vendor = "apple")
        || std::env::var_os("OPENSSL_DIR").is_some()
        || is_installed(tree, "libssl-dev")
        || ["/usr/include", "/usr/local/include"]
            .iter()
            .any(|folder| Path::new(folder).join("openssl/crypto.h").exists())
}

fn has_venv(tree: &Tree) -> bool {
    Run::new(tree, "python3")
        .args(["-c", "import venv, ensurepip"])
        .succeeds()
}

fn is_root(tree: &Tree) -> bool {
    Run::new(tree, "id")
        .args(["-u"])
        .quiet_output()
        .is_some_and(|id| id.trim() == "0")
}
