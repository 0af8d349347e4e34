//! A file of requests as CSV in any encoding.
//!
//! Promises: no panic; a request that is taken passes core's checks; an error names a line of the file.

use std::sync::OnceLock;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::document;
use gongdan_core::testing;
use gongdan_server::import::{self, ROWS_MAX};

fn catalogue() -> &'static Catalogue {
    static READ: OnceLock<Catalogue> = OnceLock::new();
    READ.get_or_init(gongdan_tests::office::organisation)
}

/// Runs it once.
pub fn run(data: &[u8]) {
    // What would be a workbook is the other target's.
    if data.starts_with(b"PK\x03\x04") {
        return;
    }
    check(data);
}

/// What holds of every file.
pub(super) fn check(data: &[u8]) {
    let Ok(parsed) = import::parse(data, catalogue(), testing::at(0)) else {
        return;
    };
    assert!(parsed.requests.len() + parsed.errors.len() > 0);
    assert!(parsed.requests.len() <= ROWS_MAX);
    for request in &parsed.requests {
        for command in &request.act.0 {
            assert!(
                document::check(command).is_ok(),
                "a request that core refuses"
            );
        }
    }
}
