// A phone in this process: the core as wasm32, on the real wire.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomBytes } from "node:crypto";

import { enrol } from "../../node/lib/server.mjs";

const built = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "target", "wasm", "pkg-nodejs");
const { Replica } = createRequire(import.meta.url)(join(process.env.GONGDAN_WASM_PACKAGE ?? built, "gongdan_web.js"));

const now = () => Math.floor(Date.now() / 1000);

/** An enrolled phone of a person. */
export async function phone(server, folder, person, name) {
  const device = await enrol(server, folder, person, name);
  const identity = { device: device.device, person, server_key: Buffer.from(device.serverKey, "base64url").toString("hex") };
  const replica = new Replica(JSON.stringify(identity), device.secret, randomBytes(32));
  const exchange = async () => {
    const body = Buffer.from(replica.nextRequest());
    const answer = await fetch(`${server}/v1/sync`, {
      method: "POST",
      headers: { "content-type": "application/vnd.gongdan.sync", authorization: device.authorization("POST", "/v1/sync", body) },
      body,
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`sync answered ${answer.status}: ${bytes}`);
    return JSON.parse(replica.receive(bytes)).more;
  };
  return {
    device: device.device,
    /** Exchanges until there is nothing more. */
    async sync() {
      while (await exchange());
    },
    open: (act) => replica.openTicket(now(), JSON.stringify(act)),
    execute(ticket, command) {
      try {
        replica.execute(now(), ticket, "{}", JSON.stringify([command]));
      } catch (error) {
        throw new Error(`${JSON.stringify(command)}: ${error?.message ?? error}`);
      }
    },
    ticket: (id) => JSON.parse(replica.ticket(id)),
    outbox: () => JSON.parse(replica.outboxCounts()),
  };
}
