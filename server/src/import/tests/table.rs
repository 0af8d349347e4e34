//! Rows, references, and what `run` does with them.

use super::*;
use crate::import::Language;

#[test]
fn a_bad_row_in_the_middle_is_reported_and_the_good_rows_go_in() {
    let file = file(&[
        &good("周甲"),
        "吴乙,见备注,西部大区,净水器,,2024-13-01",
        &good("郑丙"),
    ]);
    let mut desk = Desk::default();
    let report = import(&file, &mut desk);
    assert_eq!(
        (report.added, report.already_there, desk.refs.len()),
        (2, 0, 2)
    );
    let parsed = read(&file).unwrap();
    assert_eq!(
        places(&parsed),
        [
            (3, Some("customer_phone"), Reason::NotAPhone),
            (3, Some("region"), Reason::UnknownRegion),
            (3, Some("problem"), Reason::MissingValue),
            (3, Some("purchase_date"), Reason::NotADate),
        ]
    );
    assert_eq!(
        parsed.requests.iter().map(|r| r.line).collect::<Vec<_>>(),
        [2, 4]
    );
}

#[test]
fn running_it_twice_adds_nothing() {
    let file = file(&[&good("周甲"), &good("吴乙")]);
    let mut desk = Desk::default();
    assert_eq!(import(&file, &mut desk).added, 2);
    let again = import(&file, &mut desk);
    assert_eq!(
        (again.added, again.already_there, again.errors.len()),
        (0, 2, 0)
    );
}

#[test]
fn a_row_that_stands_twice_is_opened_once() {
    let mut desk = Desk::default();
    let report = import(
        file(&[&good("周甲"), &good("吴乙"), &good("周甲")]),
        &mut desk,
    );
    assert_eq!(
        (report.added, report.already_there, report.errors.len()),
        (2, 1, 0)
    );
}

#[test]
fn a_derived_reference_follows_the_content_and_nothing_else() {
    let first = &read(file(&[&good("周甲")])).unwrap().requests[0]
        .external_ref
        .clone();
    // Another order of the columns, another spelling of date, region and product, another place, another day.
    let other = "\u{feff}故障描述;产品线;联系电话;客户姓名;购买日期;地区\n\n\n 不出水 ;purifier;１３８００００００01;周甲;2024年5月1日;east\n";
    let later = parse(other.as_bytes(), &catalogue(), NOW.plus(86_400 * 30)).unwrap();
    assert_eq!(&later.requests[0].external_ref, first);
    assert!(first.starts_with("row-") && first.len() == 36, "{first}");
    assert_ne!(
        &read(file(&[&good("周乙")])).unwrap().requests[0].external_ref,
        first
    );
    assert_eq!(
        text(&later.requests[0], Field::ExternalRef).as_ref(),
        Some(first)
    );
}

#[test]
fn the_same_reference_with_other_content_is_an_error_of_the_later_row() {
    let line = |name| format!("X-1,{}", good(name));
    let file = format!(
        "外部编号,{HEADER}\n{}\n{}\n{}\n",
        line("周甲"),
        line("吴乙"),
        line("周甲")
    );
    let parsed = read(&file).unwrap();
    assert_eq!(
        places(&parsed),
        [(3, Some("external_ref"), Reason::DuplicateReference)]
    );
    let report = run(parsed, &mut Desk::default());
    assert_eq!((report.added, report.already_there), (1, 1));
}

#[test]
fn a_refused_row_is_reported_and_the_next_goes_on() {
    let mut desk = Desk {
        refuses: Some("吴乙"),
        ..Desk::default()
    };
    let report = import(
        file(&[&good("周甲"), &good("吴乙"), &good("郑丙")]),
        &mut desk,
    );
    assert_eq!(report.added, 2);
    assert_eq!(report.errors.len(), 1);
    assert_eq!(
        (report.errors[0].line, report.errors[0].reason),
        (3, Reason::Refused)
    );
    assert!(report.interrupted.is_none());
}

#[test]
fn an_import_that_broke_off_goes_on_where_it_stopped() {
    let file = file(&[&good("周甲"), &good("吴乙"), &good("郑丙")]);
    let mut desk = Desk {
        room_for: Some(1),
        ..Desk::default()
    };
    let report = import(&file, &mut desk);
    assert_eq!(
        (report.added, report.interrupted.as_ref().map(|i| i.line)),
        (1, Some(3))
    );
    assert!(report.text(Language::Chinese).contains("第 3 行中断"));
    desk.room_for = None;
    let report = import(&file, &mut desk);
    assert_eq!((report.added, report.already_there), (2, 1));
}

#[test]
fn no_report_holds_a_value_of_the_file() {
    let secrets = [
        "赵秘密",
        "保密电话八位",
        "机密大区",
        "某品牌产品",
        "机密日期",
    ];
    let file = file(&[
        "赵秘密,保密电话八位,机密大区,某品牌产品,漏水,机密日期",
        &good("赵秘密"),
    ]);
    let parsed = read(&file).unwrap();
    let debug = format!("{parsed:?}");
    let report = run(
        parsed,
        &mut Desk {
            refuses: Some("赵秘密"),
            ..Desk::default()
        },
    );
    let said = [
        debug,
        format!("{report:?}"),
        serde_json::to_string(&report).unwrap(),
        report.text(Language::Chinese),
        report.text(Language::English),
    ];
    for secret in secrets {
        assert!(said.iter().all(|text| !text.contains(secret)), "{secret}");
    }
    assert_eq!(report.errors.len(), 5);
}

#[test]
fn the_report_speaks_chinese_first_and_english_second() {
    let report = import(
        file(&[&good("周甲"), "吴乙,abc,东部大区,净水器,漏水,"]),
        &mut Desk::default(),
    );
    assert_eq!(
        report.text(Language::Chinese),
        "新增 1 条，已存在 0 条，有误 1 处。\n第 3 行，联系电话：不是电话号码（3 个字符）"
    );
    assert_eq!(
        report.text(Language::English),
        "1 added, 0 already there, 1 errors.\nline 3, Telephone: not a telephone number (3 characters)"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["errors"][0],
        serde_json::json!({"line": 3, "column": "customer_phone", "reason": "not_a_phone", "length": 3})
    );
    let error = read("客户姓名,地区\n周甲,东部大区\n").unwrap_err();
    assert_eq!(
        error.text(Language::Chinese),
        "缺少必需的列：联系电话、产品线、故障描述"
    );
    assert_eq!(
        error.text(Language::English),
        "required columns are missing: Telephone, Product line, Problem"
    );
}

#[test]
fn a_column_that_nobody_knows_is_named_by_its_place() {
    let report = import(
        format!("天气,{HEADER}\n晴,{}\n", good("周甲")),
        &mut Desk::default(),
    );
    assert_eq!(
        (report.added, report.unknown_columns.as_slice()),
        (1, [1].as_slice())
    );
    assert!(report.text(Language::Chinese).contains("第 1 列"));
}
