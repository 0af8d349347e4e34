// A client written from core/docs/sync-protocol.md and document-model.md, on the stock Automerge library: it
// reads what the server sends, executes a colleague's command to the hash that was signed, and its own signed
// command comes out at the server as it did here. Where this fails and Rust's tests do not, the page is wrong.

import assert from "node:assert/strict";
import { createPublicKey, randomBytes, verify } from "node:crypto";
import { test } from "node:test";

import * as Automerge from "@automerge/automerge";

import { person, technician } from "./lib/sample.mjs";
import { dataFolder, desk, enrol, serve } from "./lib/server.mjs";
import { cbor, frame, sha256, unCbor, unframe, unpackSnapshot } from "./lib/wire.mjs";

const [ACCEPT, CORRECT] = [4, 27];
const [KNOWN, SERVICE, MODEL] = [0, 0, 12];
const uuid = (text) => Buffer.from(text.replaceAll("-", ""), "hex");
const scalar = (text) => new Automerge.ImmutableString(text);
const ed25519 = (raw) => createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") } });

/** One exchange; the answer, with the time's signature checked. */
async function exchange(server, phone, message, raw) {
  const body = frame(message, raw);
  const answer = await fetch(`${server}/v1/sync`, {
    method: "POST",
    headers: { "content-type": "application/vnd.gongdan.sync", authorization: phone.authorization("POST", "/v1/sync", body) },
    body,
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, bytes.toString());
  const { message: response, raw: rest, form } = unframe(bytes);
  const [cursor, through, more, time, news = []] = response;
  const seconds = Buffer.alloc(8);
  seconds.writeBigInt64BE(BigInt(time));
  const signed = Buffer.concat([Buffer.from("gongdan time v1\n"), seconds, uuid(phone.device), sha256(body)]);
  assert.ok(verify(null, signed, ed25519(Buffer.from(phone.serverKey, "base64url")), rest.subarray(0, 64)));
  return { cursor, through, more, time, news, raw: rest.subarray(64), form };
}

/** Key of the item that a command with this ordinal makes. */
function itemKey(actor, ordinal) {
  const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEF";
  const low = actor.readUInt32BE(0) & 0x1ffffff;
  return [0, 5, 10, 15, 20].map((shift) => alphabet[(low >> shift) & 31]).join("") + ordinal;
}

/** Keys of the events that nobody has seen yet, as `after` names them. */
function tips(events) {
  const seen = new Set(Object.values(events).flatMap(({ after }) => (after ? String(after).split(" ") : [])));
  return Object.keys(events).filter((key) => !seen.has(key)).sort().join(" ");
}

const headerOf = (h) => [
  1, h.ticket, SERVICE, h.device, h.person, h.actor, h.firstSequence, h.base.map((hash) => Buffer.from(hash, "hex")).sort(Buffer.compare),
  h.at, sha256(h.salt, h.body), h.pin, h.catalogue, h.deviceSequence, h.previous, h.anchor,
];
const signable = (header) => Buffer.concat([Buffer.from("gongdan changeset v1\n"), cbor(header)]);

test("what the page says is enough to take part", async (context) => {
  const folder = dataFolder(context);
  const server = await serve(context, folder);
  const [clerk, worker] = [await desk(server, folder, person("dispatcher")), technician()];
  const fields = { ticket_type: "repair", region: "east", product_line: "aircon", wished_time: "今天下午" };
  const open = { fields: Object.entries(fields).map(([field, value]) => ({ field, value })), problem: "室外机不启动，只送风不制冷".repeat(8) };
  const { id } = await clerk("/v1/tickets", { commands: [{ open }] });
  const act = (command) => clerk(`/v1/tickets/${id}/commands`, { commands: [command] });
  await act({ assign: { crew: [worker], lead: worker, group: null } });

  // A first exchange: directory, catalogue, snapshot.
  const phone = await enrol(server, folder, worker);
  let answer = await exchange(server, phone, [Buffer.alloc(0), 0, 0, []]);
  const [, devices, tickets, , catalogueJson, , entries, , snapshots] = answer.news;
  assert.equal(answer.form, 1, "long enough to be compressed, and rewritten before");
  assert.deepEqual([tickets, entries], [[], []]);
  const catalogue = JSON.parse(catalogueJson).version;
  const directory = Math.max(...devices.map(([index]) => index));
  const [[[ticketIndex, number], parts]] = snapshots;
  assert.equal(answer.raw.toString("hex"), uuid(id).toString("hex"), "the raw section holds the ticket's id and nothing else");
  assert.equal(number.length, 2);
  const [, , packed] = parts.find(([part]) => part === SERVICE);
  let doc = unpackSnapshot(packed);
  assert.equal(String(Automerge.toJS(doc).intake.wished_time), fields.wished_time);
  assert.equal(String(doc.problem), open.problem);

  // A colleague's entry: executed here it gives the hash that its author signed.
  await act({ correct: { field: "model", value: "CH-KFR35G" } });
  answer = await exchange(server, phone, [answer.cursor, catalogue, directory, []]);
  const [, , , , , entryActors, [entry]] = answer.news;
  const [, deviceIndex, deviceSequence, entryCatalogue, anchor, item] = entry;
  const [partIndex, base, actorPlace, firstSequence, at, body, rest = []] = item;
  assert.deepEqual([partIndex, base], [4 * ticketIndex + SERVICE, [KNOWN]]);
  const [[after, command]] = unCbor(body);
  assert.deepEqual(command, [CORRECT, MODEL, [0, "CH-KFR35G"]]);
  const before = Automerge.getHeads(doc);
  const author = Automerge.clone(doc, { actor: entryActors[actorPlace].toString("hex") });
  doc = Automerge.change(author, { time: at + after }, (draft) => {
    draft.product.model = scalar("CH-KFR35G");
  });
  const [, device, devicePerson, key] = devices.find(([index]) => index === deviceIndex);
  const [signature, salt, previous] = [answer.raw.subarray(0, 64), answer.raw.subarray(64, 80), answer.raw.subarray(80, 96)];
  const pinOf = (document) => Buffer.from(Automerge.getHeads(document)[0], "hex").subarray(0, 16);
  const theirs = headerOf({
    ticket: uuid(id), device, person: rest[5] ?? devicePerson, actor: entryActors[actorPlace], firstSequence, base: before, at, salt, body,
    pin: pinOf(doc), catalogue: entryCatalogue, deviceSequence, previous, anchor,
  });
  assert.ok(verify(null, signable(theirs), ed25519(key), signature), "header, hash and signature agree");

  // An own command: what it comes to here is what it comes to there.
  const actor = randomBytes(16);
  const seen = Automerge.getHeads(doc);
  const now = Math.floor(Date.now() / 1000);
  const known = tips(Automerge.toJS(doc).events);
  doc = Automerge.change(Automerge.clone(doc, { actor: actor.toString("hex") }), { time: now }, (draft) => {
    const name = itemKey(actor, 1);
    draft.events[name] = {};
    draft.events[name].kind = scalar("accepted");
    draft.events[name].after = scalar(known);
  });
  const own = { body: cbor([[0, [ACCEPT]]]), salt: randomBytes(16), pin: pinOf(doc) };
  const header = headerOf({
    ...own, ticket: uuid(id), device: uuid(phone.device), person: worker, actor, firstSequence: 1, base: seen, at: now,
    catalogue, deviceSequence: 1, previous: Buffer.alloc(16), anchor: answer.time,
  });
  const changesets = [1, Buffer.alloc(16), catalogue, answer.time, [actor], [], [[4 * ticketIndex + SERVICE, [KNOWN], 0, 1, now, own.body]], []];
  const sealed = Buffer.concat([phone.sign(signable(header)), own.salt, own.pin]);
  answer = await exchange(server, phone, [answer.cursor, catalogue, directory, [], changesets], sealed);
  assert.deepEqual(answer.news[0], [[1, 1, [0, answer.through]]], "admitted");
  const view = await clerk(`/v1/tickets/${id}`);
  assert.equal(view.ticket.status, "accepted");
  assert.deepEqual(view.heads.service, Automerge.getHeads(doc));

  // And then there is nothing to tell.
  answer = await exchange(server, phone, [answer.cursor, catalogue, directory, []]);
  assert.deepEqual([answer.more, answer.news], [false, []]);
});
