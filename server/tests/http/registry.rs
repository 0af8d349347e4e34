//! The registry of problems, held against the sources that make them, the document that describes them, and
//! the tests that bring them about.

use std::path::{Path, PathBuf};

use gongdan_server::api::problem::CODES;

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn of_the_server() -> Vec<(PathBuf, String)> {
    let mut all = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    all.retain(|(path, _)| !path.ends_with("problem/codes.rs"));
    all
}

/// The literal that stands as the code in each `ApiError::new(…)`.
fn made(text: &str) -> impl Iterator<Item = &str> {
    text.split("ApiError::new(").skip(1).filter_map(|rest| {
        let arguments = &rest[..rest.find(')')?];
        let code = &arguments[arguments.find('"')? + 1..];
        Some(&code[..code.find('"')?])
    })
}

fn lacking(of: impl Fn(&str) -> bool) -> Vec<&'static str> {
    CODES.iter().copied().filter(|code| !of(code)).collect()
}

#[test]
fn every_code_that_the_server_makes_is_registered_and_none_is_left_over() {
    let sources = of_the_server();
    let unregistered: Vec<&str> = sources
        .iter()
        .flat_map(|(_, text)| made(text))
        .filter(|code| !CODES.contains(code))
        .collect();
    assert_eq!(unregistered, Vec::<&str>::new());
    assert!(
        sources.iter().flat_map(|(_, text)| made(text)).count() > 50,
        "the search sees them"
    );
    let never_made = lacking(|code| {
        let literal = format!("\"{code}\"");
        sources.iter().any(|(_, text)| text.contains(&literal))
    });
    assert_eq!(never_made, Vec::<&str>::new());
}

#[test]
fn every_code_is_described() {
    let document = gongdan_server::api::document();
    assert_eq!(
        lacking(|code| document.contains(&format!("`{code}`"))),
        Vec::<&str>::new()
    );
}

#[test]
fn every_code_is_brought_about_by_a_test_over_http() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut tests = sources(&folder);
    tests.retain(|(path, _)| !path.ends_with("registry.rs"));
    let untested = lacking(|code| {
        let literal = format!("\"{code}\"");
        tests.iter().any(|(_, text)| text.contains(&literal))
    });
    assert_eq!(untested, Vec::<&str>::new());
}
