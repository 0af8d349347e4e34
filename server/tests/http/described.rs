//! Requests and answers held against the API's description.
//!
//! Invariant: an answer is one that the description names for its route and status, with a body of its schema.

use std::sync::LazyLock;

use reqwest::{Method, Response};
use serde_json::{Value, json};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&gongdan_server::api::document()).expect("the description is JSON")
});

/// The response as it came, after its check.
pub(crate) async fn checked(
    method: &Method,
    target: &str,
    sent: Option<&Value>,
    response: Response,
) -> Response {
    let path = target.split('?').next().unwrap_or(target);
    let operation = operation(method, path);
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    let described = &operation["responses"][status.as_str()];
    let name = format!("{method} {target}: {status}");
    assert!(!described.is_null(), "{name} is not described");
    if status.is_success()
        && let Some(sent) = sent
    {
        fits(
            &operation["requestBody"]["content"]["application/json"]["schema"],
            sent,
            &name,
        );
    }
    if let Some(contents) = described["content"].as_object() {
        let media_type = headers["content-type"].to_str().unwrap();
        let content = contents.get(media_type);
        let content = content.unwrap_or_else(|| panic!("{name} as {media_type} is not described"));
        fits(
            &content["schema"],
            &serde_json::from_slice(&body).unwrap(),
            &name,
        );
    }
    let mut again = axum::http::Response::new(body);
    (*again.status_mut(), *again.headers_mut()) = (status, headers);
    again.into()
}

/// The operation of the route that a path takes.
fn operation(method: &Method, path: &str) -> &'static Value {
    let same = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template
                .zip(path)
                .all(|(of, is)| of == is || of.starts_with('{'))
    };
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    let mut found = paths.iter().filter(|(template, _)| same(template));
    let (_, item) = found
        .next()
        .unwrap_or_else(|| panic!("{path} is not described"));
    &item[method.as_str().to_lowercase()]
}

fn fits(schema: &Value, value: &Value, name: &str) {
    assert!(!schema.is_null(), "{name}: no schema");
    let mut schema = schema.clone();
    schema["components"] = json!({ "schemas": DESCRIPTION["components"]["schemas"] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "{name}: {value}");
}
