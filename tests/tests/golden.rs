//! Golden files: every release's commands still come to the same hashes. The same files run as wasm32 in
//! `tests/wasm/golden.test.mjs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;

use gongdan_core::ticket::Action;
use gongdan_tests::{expect, golden};
use gongdan_web::golden::{File, Outcome, run};

fn to_json(file: &File) -> String {
    serde_json::to_string_pretty(file).unwrap() + "\n"
}

#[test]
fn the_commands_of_v1_are_those_of_its_file() {
    expect::file("golden/v1.json", &to_json(&golden::v1()));
}

#[test]
fn the_commands_of_v2_are_those_of_its_file() {
    expect::file("golden/v2.json", &to_json(&golden::v2()));
}

#[test]
fn every_golden_file_comes_out_as_it_went_in() {
    let mut files = 0;
    for entry in fs::read_dir(expect::path("golden")).unwrap() {
        let path = entry.unwrap().path();
        let json = fs::read_to_string(&path).unwrap();
        let file: File = serde_json::from_str(&json).unwrap();
        assert_eq!(to_json(&run(&file)), json, "{}", path.display());
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn a_changed_expectation_is_noticed() {
    let mut file = golden::v1();
    file.documents[0].steps[3].outcome = Outcome::UnknownBase;
    assert_ne!(run(&file), file);
    let mut file = golden::v1();
    file.documents[0].steps[3].at += 1;
    assert_ne!(
        run(&file).documents[0].heads,
        golden::v1().documents[0].heads
    );
}

#[test]
fn every_command_makes_a_change_somewhere_in_the_golden_files() {
    let mut missing: BTreeSet<String> = Action::ALL
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    let files = [golden::v1(), golden::v2()];
    for step in files
        .iter()
        .flat_map(|file| &file.documents)
        .flat_map(|document| &document.steps)
    {
        if matches!(step.outcome, Outcome::Change(_)) {
            missing.remove(&format!("{:?}", step.command.action()));
        }
    }
    assert_eq!(missing, BTreeSet::new());
}
