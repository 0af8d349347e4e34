//! The steps of `cargo xtask test`, in the order in which they run.
//!
//! To add one: write a function `fn(&Tree) -> Result<()>` in a module below `steps/` (for an npm
//! project `npm::test` does) and name it in [`STEPS`]. The order matters where a step uses what an
//! earlier one built: the console is embedded in the server's binary, Rust tests load the core's
//! WebAssembly module, and the tests in other languages start the server that the Rust tests built.

mod api;
mod bindings;
mod npm;
mod rust;
mod wasm;

use anyhow::{Context, Result, bail};

use crate::process::Run;
use crate::rules;
use crate::setup::Need;
use crate::tree::Tree;

/// One named part of the tests.
pub(crate) struct Step {
    /// What `--only` takes: one word, at most 12 letters.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Without these the step is reported as missing.
    pub(crate) needs: &'static [Need],
    /// What the step itself installs, and where; printed before anything is installed.
    pub(crate) installs: &'static [&'static str],
    pub(crate) run: fn(&Tree) -> Result<()>,
}

const NODE: Need = Need::Program("node");
const NPM: Need = Need::Program("npm");

/// Tells a program where what cargo built is, so that it does not build it again itself.
trait Built {
    fn built(self, tree: &Tree) -> Self;
}

impl Built for Run<'_> {
    fn built(self, tree: &Tree) -> Self {
        self.env("GONGDAN_SERVER", tree.target("debug/gongdan"))
            .env("GONGDAN_LIBRARY_DIR", tree.target("debug"))
            .env("GONGDAN_WASM_PACKAGE", tree.target("wasm/pkg-nodejs"))
    }
}

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "Rust sources are formatted",
        needs: &[Need::Component {
            subcommand: "fmt",
            component: "rustfmt",
        }],
        installs: &[],
        run: rust::fmt,
    },
    Step {
        name: "rules",
        about: "dependency rules of the crates and their sources",
        needs: &[],
        installs: &[],
        run: rules::check,
    },
    Step {
        name: "console",
        about: "the console's types, unit tests and build",
        needs: &[Need::Folder("server/console"), NODE, NPM],
        installs: &["npm packages into server/console/node_modules"],
        run: npm::console,
    },
    Step {
        name: "phone",
        about: "the phone app's types, unit tests and build, with core optimised for it",
        needs: &[Need::Folder("bindings/web/app"), Need::Wasm, NODE, NPM],
        installs: &[
            "the Rust target wasm32-unknown-unknown, where rustup has it",
            "npm packages into bindings/web/app/node_modules",
        ],
        run: npm::phone,
    },
    Step {
        name: "lints",
        about: "clippy over the workspace, warnings are errors",
        needs: &[
            Need::Component {
                subcommand: "clippy",
                component: "clippy",
            },
            Need::Libcrypto,
        ],
        installs: &[],
        run: rust::lints,
    },
    Step {
        name: "core",
        about: "core builds alone, with no features",
        needs: &[],
        installs: &[],
        run: rust::core_alone,
    },
    Step {
        name: "wasm",
        about: "core built for wasm32 and loaded in Node",
        needs: &[Need::Wasm, NODE],
        installs: &["the Rust target wasm32-unknown-unknown, where rustup has it"],
        run: wasm::build_and_test,
    },
    Step {
        name: "rust",
        about: "Rust tests of the workspace, benchmarks' assertions included",
        needs: &[NODE, Need::Libcrypto, Need::Program("openssl")],
        installs: &[],
        run: rust::tests,
    },
    Step {
        name: "prove",
        about: "3 CPU-minutes of simulated work with faults",
        needs: &[],
        installs: &[],
        run: crate::prove::step,
    },
    Step {
        name: "node",
        about: "stock Automerge reads an export, a stock tus client uploads, a replica under Node",
        needs: &[Need::Folder("tests/node"), NODE, NPM],
        installs: &["npm packages into tests/node/node_modules"],
        run: |tree| npm::test(tree, "tests/node"),
    },
    Step {
        name: "browser",
        about: "the console and the phone's app in Chromium",
        needs: &[
            Need::Folder("tests/browser"),
            NODE,
            NPM,
            Need::Debian(&["chromium", "fonts-noto-cjk"]),
        ],
        installs: &["npm packages into tests/browser/node_modules"],
        run: |tree| npm::test(tree, "tests/browser"),
    },
    Step {
        name: "api",
        about: "the JSON API against its own OpenAPI document, exports read by others",
        needs: &[
            Need::Folder("tests/api"),
            NODE,
            Need::Program("python3"),
            Need::PythonVenv,
        ],
        installs: &["PyPI packages into target/api/venv"],
        run: api::run,
    },
    Step {
        name: "python",
        about: "the Python wheel, built, installed and tested",
        needs: &[
            Need::Folder("bindings/python"),
            Need::Program("python3"),
            Need::PythonVenv,
            Need::Libcrypto,
        ],
        installs: &["PyPI packages into target/python/venv"],
        run: bindings::python,
    },
    Step {
        name: "kotlin",
        about: "the Kotlin module with JUnit on the JVM",
        needs: &[
            Need::Folder("bindings/kotlin"),
            Need::Program("java"),
            Need::Program("mvn"),
            Need::Libcrypto,
        ],
        installs: &["Maven artefacts into the local repository (~/.m2)"],
        run: bindings::kotlin,
    },
];

/// The names given with `--only`, and whether `--list` was given.
pub(crate) fn selection(args: &[String]) -> Result<(Vec<String>, bool)> {
    let mut only = Vec::new();
    let mut list = false;
    let mut args = args.iter();
    while let Some(argument) = args.next() {
        match argument.as_str() {
            "--only" => only.push(
                args.next()
                    .context("--only needs the name of a step")?
                    .clone(),
            ),
            "--list" => list = true,
            other => bail!("unknown argument: {other}"),
        }
    }
    Ok((only, list))
}

/// The steps named in `only`, in the order in which they run; all of them where it is empty.
pub(crate) fn chosen(only: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!(
            "no step is called {unknown}; there are {}",
            names.join(", ")
        );
    }
    Ok(STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
        .collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn names_are_unique_and_fit_the_table() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(step.name.len() <= 12, "{}", step.name);
            assert!(
                STEPS[..index]
                    .iter()
                    .all(|earlier| earlier.name != step.name),
                "{}",
                step.name
            );
        }
    }

    #[test]
    fn only_chooses_in_running_order_and_refuses_unknown_names() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            chosen(&only).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["lints", "fmt"]).unwrap(), ["fmt", "lints"]);
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
        assert!(names(&["no-such-step"]).is_err());
    }
}
