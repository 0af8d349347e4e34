//! Rules on the crates' manifests: who may depend on whom, and what core may bring along.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Violation;
use crate::process::Run;
use crate::tree::Tree;

const CORE: &str = "gongdan-core";
const SIMULATION: &str = "gongdan-simulation";

/// Crates that core's default features must not bring along, not even through another crate:
/// networks, runtimes, databases and the binding generator.
const NOT_IN_CORE: [&str; 13] = [
    "async-std",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "notify",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "tokio",
    "uniffi",
    "ureq",
    "wasm-bindgen",
];

/// Crates that core must not name itself unless a feature asks for them. (Automerge has its own
/// source of randomness for fresh actors; core hands it actors.)
const NOT_NAMED_BY_CORE: [&str; 5] = ["fastrand", "getrandom", "rand", "rand_core", "tempfile"];

/// Features of core's dependencies that read the clock or draw random numbers.
const NOT_ENABLED_BY_CORE: [(&str, &str); 9] = [
    ("chrono", "clock"),
    ("chrono", "now"),
    ("chrono", "default"),
    ("ed25519-dalek", "rand_core"),
    ("uuid", "fast-rng"),
    ("uuid", "rng"),
    ("uuid", "v1"),
    ("uuid", "v4"),
    ("uuid", "v7"),
];

/// The number of packages in the workspace, and what is wrong with them.
pub(super) fn check(tree: &Tree) -> Result<(usize, Vec<Violation>)> {
    let metadata = Run::cargo(tree)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .quiet_output()
        .context("read cargo metadata")?;
    let packages = packages(
        &serde_json::from_str(&metadata).context("parse cargo metadata")?,
        tree,
    )?;
    // Features differ between core alone and core in the workspace; `cargo tree` answers for core alone.
    let brought = Run::cargo(tree)
        .args([
            "tree",
            "--package",
            CORE,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .quiet_output()
        .context("list the dependencies of core")?;

    let mut violations = layers(&packages);
    violations.extend(core_manifest(&packages));
    violations.extend(planted(&packages));
    violations.extend(core_tree(&brought));
    Ok((packages.len(), violations))
}

/// A package of the workspace, as far as the rules look.
struct Package {
    name: String,
    /// Its folder, from the root of the tree.
    folder: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    optional: bool,
    features: Vec<String>,
    default_features: bool,
    /// `dev`, `build`, or empty for an ordinary dependency.
    kind: String,
}

/// The layers, from below: core, then bindings and server, then tests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Core,
    Server,
    Bindings,
    Tests,
}

impl Layer {
    fn of(folder: &str) -> Option<Self> {
        match folder.split('/').next() {
            Some("core") => Some(Self::Core),
            Some("server") => Some(Self::Server),
            Some("bindings") => Some(Self::Bindings),
            Some("tests") => Some(Self::Tests),
            _ => None,
        }
    }

    fn may_depend_on(self, other: Self) -> bool {
        match self {
            Self::Core => false,
            Self::Server | Self::Bindings => other == Self::Core || other == self,
            Self::Tests => true,
        }
    }
}

fn packages(metadata: &Value, tree: &Tree) -> Result<Vec<Package>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let root = tree.root().display().to_string();
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    Ok(packages
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            folder: text(&package["manifest_path"])
                .trim_start_matches(&root)
                .trim_start_matches('/')
                .trim_end_matches("/Cargo.toml")
                .to_owned(),
            dependencies: list(&package["dependencies"])
                .iter()
                .map(|dependency| Dependency {
                    name: text(&dependency["name"]),
                    optional: dependency["optional"].as_bool().unwrap_or(false),
                    features: list(&dependency["features"]).iter().map(text).collect(),
                    default_features: dependency["uses_default_features"]
                        .as_bool()
                        .unwrap_or(true),
                    kind: text(&dependency["kind"]),
                })
                .collect(),
        })
        .collect())
}

/// Core depends on nobody, server and bindings on core, tests on all; tests of a crate included.
fn layers(packages: &[Package]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages {
        let Some(layer) = Layer::of(&package.folder) else {
            violations.push(Violation::new(
                &package.folder,
                format!(
                    "{} lies in none of core, server, bindings and tests",
                    package.name
                ),
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let other = packages.iter().find(|other| other.name == dependency.name);
            if let Some(other) = other.and_then(|other| Layer::of(&other.folder))
                && !layer.may_depend_on(other)
            {
                violations.push(Violation::new(
                    &package.folder,
                    format!("{} must not depend on {}", package.name, dependency.name),
                ));
            }
        }
    }
    violations
}

/// Defects are planted for the simulator, and for nothing that is ever shipped.
fn planted(packages: &[Package]) -> Vec<Violation> {
    let others = packages.iter().filter(|package| package.name != SIMULATION);
    others
        .filter(|package| {
            let mut features = package.dependencies.iter().flat_map(|of| &of.features);
            features.any(|feature| feature == "planted")
        })
        .map(|package| {
            let text = format!("{} must not enable planted defects", package.name);
            Violation::new(&package.folder, text)
        })
        .collect()
}

fn core_manifest(packages: &[Package]) -> Vec<Violation> {
    let Some(core) = packages.iter().find(|package| package.name == CORE) else {
        return vec![Violation::new(
            "Cargo.toml",
            format!("there is no package {CORE}"),
        )];
    };
    let mut violations = Vec::new();
    for dependency in core
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.is_empty())
    {
        let name = dependency.name.as_str();
        if !dependency.optional && NOT_NAMED_BY_CORE.contains(&name) {
            violations.push(Violation::new(
                &core.folder,
                format!("core must not depend on {name}"),
            ));
        }
        let defaults = dependency.default_features.then_some("default");
        for feature in dependency
            .features
            .iter()
            .map(String::as_str)
            .chain(defaults)
        {
            if NOT_ENABLED_BY_CORE.contains(&(name, feature)) {
                violations.push(Violation::new(
                    &core.folder,
                    format!("core must not enable {feature} of {name}: clock and randomness are arguments"),
                ));
            }
        }
    }
    violations
}

/// `brought` is what `cargo tree` lists for core, a package with its version on each line.
fn core_tree(brought: &str) -> Vec<Violation> {
    let mut names: Vec<&str> = brought
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| NOT_IN_CORE.contains(name))
        .map(|name| {
            Violation::new(
                "core",
                format!("core's default features must not bring along {name}"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: Vec<Dependency>) -> Package {
        Package {
            name: name.to_owned(),
            folder: folder.to_owned(),
            dependencies,
        }
    }

    fn on(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            optional: false,
            features: Vec::new(),
            default_features: false,
            kind: String::new(),
        }
    }

    fn workspace(
        of_core: Vec<Dependency>,
        of_server: Vec<Dependency>,
        of_ffi: Vec<Dependency>,
    ) -> Vec<Package> {
        vec![
            package(CORE, "core", of_core),
            package("gongdan-server", "server", of_server),
            package("gongdan-ffi", "bindings/ffi", of_ffi),
            package(
                "gongdan-tests",
                "tests",
                vec![on(CORE), on("gongdan-server"), on("gongdan-ffi")],
            ),
        ]
    }

    #[test]
    fn the_intended_layers_are_accepted() {
        let packages = workspace(vec![on("serde")], vec![on(CORE)], vec![on(CORE)]);
        assert_eq!(layers(&packages), []);
    }

    #[test]
    fn a_dependency_upwards_or_sideways_is_refused() {
        for packages in [
            workspace(vec![on("gongdan-server")], vec![], vec![]),
            workspace(vec![on("gongdan-ffi")], vec![], vec![]),
            workspace(vec![], vec![on("gongdan-ffi")], vec![]),
            workspace(vec![], vec![on("gongdan-tests")], vec![]),
            workspace(vec![], vec![], vec![on("gongdan-server")]),
            workspace(
                vec![],
                vec![],
                vec![Dependency {
                    kind: "dev".to_owned(),
                    ..on("gongdan-tests")
                }],
            ),
        ] {
            assert_eq!(layers(&packages).len(), 1);
        }
    }

    #[test]
    fn a_package_outside_the_four_folders_is_refused() {
        assert_eq!(layers(&[package("stray", "tools/stray", vec![])]).len(), 1);
    }

    #[test]
    fn core_may_ask_for_randomness_only_by_a_feature() {
        let bare = core_manifest(&workspace(vec![on("getrandom")], vec![], vec![]));
        assert_eq!(
            bare,
            [Violation::new("core", "core must not depend on getrandom")]
        );

        let optional = Dependency {
            optional: true,
            ..on("getrandom")
        };
        assert_eq!(
            core_manifest(&workspace(vec![optional], vec![], vec![])),
            []
        );
    }

    #[test]
    fn core_must_not_enable_clocks_or_random_ids() {
        let uuid = Dependency {
            features: vec!["v4".to_owned()],
            ..on("uuid")
        };
        assert_eq!(
            core_manifest(&workspace(vec![uuid], vec![], vec![])).len(),
            1
        );

        let chrono = Dependency {
            default_features: true,
            ..on("chrono")
        };
        assert_eq!(
            core_manifest(&workspace(vec![chrono], vec![], vec![])).len(),
            1
        );
    }

    #[test]
    fn planted_defects_are_the_simulators_alone() {
        let with = || Dependency {
            features: vec!["planted".to_owned()],
            ..on(CORE)
        };
        let simulation = package(SIMULATION, "tests/simulation", vec![with()]);
        assert_eq!(planted(&[simulation]), []);
        let server = package("gongdan-server", "server", vec![with()]);
        assert_eq!(planted(&[server]).len(), 1);
    }

    #[test]
    fn what_core_brings_along_is_checked_by_name() {
        let tree = "gongdan-core v0.1.0 (/x/core)\nautomerge v0.12.0\ntokio-util v0.7.0\n";
        assert_eq!(core_tree(tree), []);
        assert_eq!(
            core_tree(&format!("{tree}tokio v1.50.0\ntokio v1.50.0\n")).len(),
            1
        );
    }
}
