// The real server on a folder of its own, driven by its own command line, as an operator would.

import { execFileSync, spawn } from "node:child_process";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
export const serverBinary = process.env.GONGDAN_SERVER ?? join(root, "target", "debug", "gongdan");

/** A data folder with the sample organisation, removed at the end of the test. */
export function dataFolder(context) {
  const folder = mkdtempSync(join(tmpdir(), "gongdan-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  gongdan(folder, "init");
  gongdan(folder, "org", "load", join(root, "server", "sample", "organisation.toml"));
  return folder;
}

/** Runs a command of the server; what it printed. */
export function gongdan(folder, ...args) {
  return execFileSync(serverBinary, ["--data", folder, ...args], { encoding: "utf8" });
}

export const sampleRequests = join(root, "server", "sample", "requests.csv");

/** Starts the server; its address. It ends with the test. */
export async function serve(context, folder) {
  const child = spawn(serverBinary, ["--data", folder, "serve", "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  context.after(() => child.kill());
  for await (const line of createInterface({ input: child.stdout })) {
    const found = line.match(/https?:\/\/\S+/);
    if (found) return found[0];
  }
  throw new Error("the server ended before it listened");
}

/** Enrols a device of a person with a key made here; signs its requests as the protocol says. */
export async function enrol(server, folder, person, name = "test") {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const code = gongdan(folder, "device", "invite", person).match(/code: (\S+)/)[1];
  const raw = publicKey.export({ format: "jwk" }).x;
  const answer = await fetch(`${server}/v1/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, public_key: raw, device_name: name }),
  });
  if (!answer.ok) throw new Error(`enrolment answered ${answer.status}: ${await answer.text()}`);
  const { device, server_key } = await answer.json();
  return {
    device,
    serverKey: server_key,
    /** The key itself, for a replica that signs by itself. */
    secret: Buffer.from(privateKey.export({ format: "jwk" }).d, "base64url"),
    sign: (bytes) => sign(null, bytes, privateKey),
    authorization(method, path, body = Buffer.alloc(0)) {
      const at = Math.floor(Date.now() / 1000);
      const hash = createHash("sha256").update(body).digest("hex");
      const input = `gongdan request v1\n${method}\n${path}\n${device}\n${at}\n${hash}`;
      return `Gongdan-Device ${device}:${at}:${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
    },
  };
}

/** A bearer token for attachments. */
export async function token(server, phone) {
  const answer = await fetch(`${server}/v1/token`, {
    method: "POST",
    headers: { authorization: phone.authorization("POST", "/v1/token") },
  });
  if (!answer.ok) throw new Error(`token answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).token;
}

/** Signs a person in at the desk; a function that asks the API, by POST where there is a body. */
export async function desk(server, folder, person) {
  const password = gongdan(folder, "user", "add", person).match(/password: (\S+)/)[1];
  let cookie;
  const ask = async (path, body) => {
    const answer = await fetch(server + path, {
      method: body ? "POST" : "GET",
      headers: { "content-type": "application/json", "x-gongdan-request": "1", ...(cookie && { cookie }) },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    cookie ??= answer.headers.get("set-cookie").split(";")[0];
    return answer.json();
  };
  await ask("/v1/session", { username: person, password });
  return ask;
}
