// The core's WebAssembly module as wasm-bindgen made it for Node. GONGDAN_WASM_PACKAGE is its folder.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

const folder = process.env.GONGDAN_WASM_PACKAGE;
assert.ok(folder, "set GONGDAN_WASM_PACKAGE, or run this with `cargo xtask test --only wasm`");

test("the module links and starts: nothing it imports is absent", () => {
  // Loading runs the module's own start function; an import that Node cannot give fails here.
  const module = createRequire(import.meta.url)(join(folder, "gongdan_web.js"));
  assert.equal(typeof module, "object");
});

test("the module needs no host but JavaScript", async () => {
  // A C library that expected a system to be there would show as an import from `env`.
  const [wasm] = (await readdir(folder)).filter((name) => name.endsWith("_bg.wasm"));
  const { readFile } = await import("node:fs/promises");
  const module = await WebAssembly.compile(await readFile(join(folder, wasm)));
  const hosts = new Set(WebAssembly.Module.imports(module).map((wanted) => wanted.module));
  hosts.delete("./gongdan_web_bg.js");
  assert.deepEqual([...hosts], []);
});
