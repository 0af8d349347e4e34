// What `gongdan export` writes, the stock Automerge library opens, with the same values; and stock cryptography
// tells who signed it.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as Automerge from "@automerge/automerge";

import { dataFolder, gongdan, sampleRequests } from "./lib/server.mjs";
import { cbor, sha256, unCbor } from "./lib/wire.mjs";

/** The head of an Ed25519 key in its X.509 form (RFC 8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const ed25519 = (raw) => createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
const signed = (key, context, statement, signature) =>
  verify(null, Buffer.concat([Buffer.from(context), cbor(statement)]), ed25519(key), signature);

/** A value of `ticket.json` and of a document in one form. */
function plain(value) {
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (value instanceof Automerge.ImmutableString) return value.val;
  return value;
}

test("the stock library reads the values that the export's JSON tells", (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const out = join(folder, "export");
  const number = gongdan(folder, "ticket", "list").match(/FW\d{12,}/)[0];
  gongdan(folder, "export", number, "--out", out);

  const ticket = JSON.parse(readFileSync(join(out, "ticket.json"), "utf8"));
  const load = (part) => Automerge.load(readFileSync(join(out, `${part}.automerge`)));
  const documents = { service: load("service"), customer: load("customer") };

  const facts = new Map();
  for (const document of Object.values(documents)) {
    for (const section of Object.values(document)) {
      if (section === null || typeof section !== "object") continue;
      for (const [name, value] of Object.entries(section)) facts.set(name, plain(value));
    }
  }
  const told = Object.entries(ticket.fields);
  assert.ok(told.length > 10, "a ticket has facts");
  for (const [name, value] of told) assert.deepEqual(facts.get(name), value, name);
  assert.equal(documents.service.problem, ticket.problem);
  assert.equal(Number(documents.service.visits), ticket.visits);

  const kinds = Object.values(documents.service.events).map((event) => plain(event.kind));
  assert.deepEqual(kinds.sort(), ticket.events.map((event) => event.kind).sort());
});

test("whoever has the organisation's key tells who signed what, with no server", (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const out = join(folder, "export");
  const number = gongdan(folder, "ticket", "list").match(/FW\d{12,}/)[0];
  gongdan(folder, "export", number, "--out", out);
  const organisation = Buffer.from(gongdan(folder, "org", "key").trim(), "base64url");
  const evidence = JSON.parse(readFileSync(join(out, "evidence.json"), "utf8"));

  const devices = new Map();
  for (const text of evidence.certificates) {
    const [statement, signature] = unCbor(Buffer.from(text, "base64url"));
    assert.ok(signed(organisation, "gongdan device certificate v1\n", statement, signature));
    const another = statement.with(1, statement[1] + 1);
    assert.ok(!signed(organisation, "gongdan device certificate v1\n", another, signature));
    devices.set(statement[2].toString("hex"), statement[4]);
  }
  assert.ok(evidence.changesets.length > 0);
  for (const { changeset } of evidence.changesets) {
    const [header, body, salt, signature] = unCbor(Buffer.from(changeset, "base64url"));
    const key = devices.get(header[3].toString("hex"));
    assert.ok(signed(key, "gongdan changeset v1\n", header, signature));
    assert.deepEqual(sha256(salt, body), header[9]);
    assert.ok(!signed(key, "gongdan changeset v1\n", header.with(8, header[8] + 1), signature));
  }
});
