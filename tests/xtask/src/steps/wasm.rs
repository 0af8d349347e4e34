//! The core as WebAssembly: built, and run under Node.

use anyhow::Result;

use crate::process::Run;
use crate::tree::Tree;
use crate::wasm;

pub(super) fn build_and_test(tree: &Tree) -> Result<()> {
    let package = wasm::build(tree, "nodejs")?;
    Run::new(tree, "node")
        .env("GONGDAN_WASM_PACKAGE", package)
        .args(["--test", "--test-reporter=spec", "tests/wasm/"])
        .run()
}
