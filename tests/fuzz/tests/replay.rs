//! The kept corpora, run by the stable toolchain in every test run; and the seeds they grew from.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod seeds;

use std::path::{Path, PathBuf};

use gongdan_fuzz::TARGETS;
use sha2::{Digest, Sha256};

/// Bytes that all corpora together may take in the repository.
const CORPORA_BYTES_MAX: u64 = 1_000_000;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn files(target: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(corpus(target))
        .unwrap_or_else(|_| panic!("the corpus of {target} is there"))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// What a run would say, with the file at fault.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let files = files(name);
    assert!(!files.is_empty(), "an empty corpus tests nothing");
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let ran = std::panic::catch_unwind(|| (target.run)(&bytes));
        assert!(ran.is_ok(), "{} fails on {}", name, path.display());
    }
}

macro_rules! replays {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(replayed));
        }
    };
}

replays!(
    request,
    response,
    changeset,
    gate,
    phone_store,
    server_store,
    import_csv,
    import_xlsx,
    tus
);

#[test]
fn the_corpora_are_small() {
    let bytes: u64 = TARGETS
        .iter()
        .flat_map(|target| files(target.name))
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(bytes <= CORPORA_BYTES_MAX, "{bytes} bytes");
}

/// `UPDATE_EXPECT=1` writes the seeds, from which `cargo xtask fuzz` begins, beside what the corpora hold.
#[test]
fn seeds_run_and_reach_what_they_are_for() {
    for (target, seed) in seeds::all() {
        let run = TARGETS.iter().find(|known| known.name == target).unwrap();
        (run.run)(&seed);
        if std::env::var_os("UPDATE_EXPECT").is_some() && std::env::var_os("CI").is_none() {
            let folder = corpus(target);
            std::fs::create_dir_all(&folder).unwrap();
            let name: String = Sha256::digest(&seed)
                .iter()
                .take(10)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            std::fs::write(folder.join(name), &seed).unwrap();
        }
    }
}
