//! The sample organisation and its requests are sound, and the requests are many and varied.

use std::collections::HashSet;

use chrono::Datelike;
use gongdan_core::document::TicketDoc;
use gongdan_core::policy::Role;
use gongdan_core::testing::Author;
use gongdan_core::ticket::field::Kind;

use super::*;

static REQUESTS: &[u8] = include_bytes!("../../../sample/requests.csv");
static REQUESTS_GB18030: &[u8] = include_bytes!("../../../sample/requests-gb18030.csv");

fn unique<'a>(codes: impl IntoIterator<Item = &'a str>) -> HashSet<&'a str> {
    let mut seen = HashSet::new();
    for code in codes {
        assert!(seen.insert(code), "{code} stands twice");
    }
    seen
}

#[test]
fn every_reference_of_the_sample_organisation_leads_somewhere() {
    let catalogue = catalogue();
    assert!(catalogue.zone.parse::<chrono_tz::Tz>().is_ok());
    let regions = unique(catalogue.regions.iter().map(|r| r.code.as_str()));
    let groups = unique(catalogue.groups.iter().map(|g| g.code.as_str()));
    let lines = unique(catalogue.product_lines.iter().map(|p| p.code.as_str()));
    let checklists = unique(catalogue.checklists.iter().map(|c| c.code.as_str()));
    unique(catalogue.people.iter().map(|p| p.id.as_str()));
    unique(catalogue.people.iter().map(|p| p.name.as_str()));
    unique(
        catalogue
            .product_lines
            .iter()
            .flat_map(|p| &p.parts)
            .map(|part| part.code.as_str()),
    );
    for group in &catalogue.groups {
        assert!(
            group
                .regions
                .iter()
                .all(|code| regions.contains(code.as_str())),
            "{}",
            group.code
        );
        assert!(
            group
                .product_lines
                .iter()
                .all(|code| lines.contains(code.as_str())),
            "{}",
            group.code
        );
    }
    for line in &catalogue.product_lines {
        assert!(
            checklists.contains(line.checklist.as_str()),
            "{}",
            line.code
        );
        assert!((6..=10).contains(&line.parts.len()), "{}", line.code);
        let served = |region: &str| {
            let serves = |g: &&gongdan_core::catalogue::Group| {
                g.regions.iter().any(|r| r == region) && g.product_lines.contains(&line.code)
            };
            catalogue.groups.iter().filter(serves).count()
        };
        assert!(
            regions.iter().all(|region| served(region) == 1),
            "one group serves {} everywhere",
            line.code
        );
        let skilled = |p: &&gongdan_core::catalogue::Person| {
            p.roles.contains(&Role::Technician) && p.skills.contains(&line.code)
        };
        assert!(
            catalogue.people.iter().filter(skilled).count() >= 2,
            "{}",
            line.code
        );
    }
    for checklist in &catalogue.checklists {
        unique(checklist.items.iter().map(|item| item.code.as_str()));
        assert!(
            (8..=12).contains(&checklist.items.len()),
            "{}",
            checklist.code
        );
        assert!(
            checklist
                .items
                .iter()
                .all(|item| !item.label.zh.is_empty() && !item.label.en.is_empty())
        );
    }
    for person in &catalogue.people {
        assert!(
            person
                .group
                .as_deref()
                .is_none_or(|code| groups.contains(code)),
            "{}",
            person.id
        );
        assert!(
            person
                .skills
                .iter()
                .all(|code| lines.contains(code.as_str())),
            "{}",
            person.id
        );
    }
    for role in Role::ALL {
        assert!(
            catalogue
                .people
                .iter()
                .any(|person| person.roles.contains(&role)),
            "{role:?}"
        );
    }
}

#[test]
fn the_sample_requests_are_good_and_varied() {
    let parsed = read(REQUESTS).unwrap();
    assert_eq!(places(&parsed), []);
    assert_eq!(parsed.unknown_columns, Vec::<usize>::new());
    assert!(parsed.requests.len() >= 64);
    let values = |field| {
        parsed
            .requests
            .iter()
            .filter_map(|r| text(r, field))
            .collect::<HashSet<_>>()
    };
    for field in [
        Field::Grade,
        Field::Channel,
        Field::Frequency,
        Field::WishedMode,
        Field::TicketType,
        Field::Impact,
        Field::CustomerKind,
    ] {
        let Kind::Choice(codes) = field.kind() else {
            panic!("{field:?} is a choice")
        };
        assert_eq!(values(field).len(), codes.len(), "{field:?}");
    }
    let catalogue = catalogue();
    assert_eq!(
        values(Field::ProductLine).len(),
        catalogue.product_lines.len()
    );
    assert_eq!(values(Field::Region).len(), catalogue.regions.len());
    for field in [Field::CustomerName, Field::CustomerPhone, Field::Address] {
        assert_eq!(values(field).len(), parsed.requests.len(), "{field:?}");
    }
    let problems: HashSet<&str> = parsed.requests.iter().map(problem).collect();
    assert_eq!(problems.len(), parsed.requests.len());
    assert!(problems.iter().any(|text| text.contains('\n')));
    // Numbers that nobody has: a mobile number of the form of examples, a local one that begins with 0.
    assert!(
        values(Field::CustomerPhone)
            .iter()
            .all(|n| n.starts_with("1380000") || n.starts_with("0571-0000"))
    );
    // No request is older than the file is: whenever the demonstration runs, its purchases lie behind it.
    assert!(values(Field::PurchaseDate).iter().all(|date| {
        date.parse::<chrono::NaiveDate>().unwrap().year() <= 2026 && date.as_str() < "2026-06-01"
    }));
}

#[test]
fn every_sample_request_executes_on_fresh_documents() {
    for (n, request) in read(REQUESTS).unwrap().requests.into_iter().enumerate() {
        let mut author = Author::new(u8::try_from(n).unwrap());
        for command in request.act.0 {
            let mut doc = TicketDoc::genesis(command.part());
            author.run(&mut doc, command);
            assert!(!doc.is_genesis());
        }
    }
}

#[test]
fn the_gb18030_file_is_the_beginning_of_the_other() {
    assert!(String::from_utf8(REQUESTS_GB18030.to_vec()).is_err());
    let few = read(REQUESTS_GB18030).unwrap();
    let all = read(REQUESTS).unwrap();
    assert_eq!(few.requests.len(), 10);
    assert!(few.errors.is_empty());
    assert_eq!(few.requests[..], all.requests[..10]);
    let mut desk = Desk::default();
    assert_eq!(import(REQUESTS_GB18030, &mut desk).added, 10);
    let report = import(REQUESTS, &mut desk);
    assert_eq!(
        (report.added, report.already_there),
        (all.requests.len() - 10, 10)
    );
}

#[test]
fn the_sample_as_a_workbook_is_the_same() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(REQUESTS);
    for (row, record) in reader.records().enumerate() {
        for (column, cell) in record.unwrap().iter().enumerate() {
            sheet
                .write_string(
                    u32::try_from(row).unwrap(),
                    u16::try_from(column).unwrap(),
                    cell,
                )
                .unwrap();
        }
    }
    let parsed = read(book.save_to_buffer().unwrap()).unwrap();
    let acts = |parsed: Parsed| {
        parsed
            .requests
            .into_iter()
            .map(|r| r.act)
            .collect::<Vec<_>>()
    };
    assert!(parsed.errors.is_empty());
    assert_eq!(acts(parsed), acts(read(REQUESTS).unwrap()));
}
