// The console in a real browser on the real server: sign in, search, see a conflict, settle it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, sampleRequests, serve, serverBinary } from "../node/lib/server.mjs";

const PASSWORD = "for-this-test-alone-20261122";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
];

/** A client of the JSON API, signed in. */
async function api(server, username) {
  const answer = await fetch(`${server}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-gongdan-request": "1" },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  const cookie = answer.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
  return async (method, path, body) => {
    const reply = await fetch(server + path, {
      method,
      headers: { cookie, "content-type": "application/json", "x-gongdan-request": "1" },
      body: body && JSON.stringify(body),
    });
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${await reply.clone().text()}`);
    return reply.json();
  };
}

test("a dispatcher finds a ticket by two characters and settles its conflict with one click", async (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const [dispatcher, supervisor] = [person("dispatcher"), person("supervisor")];
  for (const each of [dispatcher, supervisor]) {
    execFileSync(serverBinary, ["--data", folder, "user", "add", each, "--password-stdin"], { input: `${PASSWORD}\n` });
  }
  const server = await serve(context, folder);
  const [call, other] = [await api(server, dispatcher), await api(server, supervisor)];

  const { items } = await call("GET", "/v1/tickets?q=" + encodeURIComponent("空调"));
  assert.ok(items.length > 1, "the sample has several of them");
  const { id, label } = items[0];
  const { heads } = await call("GET", `/v1/tickets/${id}`);
  for (const [by, value] of [[call, "SN-DESK-1"], [other, "SN-DESK-2"]]) {
    await by("POST", `/v1/tickets/${id}/commands`, { seen: heads, commands: [{ correct: { field: "serial", value } }] });
  }
  assert.equal((await call("GET", `/v1/tickets/${id}`)).ticket.conflicts.length, 1, "both forms were opened on the same heads");

  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, timeout: 120_000 });
  context.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: "zh-CN" });
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/.test(message.text())) failures.push(message.text());
  });
  await page.goto(`${server}/tickets`);
  await page.fill('input[name="username"]', dispatcher);
  await page.fill('input[name="password"]', PASSWORD);
  await page.click('button[type="submit"]');
  await page.waitForURL("**/tickets");
  await page.getByText(label).first().waitFor();
  if (process.env.GONGDAN_SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.GONGDAN_SCREENSHOTS}/console-list.png` });
  }

  await page.goto(`${server}/tickets/${id}`);
  const conflict = page.locator("article.conflict");
  await conflict.waitFor();
  const text = await conflict.innerText();
  assert.match(text, /SN-DESK-1/);
  assert.match(text, /SN-DESK-2/);
  if (process.env.GONGDAN_SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.GONGDAN_SCREENSHOTS}/console-ticket.png` });
  }
  const chosen = await conflict.locator("li.candidate .value").nth(1).innerText();
  await conflict.getByRole("button", { name: "改用此值" }).click();
  await conflict.waitFor({ state: "detached" });

  const after = await call("GET", `/v1/tickets/${id}`);
  assert.equal(after.ticket.conflicts.length, 0);
  assert.equal(after.ticket.fields.serial, chosen);
  assert.deepEqual(failures, [], "no error on the page");
});
