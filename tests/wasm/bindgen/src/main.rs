//! Writes the JavaScript beside the core's WebAssembly module:
//! `gongdan-wasm-bindgen nodejs|web MODULE.wasm FOLDER`.
//!
//! This is `wasm-bindgen` without its command line, so that nothing needs to be installed and its
//! version is the module's.

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [host, module, folder] = args.as_slice() else {
        bail!("usage: gongdan-wasm-bindgen nodejs|web MODULE.wasm FOLDER");
    };
    let mut bindgen = Bindgen::new();
    match host.as_str() {
        "nodejs" => bindgen.nodejs(true)?,
        "web" => bindgen.web(true)?,
        other => bail!("no such host: {other}"),
    };
    bindgen.input_path(module).typescript(true);
    bindgen
        .generate(folder)
        .with_context(|| format!("bind {module} for {host}"))
}
