//! The API's description: committed, and true of what is sent (`described.rs` holds all that the tests of the
//! desk send and hear against it).

use std::path::Path;

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

#[test]
fn what_is_described_as_part_of_a_path_is_part_of_it() {
    let document: serde_json::Value =
        serde_json::from_str(&gongdan_server::api::document()).unwrap();
    let mut queries = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operations = item.as_object().unwrap().values();
        for operation in operations.filter(|operation| operation.is_object()) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let (within, others): (Vec<_>, Vec<_>) =
                parameters.partition(|parameter| parameter["in"] == "path");
            let mut named: Vec<String> = within
                .iter()
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
                .collect();
            named.sort();
            let mut parts: Vec<&str> = path.split('/').filter(|p| p.starts_with('{')).collect();
            parts.sort_unstable();
            assert_eq!(named, parts, "{path}");
            queries += others.iter().filter(|p| p["in"] == "query").count();
        }
    }
    assert!(queries > 10, "{queries} parameters of queries");
}
