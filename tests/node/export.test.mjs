// What `gongdan export` writes, the stock Automerge library opens, with the same values.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as Automerge from "@automerge/automerge";

import { dataFolder, gongdan, sampleRequests } from "./lib/server.mjs";

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
