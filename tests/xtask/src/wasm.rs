//! The core as WebAssembly, built by either of two toolchains:
//!
//! 1. the toolchain in use, with the standard library that rustup has for wasm32;
//! 2. where rustup cannot get that one, Debian's `rustc-web` and `cargo-web`, which build the
//!    standard library from `rust-web-src`. Cargo calls that option unstable, hence
//!    `RUSTC_BOOTSTRAP`; the language stays the stable one.
//!
//! zstd is written in C, so both need a C compiler that knows wasm32.
//!
//! Invariant: both give a module of the same behaviour; the golden files are run on it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Run;
use crate::tree::Tree;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "gongdan-web";
/// Optimised for size; see the workspace's manifest.
const PROFILE: &str = "web";
/// Forces one of the two toolchains: `rustup` or `debian`.
const CHOICE: &str = "GONGDAN_WASM";
/// rustup retries for long where there is no network.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Debian packages that both toolchains need.
pub(crate) const C_PACKAGES: [&str; 2] = ["clang-19", "llvm-19"];
/// The same with those that stand in for rustup's target.
pub(crate) const ALL_PACKAGES: [&str; 6] = [
    "clang-19",
    "llvm-19",
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "lld-19",
];

/// Who compiles Rust to wasm32.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Rustup,
    Debian,
}

impl Toolchain {
    /// The toolchain to use, rustup's target being added where it can be.
    pub(crate) fn choose(tree: &Tree) -> Result<Self> {
        if let Ok(forced) = std::env::var(CHOICE)
            && !["rustup", "debian"].contains(&forced.as_str())
        {
            bail!("{CHOICE} is {forced:?}; it can be rustup or debian");
        }
        if std::env::var_os(CHOICE).is_some() || has_rust_target(tree) {
            return Ok(Self::installed(tree));
        }
        let added = Run::new(tree, "rustup")
            .args(["target", "add", TARGET])
            .run_within(RUSTUP_LIMIT);
        match added {
            // Asked again rather than believed: a cargo that is not rustup's does not see the target.
            Ok(()) if has_rust_target(tree) => Ok(Self::Rustup),
            Ok(()) => Ok(Self::Debian),
            Err(error) => {
                println!(
                    "rustup has no {TARGET} here ({error:#}); Debian's rustc-web serves instead"
                );
                Ok(Self::Debian)
            }
        }
    }

    /// The toolchain that there is without adding anything.
    pub(crate) fn installed(tree: &Tree) -> Self {
        match std::env::var(CHOICE).as_deref() {
            Ok("rustup") => Self::Rustup,
            Ok("debian") => Self::Debian,
            _ if has_rust_target(tree) => Self::Rustup,
            _ => Self::Debian,
        }
    }

    fn cargo<'a>(self, tree: &'a Tree) -> Run<'a> {
        let run = match self {
            Self::Rustup => Run::cargo(tree),
            // By full path: on PATH, rustup's cargo and rustc come first.
            Self::Debian => Run::new(tree, "/usr/bin/cargo")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
                // rustup's cargo, which runs us, names its own toolchain to what it starts.
                .without_env("RUSTUP_TOOLCHAIN")
                .without_env("CARGO"),
        };
        run.env("CC_wasm32_unknown_unknown", "clang-19")
            .env("AR_wasm32_unknown_unknown", "llvm-ar-19")
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Rustup => &[],
            Self::Debian => &["-Zbuild-std=std,panic_abort"],
        }
    }
}

/// Builds the module as the phone's app has it, with its JavaScript for `host` (`nodejs` or `web`), and returns
/// the folder. There is one build: what is tested is what is delivered.
pub(crate) fn build(tree: &Tree, host: &str) -> Result<PathBuf> {
    compile(tree, host, &format!("pkg-{host}"))
}

/// Builds the module of the phone's app and returns the folder.
pub(crate) fn build_phone(tree: &Tree) -> Result<PathBuf> {
    compile(tree, "web", "pkg-phone")
}

fn compile(tree: &Tree, host: &str, package: &str) -> Result<PathBuf> {
    let toolchain = Toolchain::choose(tree)?;
    // A target directory of its own: Debian's compiler is another version than the one in use, and
    // in one directory the two would wait for each other's lock and keep two copies of everything
    // under names that only differ by hash.
    let target = tree.target("wasm");
    toolchain
        .cargo(tree)
        .args(["build", "--package", PACKAGE, "--lib", "--target", TARGET])
        .args(["--profile", PROFILE])
        .args(toolchain.options())
        .arg_path("--target-dir", &target)
        .run()?;
    let module = target.join(TARGET).join(PROFILE).join("gongdan_web.wasm");
    let package = target.join(package);
    bind(tree, &module, host, &package)?;
    Ok(package)
}

/// Writes the JavaScript beside the module.
fn bind(tree: &Tree, module: &Path, host: &str, package: &Path) -> Result<()> {
    Run::cargo(tree)
        .args([
            "run",
            "--quiet",
            "--package",
            "gongdan-wasm-bindgen",
            "--",
            host,
        ])
        .args([module, package])
        .run()
        .context("write the JavaScript of the WebAssembly module")
}

pub(crate) fn command(tree: &Tree, args: &[String]) -> Result<ExitCode> {
    let package = match args {
        [] => build(tree, "nodejs")?,
        [host] if host == "nodejs" || host == "web" => build(tree, host)?,
        [host] if host == "phone" => build_phone(tree)?,
        _ => bail!("usage: cargo xtask wasm [nodejs|web|phone]"),
    };
    println!("{}", tree.shown(&package));
    Ok(ExitCode::SUCCESS)
}

/// Whether the toolchain in use has a standard library for wasm32.
fn has_rust_target(tree: &Tree) -> bool {
    Run::new(tree, "rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .quiet_output()
        .is_some_and(|folder| Path::new(folder.trim()).is_dir())
}
