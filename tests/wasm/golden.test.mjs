// The golden files as wasm32: the same files, the same hashes as the native build's.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = process.env.GONGDAN_WASM_PACKAGE;
assert.ok(folder, "set GONGDAN_WASM_PACKAGE, or run this with `cargo xtask test --only wasm`");
const { golden } = createRequire(import.meta.url)(join(folder, "gongdan_web.js"));
const files = join(dirname(fileURLToPath(import.meta.url)), "../golden");

const names = (await readdir(files)).filter((name) => name.endsWith(".json"));
assert.ok(names.length > 0, "there are golden files");

for (const name of names) {
  test(`${name} comes out of the WebAssembly build as it went in`, async () => {
    const file = JSON.parse(await readFile(join(files, name), "utf8"));
    const ran = JSON.parse(golden(JSON.stringify(file)));
    assert.deepEqual(ran, file);
  });

  test(`${name} with another time gives other hashes`, async () => {
    const file = JSON.parse(await readFile(join(files, name), "utf8"));
    file.documents[0].steps[0].at += 1;
    const ran = JSON.parse(golden(JSON.stringify(file)));
    assert.notDeepEqual(ran.documents[0].heads, file.documents[0].heads);
  });
}
