//! CSV: encodings, separators, quotes, limits, and files that are something else.

use encoding_rs::{BIG5, GB18030, WINDOWS_1252};

use super::*;
use crate::import::{FILE_BYTES_MAX, ROWS_MAX};

fn plain() -> String {
    file(&[&good("周甲"), &good("吴镕")])
}

#[test]
fn every_encoding_and_separator_gives_the_same_requests() {
    let plain = plain();
    let expected = read(&plain).unwrap().requests;
    assert_eq!(expected.len(), 2);
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(plain.replace(',', "\t").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: [(&str, Vec<u8>); 6] = [
        ("utf-8 with a mark", format!("\u{feff}{plain}").into_bytes()),
        ("gb18030", GB18030.encode(&plain).0.into_owned()),
        ("semicolons", plain.replace(',', ";").into_bytes()),
        ("tabs", plain.replace(',', "\t").into_bytes()),
        (
            "gb18030, tabs, carriage returns",
            GB18030
                .encode(&plain.replace(',', "\t").replace('\n', "\r\n"))
                .0
                .into_owned(),
        ),
        ("utf-16 as spreadsheets save it", utf16),
    ];
    for (name, bytes) in files {
        let parsed = read(&bytes).unwrap();
        assert!(
            parsed.requests == expected && parsed.errors.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn gb18030_reads_characters_beyond_gb2312() {
    let text = file(&[&good("㐀喆𠮷")]);
    let parsed = read(GB18030.encode(&text).0).unwrap();
    assert_eq!(
        super::text(&parsed.requests[0], Field::CustomerName).as_deref(),
        Some("㐀喆𠮷")
    );
}

#[test]
fn other_encodings_are_refused_rather_than_read_as_nonsense() {
    let text = plain();
    assert_eq!(
        refused(BIG5.encode(&text.replace('东', "東")).0),
        "unknown_encoding"
    );
    // A western file with names of columns that we know: its letters would become wrong characters.
    let western = "customer_name,customer_phone,region,product_line,problem\nMüller,13800000001,east,lock,Schloß öffnet nicht\n";
    assert_eq!(refused(WINDOWS_1252.encode(western).0), "unknown_encoding");
    // UTF-8 that was cut within a character.
    let mut cut = text.into_bytes();
    let at = cut.len() - 30;
    let at = (at..).find(|i| cut[*i] >= 0xe4).unwrap();
    cut.truncate(at + 1);
    assert_eq!(refused(cut), "unknown_encoding");
}

#[test]
fn quotes_keep_separators_and_line_breaks_and_lines_are_counted_through_them() {
    let text = format!(
        "{HEADER}\r\n周甲,13800000001,东部大区,净水器,\"漏水,\r\n晚上\"\"更\"\"多\",\r\n\r\n,,,,,\r\n{}\r\n吴乙,x,东部大区,净水器,漏水,\r\n",
        good("郑丙")
    );
    let parsed = read(&text).unwrap();
    assert_eq!(problem(&parsed.requests[0]), "漏水,\n晚上\"更\"多");
    assert_eq!(
        parsed.requests.iter().map(|r| r.line).collect::<Vec<_>>(),
        [2, 6]
    );
    assert_eq!(
        places(&parsed),
        [(7, Some("customer_phone"), Reason::NotAPhone)]
    );
}

#[test]
fn an_address_of_two_lines_becomes_one() {
    let text = format!("{HEADER},地址\n{},\"清荷路18号\n3幢\"\n", good("周甲"));
    assert_eq!(
        super::text(&read(text).unwrap().requests[0], Field::Address).as_deref(),
        Some("清荷路18号 3幢")
    );
}

#[test]
fn a_quotation_mark_that_is_not_closed_is_reported_where_it_began() {
    let parsed = read(file(&[
        &good("周甲"),
        "吴乙,13800000002,东部大区,净水器,\"漏水,",
        &good("郑丙"),
        &good("王丁"),
    ]))
    .unwrap();
    assert_eq!(places(&parsed), [(3, None, Reason::QuoteNotClosed)]);
    assert_eq!(parsed.requests.len(), 1);
    // An inch is no quotation.
    let parsed = read(file(&["吴乙,13800000002,东部大区,净水器,接头5\"渗水,"])).unwrap();
    assert_eq!(problem(&parsed.requests[0]), "接头5\"渗水");
}

#[test]
fn a_separator_without_quotes_is_noticed() {
    let parsed = read(file(&[
        &format!("{},多出", good("周甲")),
        &format!("{},,", good("吴乙")),
    ]))
    .unwrap();
    assert_eq!(places(&parsed), [(2, None, Reason::TooManyCells)]);
    assert_eq!(
        parsed.requests.len(),
        1,
        "blank cells at the end are no content"
    );
    let wide = format!("{HEADER}\n{}{}\n", good("周甲"), ",x".repeat(500));
    assert_eq!(
        places(&read(wide).unwrap()),
        [(2, None, Reason::TooManyCells)]
    );
}

#[test]
fn a_giant_cell_is_an_error_of_its_row_alone() {
    let giant = "水".repeat(1024 * 1024);
    let parsed = read(file(&[
        &good("周甲"),
        &format!("吴乙,13800000002,东部大区,净水器,{giant},"),
        &good("郑丙"),
    ]))
    .unwrap();
    assert_eq!(places(&parsed), [(3, Some("problem"), Reason::TooLong)]);
    assert_eq!(parsed.errors[0].length, 1024 * 1024);
    assert_eq!(parsed.requests.len(), 2);
}

#[test]
fn files_that_are_no_table_are_refused_by_name() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    assert_eq!(refused(png), "not_a_table");
    assert_eq!(
        refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
        "old_workbook"
    );
    assert_eq!(refused(b"%PDF-1.7\n\0\x01"), "not_a_table");
    assert_eq!(refused("今天天气很好。\n"), "not_a_table");
    assert_eq!(refused(b"PK\x03\x04 and nothing more"), "not_a_table");
    assert_eq!(refused(b""), "empty");
    assert_eq!(refused(b"\xef\xbb\xbf\r\n \r\n"), "empty");
    assert_eq!(refused(format!("{HEADER}\n")), "empty");
}

#[test]
fn columns_that_are_missing_or_stand_twice_are_named() {
    match read("客户姓名,电话,地区,产品线\n周甲,13800000001,东部大区,净水器\n").unwrap_err()
    {
        FileError::MissingColumns { columns } => assert_eq!(columns, [Column::Problem]),
        other => panic!("{other}"),
    }
    match read(format!("{HEADER},手机\n{},13800000002\n", good("周甲"))).unwrap_err() {
        FileError::RepeatedColumn { column } => {
            assert_eq!(column, Column::Field(Field::CustomerPhone))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_names_of_the_columns_may_stand_below_a_title() {
    let parsed = read(format!(
        "报修登记表,,,,,\n2026年11月,,,,,\n{HEADER}\n{}\n",
        good("周甲")
    ))
    .unwrap();
    assert_eq!(parsed.requests[0].line, 4);
}

#[test]
fn a_file_at_a_limit_is_read_and_one_past_it_is_not() {
    let row = good("周甲");
    let rows = |n: usize| format!("{HEADER}\n{}", format!("{row}\n").repeat(n));
    assert_eq!(read(rows(ROWS_MAX)).unwrap().requests.len(), ROWS_MAX);
    assert_eq!(refused(rows(ROWS_MAX + 20)), "too_many_rows");
    let mut bytes = file(&[&row]).into_bytes();
    bytes.resize(FILE_BYTES_MAX, b'\n');
    assert_eq!(read(&bytes).unwrap().requests.len(), 1);
    bytes.push(b'\n');
    assert_eq!(refused(&bytes), "too_large");
}

#[test]
fn a_file_is_read_from_disk_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.csv");
    std::fs::write(&path, plain()).unwrap();
    assert_eq!(crate::import::read(&path).unwrap(), plain().into_bytes());
    std::fs::File::create(&path)
        .unwrap()
        .set_len(FILE_BYTES_MAX as u64 + 1)
        .unwrap();
    assert_eq!(crate::import::read(&path).unwrap_err().code(), "too_large");
    assert_eq!(
        crate::import::read(&folder.path().join("none"))
            .unwrap_err()
            .code(),
        "unreadable"
    );
}
