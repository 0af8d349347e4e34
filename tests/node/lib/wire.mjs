// The wire of core/docs/sync-protocol.md, written from the page: CBOR (§3), frames (§2), snapshots (§7). It
// shares nothing with the Rust code, so that the page is held to what it says.

import { createHash } from "node:crypto";

import * as Automerge from "@automerge/automerge";
import { decompress } from "fzstd";

export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The same value as canonical CBOR; absent fields at the end of an array are left out. */
export function cbor(value) {
  if (value === null || value === undefined) return Buffer.from([0xf6]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  const fields = [...value];
  while (fields.length > 0 && (fields.at(-1) ?? null) === null) fields.pop();
  return Buffer.concat([head(4, fields.length), ...fields.map(cbor)]);
}

function head(major, count) {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  const width = [1, 2, 4, 8].find((bytes) => count < 2 ** (8 * bytes));
  const out = Buffer.alloc(1 + width);
  out[0] = (major << 5) | (24 + Math.log2(width));
  if (width === 8) out.writeBigUInt64BE(BigInt(count), 1);
  else out.writeUIntBE(count, 1, width);
  return out;
}

/** The value of canonical CBOR; throws where it is not, or where bytes are left over. */
export function unCbor(bytes) {
  let at = 0;
  const take = (count) => bytes.subarray(at, (at += count));
  const item = () => {
    const first = take(1)[0];
    if (first === 0xf6) return null;
    if (first === 0xf5 || first === 0xf4) return first === 0xf5;
    const [major, info] = [first >> 5, first & 31];
    if (info > 27) throw new Error(`no CBOR of ours: ${first}`);
    const width = 2 ** (info - 24);
    const count = info < 24 ? info : width === 8 ? Number(take(8).readBigUInt64BE()) : take(width).readUIntBE(0, width);
    if (major === 0) return count;
    if (major === 1) return -1 - count;
    if (major === 2) return take(count);
    if (major === 3) return take(count).toString();
    if (major === 4) return Array.from({ length: count }, item);
    throw new Error(`no CBOR of ours: ${first}`);
  };
  const value = item();
  if (at !== bytes.length || !cbor(value).equals(bytes)) throw new Error("not canonical");
  return value;
}

function leb128(number) {
  const out = [];
  for (let rest = number; ; rest >>>= 7) {
    out.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.from(out);
  }
}

/** A number in LEB128 at a place; it and the place after it. */
function unLeb128(bytes, from) {
  let [value, at] = [0, from];
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

/** Form 0: a sender need not compress. */
export function frame(message, raw = Buffer.alloc(0)) {
  const structured = cbor(message);
  return Buffer.concat([Buffer.from("GD"), Buffer.from([1, 0]), leb128(structured.length), structured, raw]);
}

/** Message and raw section of either form. */
export function unframe(body) {
  if (body.subarray(0, 3).toString("latin1") !== "GD\u0001") throw new Error("not a frame");
  const [length, start] = unLeb128(body, 4);
  const section = body.subarray(start, start + length);
  const structured = body[3] === 0 ? section : unHanzi(decompress(section));
  return { form: body[3], message: unCbor(structured), raw: body.subarray(start + length) };
}

const gbk = new TextDecoder("gbk", { fatal: true });

function unHanzi(bytes) {
  const out = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] >= 0xa1 && bytes[at] <= 0xf7) out.push(Buffer.from(gbk.decode(bytes.subarray(at, (at += 1) + 1))));
    else if (bytes[at] === 0xf8) out.push(bytes.subarray((at += 1), at + 1));
    else out.push(bytes.subarray(at, at + 1));
  }
  return Buffer.concat(out);
}

/** The document of a snapshot, put together twice: for its heads, and then with them. */
export function unpackSnapshot(document) {
  let [count, at] = unLeb128(document, 0);
  for (; count > 0; count -= 1) {
    const [length, start] = unLeb128(document, at);
    at = start + length;
  }
  const withHeads = (heads) => {
    const parts = [document.subarray(0, at), leb128(heads.length), ...heads.map((hash) => Buffer.from(hash, "hex"))];
    const contents = Buffer.concat([...parts, document.subarray(at)]);
    const typed = Buffer.concat([Buffer.from([0]), leb128(contents.length), contents]);
    return Buffer.concat([Buffer.from([0x85, 0x6f, 0x4a, 0x83]), sha256(typed).subarray(0, 4), typed]);
  };
  const unverified = Automerge.load(withHeads([]), { unchecked: true, allowMissingChanges: true });
  const changes = Automerge.getAllChanges(unverified).map((change) => Automerge.decodeChange(change));
  const known = new Set(changes.flatMap((change) => change.deps));
  const heads = changes.map((change) => change.hash).filter((hash) => !known.has(hash));
  return Automerge.load(withHeads(heads.sort()));
}
