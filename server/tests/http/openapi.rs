//! The API's description: committed, served, and true of core's types.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::harness::TestServer;

#[test]
fn the_committed_description_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = gongdan_server::api::document();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "server/openapi.json is not what the code describes: UPDATE_EXPECT=1 rewrites it"
    );
}

#[tokio::test]
async fn the_described_catalogue_is_the_one_that_is_sent() {
    let server = TestServer::start().await;
    let served: Value = server
        .client
        .get(server.url("/v1/openapi.json"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let sent = server
        .running
        .state
        .db
        .read(gongdan_server::organisation::current)
        .unwrap()
        .unwrap();
    let sent = serde_json::to_value(sent).unwrap();
    let schemas = &served["components"]["schemas"];
    let names = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    for (schema, value) in [
        ("CatalogueSchema", &sent),
        ("EntrySchema", &sent["regions"][0]),
        ("GroupSchema", &sent["groups"][0]),
        ("ProductLineSchema", &sent["product_lines"][0]),
        ("ChecklistSchema", &sent["checklists"][0]),
        ("PersonSchema", &sent["people"][0]),
        ("LabelSchema", &sent["consent"]),
    ] {
        assert_eq!(
            names(&schemas[schema]["properties"]),
            names(value),
            "{schema}"
        );
    }
    let roles: BTreeSet<String> = schemas["RoleName"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect();
    let known = gongdan_core::policy::Role::ALL.map(|role| {
        serde_json::to_value(role)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert_eq!(roles, BTreeSet::from(known));
}
