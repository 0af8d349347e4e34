//! Rules on the sources: what a module may name.
//!
//! | files | must not name | because |
//! |---|---|---|
//! | `core/src`, but `document` | `automerge` | only the document knows its format |
//! | `server/src/gate` | the server's other modules, `rusqlite`, `axum`, `tokio` | admission is pure |
//! | `server/src`, but `relay/documents.rs` | `TicketDoc::load`, SQL that writes `documents` | what is loaded is what was saved there |
//! | `server/src` | `automerge`, `apply_own`, `snapshot::unpack` | no document's bytes from a device are parsed |
//! | `core/src/sync` | the same, and `TicketDoc::load` | what a device sent is commands |
//! | `server/src/console`, `server/src/api` | SQL that writes | there is one way to write: a command |

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Violation;
use super::lexer::{Token, scan};
use crate::tree::Tree;

/// The crate that only core's `document` knows.
const DOCUMENT_FORMAT: &str = "automerge";
/// The loaders of document bytes beside `TicketDoc::load`, and its type under another name would hide it.
const OTHER_LOADERS: [&str; 3] = [DOCUMENT_FORMAT, "apply_own", "unpack"];
/// The one file of the server that loads documents, and writes what it loads.
const LOADER: &str = "server/src/relay/documents.rs";
/// What the gate must not use: database, network, runtime.
const NOT_IN_GATE: [&str; 6] = ["axum", "hyper", "reqwest", "rusqlite", "tokio", "zstd"];
/// The words that SQL statements which write begin with, and a word that must follow them somewhere.
const WRITES: [(&str, &str); 9] = [
    ("INSERT", "INTO"),
    ("REPLACE", "INTO"),
    ("UPDATE", "SET"),
    ("DELETE", "FROM"),
    ("CREATE", "TABLE"),
    ("CREATE", "INDEX"),
    ("CREATE", "TRIGGER"),
    ("ALTER", "TABLE"),
    ("DROP", "TABLE"),
];

/// The number of files looked at, and what is wrong with them.
pub(super) fn check(tree: &Tree) -> Result<(usize, Vec<Violation>)> {
    let mut files = Vec::new();
    for folder in ["core/src", "server/src"] {
        collect(&tree.at(folder), folder, &mut files)?;
    }
    files.sort();
    let modules = top_modules(&files);
    let mut violations = Vec::new();
    for file in &files {
        let source = fs::read_to_string(tree.at(file)).with_context(|| format!("read {file}"))?;
        violations.extend(check_file(file, &source, &modules));
    }
    Ok((files.len(), violations))
}

/// Applies the rules that `file`, a path from the root of the tree, is under.
fn check_file(file: &str, source: &str, server_modules: &[String]) -> Vec<Violation> {
    let mut violations = Vec::new();
    if file.ends_with(".sql") {
        if in_module(file, "server/src/console") || in_module(file, "server/src/api") {
            violations.extend(writing_sql(file, source, 1));
        }
        return violations;
    }
    let source = scan(source);
    if file.starts_with("core/src/") && !in_module(file, "core/src/document") {
        violations.extend(names(file, &source.tokens, &[DOCUMENT_FORMAT]));
    }
    // Tests play the device, which does unpack what the server sent.
    let is_test = in_module(file, "server/src/relay/tests");
    if (file.starts_with("server/src/") && !is_test) || in_module(file, "core/src/sync") {
        violations.extend(names(file, &source.tokens, &OTHER_LOADERS));
        if file != LOADER {
            violations.extend(loads(file, &source.tokens));
            for text in &source.texts {
                violations.extend(writes_documents(file, &text.text, text.line));
            }
        }
    }
    if in_module(file, "server/src/gate") {
        violations.extend(names(file, &source.tokens, &NOT_IN_GATE));
        violations.extend(outside_gate(file, &source.tokens, server_modules));
    }
    if in_module(file, "server/src/console") || in_module(file, "server/src/api") {
        for text in &source.texts {
            violations.extend(writing_sql(file, &text.text, text.line));
        }
    }
    violations
}

/// Whether `file` is the module `module` (its path without `.rs`) or lies below it.
fn in_module(file: &str, module: &str) -> bool {
    file.strip_prefix(module)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn names(file: &str, tokens: &[Token], forbidden: &[&str]) -> Vec<Violation> {
    tokens
        .iter()
        .filter(|token| forbidden.contains(&token.text.as_str()))
        .map(|token| at(file, token.line, format!("must not name `{}`", token.text)))
        .collect()
}

/// `TicketDoc::load`, or `TicketDoc` under another name.
fn loads(file: &str, tokens: &[Token]) -> Vec<Violation> {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    tokens
        .iter()
        .enumerate()
        .filter(|(index, token)| {
            let called = text(index + 1) == "::" && text(index + 2) == "load";
            token.text == "TicketDoc" && (called || text(index + 1) == "as")
        })
        .map(|(_, token)| at(file, token.line, "must not load documents".to_owned()))
        .collect()
}

/// SQL that puts bytes where the server loads documents from.
fn writes_documents(file: &str, text: &str, line: usize) -> Option<Violation> {
    let upper = text.to_uppercase();
    let words: Vec<&str> = upper
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, ["INTO" | "UPDATE", "DOCUMENTS"]))
        .then(|| at(file, line, "must not write `documents`".to_owned()))
}

/// Paths that lead from the gate into another module of the server.
fn outside_gate(file: &str, tokens: &[Token], server_modules: &[String]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let text = |ahead: usize| {
            tokens
                .get(index + ahead)
                .map_or("", |token| token.text.as_str())
        };
        if text(1) != "::" {
            continue;
        }
        // The server's library is known to its binary under its own name.
        let from_root = token.text == "crate" || token.text == "gongdan_server";
        // `super` may lead to the root or not, depending on where it stands; what it then names tells.
        if !from_root && token.text != "super" {
            continue;
        }
        for first in heads(&tokens[index + 2..]) {
            let leaves = if from_root {
                first != "gate"
            } else {
                server_modules.contains(&first) && first != "gate"
            };
            if leaves {
                violations.push(at(
                    file,
                    token.line,
                    format!("the gate must not use `{}::{first}`", token.text),
                ));
            }
        }
    }
    violations
}

/// The first names of the paths that begin here: one, or those between the braces of a `use`.
fn heads(tokens: &[Token]) -> Vec<String> {
    let Some(first) = tokens.first() else {
        return Vec::new();
    };
    if first.text != "{" {
        return vec![first.text.clone()];
    }
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut begins = true;
    for token in tokens {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => begins = true,
            name if depth == 1 && begins => {
                heads.push(name.to_owned());
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn writing_sql(file: &str, text: &str, line: usize) -> Option<Violation> {
    let upper = text.to_uppercase();
    let words: Vec<&str> = upper
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .collect();
    // A statement, not prose: the first word follows the beginning, a `;` or an opening bracket.
    let statements = upper.split([';', '(']).map(str::trim_start);
    let begins: Vec<&str> = statements
        .filter_map(|statement| statement.split_whitespace().next())
        .collect();
    WRITES
        .iter()
        .find(|(verb, then)| {
            (begins.contains(verb) || after_with(&begins, &words, verb)) && words.contains(then)
        })
        .map(|(verb, then)| {
            at(
                file,
                line,
                format!("must not write tables: {verb} … {then}"),
            )
        })
}

/// `WITH … INSERT INTO` and the like: the statement begins with its subqueries.
fn after_with(begins: &[&str], words: &[&str], verb: &str) -> bool {
    begins.contains(&"WITH") && words.contains(&verb)
}

fn at(file: &str, line: usize, message: String) -> Violation {
    Violation::new(format!("{file}:{line}"), message)
}

/// The names of the modules directly below `server/src`.
fn top_modules(files: &[String]) -> Vec<String> {
    let mut modules: Vec<String> = files
        .iter()
        .filter_map(|file| file.strip_prefix("server/src/"))
        .filter_map(|rest| rest.split(['/', '.']).next())
        .map(str::to_owned)
        .collect();
    modules.sort();
    modules.dedup();
    modules
}

fn collect(folder: &Path, shown: &str, files: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {shown}"))? {
        let path = entry.with_context(|| format!("list {shown}"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = format!("{shown}/{name}");
        if path.is_dir() {
            collect(&path, &shown, files)?;
        } else if name.ends_with(".rs") || name.ends_with(".sql") {
            files.push(shown);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str, source: &str) -> Vec<String> {
        let modules = ["api", "gate", "store"].map(str::to_owned);
        check_file(file, source, &modules)
            .into_iter()
            .map(|violation| violation.place)
            .collect()
    }

    #[test]
    fn automerge_is_named_in_the_document_and_nowhere_else_in_core() {
        let source = "//! Automerge, automerge.\n\nuse automerge::ActorId;";
        assert_eq!(
            refused("core/src/ticket/visit.rs", source),
            ["core/src/ticket/visit.rs:3"]
        );
        assert_eq!(
            refused("core/src/documents.rs", source),
            ["core/src/documents.rs:3"]
        );
        assert!(refused("core/src/document.rs", source).is_empty());
        assert!(refused("core/src/document/execute.rs", source).is_empty());
    }

    #[test]
    fn the_server_loads_documents_of_its_own_in_one_place_and_nothing_of_devices() {
        for source in [
            "fn a() { TicketDoc::load(part, bytes) }",
            "fn a() { gongdan_core::document::TicketDoc::load(part, bytes) }",
            "use gongdan_core::document::TicketDoc as Other;",
            "use gongdan_core::document::snapshot::unpack;",
            "fn a() { doc.apply_own(bytes) }",
            "use automerge::Change;",
            "fn a() { b(\"INSERT INTO documents (seq) VALUES (1)\") }",
            "fn a() { b(\"update documents set bytes = ?1\") }",
        ] {
            let place = "server/src/relay/receive.rs";
            assert_eq!(refused(place, source).len(), 1, "{source}");
        }
        let own = "fn a() { TicketDoc::load(part, bytes); b(\"INSERT INTO documents (seq)\") }";
        assert!(refused("server/src/relay/documents.rs", own).is_empty());
        let unpacked = "fn a() { snapshot::unpack(bytes) }";
        assert_eq!(refused("server/src/relay/documents.rs", unpacked).len(), 1);
        assert_eq!(refused("core/src/sync/wire/request.rs", own).len(), 2);
        assert!(refused("core/src/replica/receive.rs", unpacked).is_empty());
    }

    #[test]
    fn the_gate_uses_no_database_network_or_runtime() {
        for source in [
            "use rusqlite::Connection;",
            "async fn a() { tokio::spawn(b) }",
            "use {axum::Router};",
        ] {
            assert_eq!(
                refused("server/src/gate/admit.rs", source).len(),
                1,
                "{source}"
            );
            assert!(
                refused("server/src/store/admit.rs", source).is_empty(),
                "{source}"
            );
        }
    }

    #[test]
    fn the_gate_uses_no_other_module_of_the_server() {
        for source in [
            "use crate::store::Store;",
            "use crate::{gate::Verdict, store::{Store, Other}};",
            "fn a() { crate::api::b() }",
            "use super::super::store::Store;",
            "use super::store;",
            "use gongdan_server::store;",
        ] {
            assert_eq!(
                refused("server/src/gate/admit.rs", source).len(),
                1,
                "{source}"
            );
        }
        for source in [
            "use crate::gate::Verdict;",
            "use crate::{gate::{Verdict, rights}};",
            "use super::Verdict;",
            "mod tests { use super::*; }",
            "use gongdan_core::store::Store;",
            "// crate::store",
        ] {
            assert!(
                refused("server/src/gate/admit.rs", source).is_empty(),
                "{source}"
            );
        }
    }

    #[test]
    fn console_handlers_do_not_write_tables() {
        for text in [
            "INSERT INTO tickets VALUES (1)",
            "insert or ignore into tickets values (1)",
            "\\n   UPDATE tickets\\n SET a = 1",
            "DELETE FROM tickets",
            "SELECT 1; DROP TABLE tickets",
            "WITH a AS (SELECT 1) DELETE FROM tickets",
        ] {
            let source = format!("fn a() {{\n b(\"{text}\") }}").replace("\\n", "\n");
            assert_eq!(
                refused("server/src/console/tickets.rs", &source),
                ["server/src/console/tickets.rs:2"],
                "{text}"
            );
            assert_eq!(refused("server/src/api.rs", &source).len(), 1, "{text}");
            assert!(
                refused("server/src/read_model.rs", &source).is_empty(),
                "{text}"
            );
        }
        for text in [
            "SELECT updated_at FROM tickets",
            "the update could not be set",
            "create a ticket",
        ] {
            assert!(
                refused("server/src/api.rs", &format!("a(\"{text}\")")).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn sql_files_beside_console_handlers_are_looked_at_too() {
        assert_eq!(
            refused("server/src/console/list.sql", "DELETE FROM tickets").len(),
            1
        );
        assert!(refused("server/src/store/schema.sql", "DELETE FROM tickets").is_empty());
    }
}
