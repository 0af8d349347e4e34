//! One surface in every language: each function that the bindings export has its twin in the browser's layer, and
//! what they fail with has the same variants.
//!
//! Read from the sources, so that it is checked where neither library can be built.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Violation;
use super::lexer::{Token, scan};
use crate::tree::Tree;

const BINDINGS: &str = "bindings/ffi/src";
const BROWSER: &str = "bindings/web/src";
const BINDINGS_ERRORS: &str = "bindings/ffi/src/error.rs";
const CORE_FAULTS: &str = "core/src/fault.rs";

/// A function by its owner (`Phone`, or nothing for a free one) and its name in camel case.
type Function = (Option<String>, String);

pub(super) fn check(tree: &Tree) -> Result<(usize, Vec<Violation>)> {
    let ours = functions(&tree.at(BINDINGS), &["uniffi", "::", "export"])?;
    let theirs = functions(&tree.at(BROWSER), &["wasm_bindgen"])?;
    if ours.is_empty() {
        bail!("{BINDINGS} exports nothing: the check reads it wrongly");
    }
    let mut violations = missing(&ours, &theirs);
    let variants = |path: &str, name: &str| -> Result<BTreeSet<String>> {
        Ok(variants(&read(&tree.at(path))?, name))
    };
    let errors = variants(BINDINGS_ERRORS, "PhoneError")?;
    if errors.is_empty() || errors != variants(CORE_FAULTS, "Fault")? {
        violations.push(Violation::new(
            BINDINGS_ERRORS,
            format!("`PhoneError` has other variants than `Fault` in {CORE_FAULTS}"),
        ));
    }
    Ok((ours.len(), violations))
}

fn missing(ours: &BTreeSet<Function>, theirs: &BTreeSet<Function>) -> Vec<Violation> {
    ours.difference(theirs)
        .map(|(owner, name)| {
            let owner = owner.as_deref().unwrap_or("a function");
            Violation::new(
                BROWSER,
                format!("no twin of {owner} `{name}` of {BINDINGS}"),
            )
        })
        .collect()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// What the sources below `folder` export by an attribute that begins with `marker`.
fn functions(folder: &Path, marker: &[&str]) -> Result<BTreeSet<Function>> {
    let mut found = BTreeSet::new();
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(functions(&path, marker)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(exported(&scan(&read(&path)?).tokens, marker));
        }
    }
    Ok(found)
}

fn exported(tokens: &[Token], marker: &[&str]) -> BTreeSet<Function> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((mut next, mut name)) = attribute(tokens, at, marker) else {
            at += 1;
            continue;
        };
        // Attributes below it are of the same item.
        while text(next) == "#" {
            next = after_brackets(tokens, next + 1);
        }
        if text(next) == "impl" {
            let owner = text(next + 1).to_owned();
            let mut depth = 0;
            let mut inside = next + 2;
            name = None;
            loop {
                match text(inside) {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "#" if depth == 1 => {
                        if let Some((after, given)) = attribute(tokens, inside, &marker[..1]) {
                            name = given;
                            inside = after;
                            continue;
                        }
                    }
                    "fn" if depth == 1 => {
                        if is_public(tokens, inside) {
                            let own = camel(text(inside + 1));
                            found.insert((Some(owner.clone()), name.take().unwrap_or(own)));
                        }
                        name = None;
                    }
                    _ => {}
                }
                inside += 1;
                if (depth == 0 && text(inside - 1) == "}") || inside >= tokens.len() {
                    break;
                }
            }
            at = inside;
        } else {
            let function = (next..next + 4).find(|at| text(*at) == "fn");
            if let Some(function) = function.filter(|at| is_public(tokens, *at)) {
                let own = camel(text(function + 1));
                found.insert((None, name.unwrap_or(own)));
            }
            at = next + 1;
        }
    }
    found
}

fn is_public(tokens: &[Token], function: usize) -> bool {
    let before = |back: usize| {
        let at = function.checked_sub(back);
        at.and_then(|at| tokens.get(at))
            .map_or("", |token| token.text.as_str())
    };
    before(1) == "pub" || (before(1) == "async" && before(2) == "pub")
}

/// Where an attribute that begins with `marker` ends, and the `js_name` that it gives; nothing where none is at `at`.
fn attribute(tokens: &[Token], at: usize, marker: &[&str]) -> Option<(usize, Option<String>)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let begins = text(at) == "#"
        && text(at + 1) == "["
        && marker
            .iter()
            .enumerate()
            .all(|(index, word)| text(at + 2 + index) == *word);
    if !begins {
        return None;
    }
    let end = after_brackets(tokens, at + 1);
    let name = (at..end)
        .find(|at| text(*at) == "js_name")
        .map(|at| text(at + 2).to_owned());
    Some((end, name))
}

/// The place after the bracket that closes the one at `at`.
fn after_brackets(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    tokens.len()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// The variants of `enum name`.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let tokens = scan(source).tokens;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let begin = (0..tokens.len()).find(|at| text(*at) == "enum" && text(at + 1) == name);
    let mut found = BTreeSet::new();
    let (mut depth, mut brackets) = (0, 0);
    for at in begin.map_or(tokens.len(), |at| at + 2)..tokens.len() {
        match text(at) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "[" | "(" => brackets += 1,
            "]" | ")" => brackets -= 1,
            word if depth == 1 && brackets == 0 && word.starts_with(char::is_uppercase) => {
                found.insert(word.to_owned());
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTED: &str = r#"
        #[uniffi::export]
        impl Phone {
            /// A method.
            #[uniffi::constructor(default(observer = None))]
            pub async fn enrol_with(path: String) -> Self { if true { fn inner() {} } }
            pub fn list(&self) {}
            fn private(&self) {}
        }
        impl Phone { pub(crate) fn inside(&self) {} pub fn not_exported(&self) {} }
        #[uniffi::export]
        pub async fn report_wipe(path: String) {}
        #[uniffi::export(with_foreign)]
        pub trait KeyStore { fn load(&self); }
    "#;
    const TWINS: &str = r#"
        #[wasm_bindgen]
        impl Phone {
            #[wasm_bindgen(js_name = enrolWith)]
            pub async fn enrol_with(path: String) -> Self {}
            pub fn list(&self) {}
        }
        #[wasm_bindgen(js_name = reportWipe)]
        pub async fn report_wipe(path: String) {}
    "#;

    fn read_as(source: &str, marker: &[&str]) -> BTreeSet<Function> {
        exported(&scan(source).tokens, marker)
    }

    #[test]
    fn what_is_exported_is_found_and_nothing_else() {
        let ours = read_as(EXPORTED, &["uniffi", "::", "export"]);
        let names: Vec<&str> = ours.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["reportWipe", "enrolWith", "list"]);
        assert_eq!(ours, read_as(TWINS, &["wasm_bindgen"]));
    }

    #[test]
    fn a_twin_that_is_missing_or_has_another_name_is_told() {
        let ours = read_as(EXPORTED, &["uniffi", "::", "export"]);
        let renamed = read_as(&TWINS.replace("enrolWith", "enroll"), &["wasm_bindgen"]);
        let told = missing(&ours, &renamed);
        assert_eq!(told.len(), 1);
        assert!(told[0].message.contains("`enrolWith`"));
        let lacking = read_as(&TWINS.replace("pub fn list", "fn list"), &["wasm_bindgen"]);
        assert_eq!(missing(&ours, &lacking).len(), 1);
    }

    #[test]
    fn variants_are_read_without_their_fields_and_attributes() {
        let source =
            "enum E { #[error(\"X\")] A, B { code: String, Inner: u8 }, C(Foo) } enum F { D }";
        let names: Vec<String> = variants(source, "E").into_iter().collect();
        assert_eq!(names, ["A", "B", "C"]);
    }
}
