//! What the importer promises, file by file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sample;
mod table;
mod text;
mod values;
mod xlsx;

use std::collections::BTreeSet;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::ticket::{Act, Command, Field, Value};

use super::{Column, FileError, Intake, IntakeError, Parsed, Reason, Report, Request, parse, run};

/// 2026-11-22 00:00 UTC.
const NOW: Timestamp = Timestamp(1_795_305_600);

const HEADER: &str = "客户姓名,联系电话,地区,产品线,故障描述,购买日期";

fn catalogue() -> Catalogue {
    toml::from_str(include_str!("../../sample/organisation.toml")).unwrap()
}

fn read(bytes: impl AsRef<[u8]>) -> Result<Parsed, FileError> {
    parse(bytes.as_ref(), &catalogue(), NOW)
}

/// The code of the error that a file gives.
fn refused(bytes: impl AsRef<[u8]>) -> &'static str {
    read(bytes)
        .map(|parsed| parsed.requests.len())
        .unwrap_err()
        .code()
}

/// A file of the usual header and these lines.
fn file(lines: &[&str]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

fn good(name: &str) -> String {
    format!("{name},13800000001,东部大区,净水器,不出水,2024-05-01")
}

fn fields(request: &Request) -> Vec<(Field, Value)> {
    let of = |command: &Command| match command {
        Command::Open { fields, .. } | Command::RecordCustomer { fields } => fields
            .iter()
            .map(|entry| (entry.field, entry.value.clone()))
            .collect::<Vec<_>>(),
        other => panic!("an opening holds no {:?}", other.action()),
    };
    request.act.0.iter().flat_map(of).collect()
}

fn value(request: &Request, field: Field) -> Option<Value> {
    fields(request)
        .into_iter()
        .find(|(at, _)| *at == field)
        .map(|(_, value)| value)
}

fn text(request: &Request, field: Field) -> Option<String> {
    value(request, field).and_then(|value| value.as_text().map(str::to_owned))
}

fn problem(request: &Request) -> &str {
    match &request.act.0[0] {
        Command::Open { problem, .. } => problem,
        other => panic!("an act opens with {:?}", other.action()),
    }
}

fn places(parsed: &Parsed) -> Vec<(u64, Option<&'static str>, Reason)> {
    parsed
        .errors
        .iter()
        .map(|error| (error.line, error.column.map(Column::name), error.reason))
        .collect()
}

/// An intake that keeps the references it was given, refuses some customers, and may break.
#[derive(Default)]
struct Desk {
    refs: BTreeSet<String>,
    refuses: Option<&'static str>,
    room_for: Option<usize>,
}

impl Intake for Desk {
    fn seen(&mut self, external_ref: &str) -> Result<bool, IntakeError> {
        Ok(self.refs.contains(external_ref))
    }

    fn open(&mut self, act: Act) -> Result<(), IntakeError> {
        let request = Request {
            line: 0,
            external_ref: String::new(),
            act,
        };
        if self.refuses.is_some() && text(&request, Field::CustomerName).as_deref() == self.refuses
        {
            return Err(IntakeError::Refused {
                code: "quarantined".to_owned(),
            });
        }
        if self.room_for == Some(self.refs.len()) {
            return Err(IntakeError::Unavailable("disk full".into()));
        }
        assert!(
            self.refs
                .insert(text(&request, Field::ExternalRef).unwrap()),
            "a reference was opened twice"
        );
        Ok(())
    }
}

fn import(bytes: impl AsRef<[u8]>, desk: &mut Desk) -> Report {
    run(read(bytes).unwrap(), desk)
}
