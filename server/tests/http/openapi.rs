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
