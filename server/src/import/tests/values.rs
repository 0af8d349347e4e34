//! Cells become the values of their fields, or the reason why not.

use super::*;

/// The outcome of one cell of a column beside a good row.
fn cell(header: &str, value: &str) -> Result<Option<Value>, Reason> {
    let quoted = format!("\"{}\"", value.replace('"', "\"\""));
    let file = format!(
        "客户姓名,联系电话,地区,产品线,故障描述,{header}\n周甲,13800000001,东部大区,净水器,漏水,{quoted}\n"
    );
    let parsed = read(file).unwrap();
    match parsed.errors.first() {
        Some(error) => {
            assert!(parsed.requests.is_empty() && error.column.is_some());
            Err(error.reason)
        }
        None => {
            let name = crate::import::words::WORDS.column(header).unwrap().name();
            Ok(super::value(
                &parsed.requests[0],
                Field::by_name(name).unwrap(),
            ))
        }
    }
}

#[test]
fn choices_are_taken_by_label_or_code_in_either_language() {
    let found = |header, value| cell(header, value).unwrap().unwrap();
    for (value, code) in [
        ("电话", "phone"),
        ("邮件", "email"),
        ("在线平台", "online"),
        ("现场", "on_site"),
        ("ON_SITE", "on_site"),
        ("E-mail", "email"),
    ] {
        assert_eq!(found("渠道", value), Value::from(code), "{value}");
    }
    for (value, code) in [
        ("A", "A"),
        ("b", "B"),
        ("紧急", "A"),
        ("重要", "B"),
        ("一般", "C"),
        ("Ａ级（紧急）", "A"),
        ("Grade C", "C"),
    ] {
        assert_eq!(found("紧急程度", value), Value::from(code), "{value}");
    }
    assert_eq!(found("期望方式", "返厂"), Value::from("return_to_factory"));
    assert_eq!(found("频率", "间歇"), Value::from("intermittent"));
    assert_eq!(found("影响范围", "安全隐患"), Value::from("safety"));
    assert_eq!(cell("紧急程度", "十万火急"), Err(Reason::UnknownChoice));
}

#[test]
fn values_that_do_not_fit_have_their_reason() {
    for (header, value, reason) in [
        ("购买日期", "去年", Reason::NotADate),
        ("购买日期", "2026-11-23", Reason::FutureDate),
        ("受理时间", "中午", Reason::NotADateTime),
        ("受理时间", "2026-12-01 08:00", Reason::FutureDate),
        ("现场联系电话", "1.38E+10", Reason::NotAPhone),
        ("邮箱", "nobody", Reason::NotAnEmail),
        ("购买数量", "几台", Reason::NotANumber),
        ("购买数量", "9999999999", Reason::NotANumber),
    ] {
        assert_eq!(cell(header, value), Err(reason), "{header} {value}");
    }
    assert_eq!(cell("型号", &"长".repeat(201)), Err(Reason::TooLong));
    assert!(cell("型号", &"长".repeat(200)).unwrap().is_some());
    assert_eq!(cell("已尝试", &"长".repeat(2001)), Err(Reason::TooLong));
    assert_eq!(cell("型号", "a\u{b}b"), Err(Reason::Characters));
}

#[test]
fn values_are_kept_in_their_field_s_form() {
    // The day is the organisation's: at midnight in Greenwich it is already eight in the morning.
    assert_eq!(
        cell("购买日期", "2026年11月22日"),
        Ok(Some(Value::from("2026-11-22")))
    );
    assert_eq!(
        cell("受理时间", "2026-11-22 07:30"),
        Ok(Some(Value::Instant(NOW.plus(-1800))))
    );
    assert_eq!(cell("购买数量", "3"), Ok(Some(Value::Integer(3))));
    assert_eq!(cell("序列号", "=\"00123\""), Ok(Some(Value::from("00123"))));
    assert_eq!(cell("型号", "   "), Ok(None));
}

#[test]
fn english_headers_and_codes_are_understood() {
    let parsed = read(
        "external_ref,customer_name,customer_phone,region,product_line,grade,channel,problem\n\
         E-1,Zhou Jia,13800000001,East,Air conditioner,urgent,phone,does not cool\n\
         E-2,Wu Yi,13800000002,south,compressor,C,On site,belt squeals\n",
    )
    .unwrap();
    assert!(parsed.errors.is_empty());
    assert_eq!(parsed.requests.len(), 2);
    assert_eq!(
        text(&parsed.requests[0], Field::ProductLine).as_deref(),
        Some("aircon")
    );
    assert_eq!(
        text(&parsed.requests[1], Field::Region).as_deref(),
        Some("south")
    );
    assert_eq!(parsed.requests[1].external_ref, "E-2");
}

#[test]
fn a_request_without_a_time_is_received_now_and_names_no_more_than_the_row() {
    let parsed = read(file(&[&good("周甲")])).unwrap();
    let request = &parsed.requests[0];
    assert_eq!(value(request, Field::ReportedAt), Some(Value::Instant(NOW)));
    let written: Vec<Field> = fields(request)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        written,
        [
            Field::ReportedAt,
            Field::ExternalRef,
            Field::Region,
            Field::ProductLine,
            Field::PurchaseDate,
            Field::CustomerName,
            Field::CustomerPhone,
        ]
    );
    assert!(matches!(
        request.act.0.as_slice(),
        [Command::Open { .. }, Command::RecordCustomer { .. }]
    ));
}

#[test]
fn a_zone_that_does_not_exist_is_refused() {
    let mut catalogue = catalogue();
    catalogue.zone = "Asia/Nowhere".to_owned();
    assert_eq!(
        parse(file(&[&good("周甲")]).as_bytes(), &catalogue, NOW)
            .unwrap_err()
            .code(),
        "unknown_zone"
    );
}
