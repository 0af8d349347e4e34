//! The permission table, as one reviewed file.

use gongdan_core::policy;
use gongdan_tests::expect;

#[test]
fn the_permission_table_is_the_reviewed_one() {
    expect::file("snapshots/policy.txt", &policy::table());
}
