// The pool on the phone, in a real browser on the real server: who takes a ticket first, and who comes second.

import assert from "node:assert/strict";
import { test } from "node:test";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, sampleRequests } from "../node/lib/server.mjs";
import { counts, enrol, part, reopen } from "./lib/app.mjs";
import { seriousFindings } from "./lib/axe.mjs";
import { phonePage, profile, start } from "./lib/chromium.mjs";
import { addUser, signIn, startServer } from "./lib/office.mjs";

const [TECHNICIAN, COLLEAGUE] = ["G4001", "G4002"];
/** What their group serves, of the sample organisation. */
const LINES = ["aircon", "purifier", "lock"];

test("a ticket of the pool is taken, and who comes second loses nothing and is told", async (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const dispatcher = person("dispatcher");
  addUser(folder, dispatcher);
  let server = await startServer(context, folder);
  let office = await signIn(server.address, dispatcher);
  const { items } = await office.json("GET", "/v1/tickets?limit=50&status=received");
  const free = items.filter((row) => LINES.includes(row.product_line));
  assert.ok(free.length >= 2);
  const [taken, wanted] = free;
  const crew = async ({ id }) => (await office.json("GET", `/v1/tickets/${id}`)).ticket.crew;

  const failures = [];
  const shown = await phonePage(await start(profile(context)), failures);
  const { page } = shown;
  await enrol(shown, server.address, folder, TECHNICIAN);
  await page.getByRole("button", { name: "待领" }).click();
  await page.locator(`[data-ticket="${taken.id}"]`).getByText("待领取").waitFor({ timeout: 60_000 });
  assert.deepEqual(await seriousFindings(shown), []);

  // Whose it is, a phone knows once its person has it.
  const name = (await office.json("GET", `/v1/tickets/${taken.id}`)).ticket.fields.customer_name;
  await page.locator(`[data-ticket="${taken.id}"]`).click();
  await part(page, "take").waitFor();
  assert.deepEqual(await seriousFindings(shown), []);
  assert.equal(await page.getByText(name).count(), 0);
  await part(page, "take").click();
  await part(page, "take").waitFor({ state: "detached" });
  await page.getByText(name).first().waitFor({ timeout: 60_000 });
  assert.deepEqual(await crew(taken), [TECHNICIAN]);

  // The office gives the other one away while the phone has no server.
  await reopen(shown, server.address, `ticket/${wanted.id}`);
  await part(page, "take").waitFor();
  const { port } = server;
  await server.kill();
  server = await startServer(context, folder);
  assert.notEqual(server.port, port);
  office = await signIn(server.address, dispatcher);
  const { heads } = await office.json("GET", `/v1/tickets/${wanted.id}`);
  const assign = { assign: { crew: [COLLEAGUE], lead: COLLEAGUE, group: null } };
  await office.json("POST", `/v1/tickets/${wanted.id}/commands`, { seen: heads, commands: [assign] });
  await part(page, "take").click();
  await part(page, "take").waitFor({ state: "detached" });
  await counts(page, "here", 1);
  await server.kill();
  server = await startServer(context, folder, port);
  office = await signIn(server.address, dispatcher);
  await counts(page, "here", 0);
  await counts(page, "unsettled", 1);
  assert.deepEqual(await crew(wanted), [COLLEAGUE]);
  const waiting = await office.json("GET", "/v1/quarantine");
  assert.equal(waiting.items.length, 1);
  assert.equal(waiting.items[0].ticket, wanted.id);
  await reopen(shown, server.address, "outbox");
  await page.locator('[data-test="outbox-item"][data-state="quarantined"]').waitFor();
  assert.deepEqual(failures, [], "no error on the page");
});
