// The office: a server that can be killed and started again at the same address, and its JSON API.

import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { gongdan, serverBinary } from "../../node/lib/server.mjs";

/** Starts the server on a folder, at `port` where one is given. */
export async function startServer(context, folder, port = 0) {
  const child = spawn(serverBinary, ["--data", folder, "serve", "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  context.after(kill);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = line.match(/https?:\/\/\S+/)?.[0];
    if (address) return { address, port: Number(new URL(address).port), kill };
  }
  throw new Error("the server ended before it listened");
}

const PASSWORD = "for-this-test-alone-20261125";

/** A person's account at the desk. */
export function addUser(folder, person) {
  execFileSync(serverBinary, ["--data", folder, "user", "add", person, "--password-stdin"], { input: `${PASSWORD}\n` });
}

/** Signs a person in; a function that asks the API. */
export async function signIn(server, person) {
  const answer = await fetch(`${server}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-gongdan-request": "1" },
    body: JSON.stringify({ username: person, password: PASSWORD }),
  });
  if (!answer.ok) throw new Error(`signing in answered ${answer.status}`);
  const cookie = answer.headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
  const ask = async (method, path, body) => {
    const reply = await fetch(server + path, {
      method,
      headers: { cookie, "content-type": "application/json", "x-gongdan-request": "1" },
      body: body && JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return reply;
  };
  return {
    json: async (method, path, body) => (await ask(method, path, body)).json(),
    bytes: async (path) => Buffer.from(await (await ask("GET", path)).arrayBuffer()),
  };
}

/** A one-time code by which a person's phone enrols. */
export function inviteCode(folder, person) {
  return gongdan(folder, "device", "invite", person).match(/code: (\S+)/)[1];
}
