// A replica as wasm32, driven over standard input and output: one JSON object a line,
// { call, arguments } in, { ok } or { error } out. Bytes travel as hexadecimal digits.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const folder = process.env.GONGDAN_WASM_PACKAGE;
const { Replica } = createRequire(import.meta.url)(join(folder, "gongdan_web.js"));

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
let replica;

const calls = {
  open: (identity, key, entropy) => {
    replica = new Replica(identity, bytes(key), bytes(entropy));
  },
  openTicket: (now, act) => replica.openTicket(now, act),
  execute: (now, ticket, seen, act) => replica.execute(now, ticket, seen, act),
  nextRequest: () => Buffer.from(replica.nextRequest()).toString("hex"),
  receive: (body) => replica.receive(bytes(body)),
  spellOut: () => replica.spellOut(),
  list: (query) => replica.list(query),
  ticket: (id) => replica.ticket(id),
  outboxCounts: () => replica.outboxCounts(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, arguments: given } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: calls[call](...given) ?? null };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
