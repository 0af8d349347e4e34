//! Workbooks: one that a stock library writes, and hostile ones by hand.

use std::io::{Cursor, Write};

use chrono::NaiveDate;
use rust_xlsxwriter::{Format, Formula, Workbook, Worksheet};
use zip::write::SimpleFileOptions;

use super::*;
use crate::import::{CELLS_MAX, ROWS_MAX};

const NAMES: [&str; 6] = [
    "客户姓名",
    "联系电话",
    "地区",
    "产品线",
    "故障描述",
    "购买日期",
];

fn header(sheet: &mut Worksheet, row: u32) {
    for (column, name) in NAMES.iter().enumerate() {
        sheet
            .write_string(row, u16::try_from(column).unwrap(), *name)
            .unwrap();
    }
}

fn request(sheet: &mut Worksheet, row: u32, name: &str) {
    for (column, cell) in [name, "13800000001", "东部大区", "净水器", "不出水"]
        .into_iter()
        .enumerate()
    {
        sheet
            .write_string(row, u16::try_from(column).unwrap(), cell)
            .unwrap();
    }
}

fn date_format() -> Format {
    Format::new().set_num_format("yyyy/m/d")
}

fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    header(sheet, 0);
    fill(sheet);
    workbook.save_to_buffer().unwrap()
}

#[test]
fn cells_of_dates_and_numbers_give_what_the_text_file_gives() {
    let bytes = workbook(|sheet| {
        request(sheet, 1, "周甲");
        sheet.write_number(1, 1, 13_800_000_001_f64).unwrap();
        sheet
            .write_datetime_with_format(
                1,
                5,
                NaiveDate::from_ymd_opt(2024, 5, 1).unwrap(),
                &date_format(),
            )
            .unwrap();
        request(sheet, 2, "吴乙");
        sheet.write_number(2, 5, 20_240_501_f64).unwrap();
    });
    let parsed = read(bytes).unwrap();
    assert!(parsed.errors.is_empty());
    assert_eq!(
        parsed.requests,
        read(file(&[&good("周甲"), &good("吴乙")]))
            .unwrap()
            .requests
    );
}

#[test]
fn a_workbook_after_the_text_file_of_the_same_rows_adds_nothing() {
    let bytes = workbook(|sheet| {
        request(sheet, 1, "周甲");
        sheet
            .write_datetime_with_format(
                1,
                5,
                NaiveDate::from_ymd_opt(2024, 5, 1).unwrap(),
                &date_format(),
            )
            .unwrap();
    });
    let mut desk = Desk::default();
    assert_eq!(import(file(&[&good("周甲")]), &mut desk).added, 1);
    assert_eq!(import(&bytes, &mut desk).already_there, 1);
    assert_eq!(import(&bytes, &mut desk).added, 0);
}

#[test]
fn times_are_of_the_organisation_s_zone() {
    let bytes = workbook(|sheet| {
        sheet.write_string(0, 6, "受理时间").unwrap();
        sheet.write_string(0, 7, "期望时间").unwrap();
        request(sheet, 1, "周甲");
        let at = NaiveDate::from_ymd_opt(2026, 11, 22)
            .unwrap()
            .and_hms_opt(7, 30, 0)
            .unwrap();
        sheet
            .write_datetime_with_format(1, 6, at, &Format::new().set_num_format("yyyy-mm-dd hh:mm"))
            .unwrap();
        sheet
            .write_datetime_with_format(1, 7, at.time(), &Format::new().set_num_format("hh:mm"))
            .unwrap();
    });
    let parsed = read(bytes).unwrap();
    assert_eq!(
        value(&parsed.requests[0], Field::ReportedAt),
        Some(Value::Instant(NOW.plus(-1800)))
    );
    assert_eq!(
        text(&parsed.requests[0], Field::WishedTime).as_deref(),
        Some("07:30")
    );
}

#[test]
fn a_formula_gives_its_saved_result_and_an_error_cell_is_reported() {
    let bytes = workbook(|sheet| {
        request(sheet, 1, "周甲");
        sheet
            .write_formula(1, 4, Formula::new("=\"不\"&\"出水\"").set_result("不出水"))
            .unwrap();
        request(sheet, 2, "吴乙");
        sheet
            .write_formula(2, 5, Formula::new("=NA()").set_result("#N/A"))
            .unwrap();
        request(sheet, 3, "郑丙");
    });
    let parsed = read(bytes).unwrap();
    assert_eq!(problem(&parsed.requests[0]), "不出水");
    assert_eq!(
        places(&parsed),
        [(3, Some("purchase_date"), Reason::CellError)]
    );
    assert_eq!(parsed.requests.len(), 2);
}

#[test]
fn lines_are_the_rows_of_the_sheet_and_hidden_sheets_are_passed_over() {
    let mut book = Workbook::new();
    book.add_worksheet()
        .set_hidden(true)
        .write_string(0, 0, "清单")
        .unwrap();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "报修登记表").unwrap();
    header(sheet, 2);
    request(sheet, 3, "周甲");
    request(sheet, 9, "吴乙");
    sheet.write_string(9, 1, "x").unwrap();
    sheet.write_string(12, 40, "散落的内容").unwrap();
    sheet.set_active(true);
    let parsed = read(book.save_to_buffer().unwrap()).unwrap();
    assert_eq!(parsed.requests[0].line, 4);
    assert_eq!(
        places(&parsed),
        [
            (10, Some("customer_phone"), Reason::NotAPhone),
            (13, None, Reason::TooManyCells)
        ]
    );
}

#[test]
fn a_long_cell_is_an_error_of_its_row_alone() {
    let bytes = workbook(|sheet| {
        request(sheet, 1, "周甲");
        sheet.write_string(1, 4, "水".repeat(32_767)).unwrap();
        request(sheet, 2, "吴乙");
    });
    let parsed = read(bytes).unwrap();
    assert_eq!(places(&parsed), [(2, Some("problem"), Reason::TooLong)]);
    assert_eq!(parsed.requests.len(), 1);
}

/// A workbook by hand: the least that is one, with the given cells and further entries.
fn by_hand(sheet_data: &str, further: &[(&str, &[u8])]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATION}\"><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"r1\" Type=\"{RELATION}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
         <Relationship Id=\"r2\" Type=\"{RELATION}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
    );
    let package = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"r1\" Type=\"{RELATION}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let sheet =
        format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{sheet_data}</sheetData></worksheet>");
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let entries = [
        ("_rels/.rels", package.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    for (name, content) in entries.iter().chain(further) {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn inline(reference: &str, text: &str) -> String {
    format!("<c r=\"{reference}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

fn named_row() -> String {
    let cells: String = NAMES
        .iter()
        .zip('A'..)
        .map(|(name, column)| inline(&format!("{column}1"), name))
        .collect();
    format!("<row r=\"1\">{cells}</row>")
}

fn request_row(line: u32, last: &str) -> String {
    let cells = ["周甲", "13800000001", "东部大区", "净水器", "不出水"];
    let cells: String = cells
        .iter()
        .zip('A'..)
        .map(|(text, column)| inline(&format!("{column}{line}"), text))
        .collect();
    format!("<row r=\"{line}\">{cells}{last}</row>")
}

#[test]
fn a_formula_without_a_saved_result_is_reported_and_one_with_an_empty_result_is_empty() {
    let missing = request_row(2, "<c r=\"F2\"><f>TODAY()</f></c>");
    let empty = request_row(3, "<c r=\"F3\" t=\"str\"><f>\"\"</f><v></v></c>");
    let parsed = read(by_hand(&format!("{}{missing}{empty}", named_row()), &[])).unwrap();
    assert_eq!(
        places(&parsed),
        [(2, Some("purchase_date"), Reason::FormulaWithoutValue)]
    );
    assert_eq!(parsed.requests.len(), 1);
}

#[test]
fn cells_at_the_far_corner_take_no_room() {
    let far = format!("<row r=\"1048576\">{}</row>", inline("XFD1048576", "x"));
    let parsed = read(by_hand(
        &format!("{}{}{far}", named_row(), request_row(2, "")),
        &[],
    ))
    .unwrap();
    assert_eq!(places(&parsed), [(1_048_576, None, Reason::TooManyCells)]);
    assert_eq!(parsed.requests.len(), 1);
    const { assert!(CELLS_MAX < 16_384) };
}

#[test]
fn counts_that_no_file_of_this_size_can_hold_are_refused() {
    let rows = format!("{}{}", named_row(), request_row(2, ""));
    for count in [
        "999999999999999",
        "18446744073709551615",
        "+999999999999999",
    ] {
        for attribute in [
            format!("uniqueCount=\"{count}\""),
            format!("uniqueCount = '{count}'"),
        ] {
            let strings = format!("<sst count=\"1\" {attribute}><si><t>x</t></si></sst>");
            assert_eq!(
                refused(by_hand(
                    &rows,
                    &[("xl/sharedStrings.xml", strings.as_bytes())]
                )),
                "not_a_table",
                "{attribute}"
            );
        }
    }
    let shared = request_row(
        3,
        "<c r=\"F3\"><f t=\"shared\" ref=\"F3:F4\" si=\"4000000000\">A1</f><v>1</v></c>",
    );
    assert_eq!(
        refused(by_hand(&format!("{rows}{shared}"), &[])),
        "not_a_table"
    );
    let honest = "<sst count=\"1\" uniqueCount=\"1\"><si><t>x</t></si></sst>";
    assert_eq!(
        read(by_hand(
            &rows,
            &[("xl/sharedStrings.xml", honest.as_bytes())]
        ))
        .unwrap()
        .requests
        .len(),
        1
    );
}

#[test]
fn a_reference_beyond_every_sheet_is_no_table() {
    let rows = format!(
        "{}<row r=\"2\">{}</row>",
        named_row(),
        inline("ZZZZZZZZZZZZ99999999999999", "x")
    );
    assert!(read(by_hand(&rows, &[])).is_err());
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused_whatever_its_directory_claims() {
    // A length whose bytes stand nowhere else in the archive.
    let zeros = vec![0_u8; crate::import::UNPACKED_BYTES_MAX + 0x12_3457];
    let rows = format!("{}{}", named_row(), request_row(2, ""));
    let mut bytes = by_hand(&rows, &[("xl/media/a.bin", &zeros)]);
    assert!(bytes.len() < 1024 * 1024, "a small file");
    assert_eq!(refused(&bytes), "too_large");
    let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..at + 4] == size)
        .collect();
    assert_eq!(places.len(), 2, "before the entry and in the directory");
    for at in places {
        bytes[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    // An entry may not be longer than it claims: the archive is broken, and its rows are not read.
    assert_eq!(refused(&bytes), "not_a_table");
}

#[test]
fn a_shared_string_in_very_many_cells_is_too_large() {
    let strings = format!(
        "<sst count=\"1\" uniqueCount=\"1\"><si><t>{}</t></si></sst>",
        "x".repeat(1024 * 1024)
    );
    let rows: String = (2..100)
        .map(|line| format!("<row r=\"{line}\"><c r=\"A{line}\" t=\"s\"><v>0</v></c></row>"))
        .collect();
    let bytes = by_hand(
        &format!("{}{rows}", named_row()),
        &[("xl/sharedStrings.xml", strings.as_bytes())],
    );
    assert_eq!(refused(bytes), "too_large");
}

#[test]
fn an_archive_of_too_many_entries_or_of_something_else_is_refused() {
    let names: Vec<String> = (0..1_000).map(|n| format!("xl/media/{n}")).collect();
    let further: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &b"x"[..]))
        .collect();
    assert_eq!(refused(by_hand("", &further)), "too_large");
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("word/document.xml", SimpleFileOptions::default())
        .unwrap();
    archive.write_all(b"<w:document/>").unwrap();
    assert_eq!(
        refused(archive.finish().unwrap().into_inner()),
        "not_a_table"
    );
    assert_eq!(refused(by_hand("", &[])), "empty");
}

#[test]
fn rows_past_the_limit_are_refused() {
    let bytes = workbook(|sheet| {
        for row in 1..=u32::try_from(ROWS_MAX).unwrap() + 20 {
            sheet.write_string(row, 0, "x").unwrap();
        }
    });
    assert_eq!(refused(bytes), "too_many_rows");
}
