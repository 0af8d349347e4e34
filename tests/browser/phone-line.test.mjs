// The phone's app on lines as they are: a new version with unsent work, and a line that is slow, lossy and cut.

import assert from "node:assert/strict";
import { test } from "node:test";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, sampleRequests } from "../node/lib/server.mjs";
import { counts, enrol, installed, part, reopen, type, unlock } from "./lib/app.mjs";
import { phonePage, profile, start } from "./lib/chromium.mjs";
import { line } from "./lib/line.mjs";
import { addUser, signIn, startServer } from "./lib/office.mjs";

const TECHNICIAN = "G4001";

/** A server, a line to it, and an enrolled phone at the page of its one ticket. */
async function enrolled(context) {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const dispatcher = person("dispatcher");
  addUser(folder, dispatcher);
  const server = await startServer(context, folder);
  const office = await signIn(server.address, dispatcher);
  const { id, heads } = await assigned(office);
  const way = await line(context, server.address);
  const failures = [];
  const browser = await start(profile(context));
  const shown = await phonePage(browser, failures);
  await enrol(shown, way.address, folder, TECHNICIAN);
  await shown.page.locator(`[data-ticket="${id}"]`).waitFor({ timeout: 60_000 });
  await installed(shown);
  await counts(shown.page, "here", 0);
  return { server, office, way, shown, failures, id, heads };
}

async function assigned(office) {
  const { items } = await office.json("GET", "/v1/tickets?q=" + encodeURIComponent("空调"));
  const { id } = items[0];
  const { heads } = await office.json("GET", `/v1/tickets/${id}`);
  const assign = { assign: { crew: [TECHNICIAN], lead: TECHNICIAN, group: null } };
  await office.json("POST", `/v1/tickets/${id}/commands`, { seen: heads, commands: [assign] });
  return { id, heads };
}

const notes = async (office, id) => (await office.json("GET", `/v1/tickets/${id}`)).ticket.notes.map(({ text }) => text);

test("a new version of the app is taken by a tap, whole, and what was not sent is still there", async (context) => {
  const { server, office, way, shown, failures, id } = await enrolled(context);
  const { page } = shown;
  way.target = null;
  await page.locator(`[data-ticket="${id}"]`).click();
  await type(page, "note", "更新前写的备注");
  await part(page, "write-note").click();
  await counts(page, "here", 1);

  // The server has a new version, and cannot take commands just now.
  way.refuses = (path) => path.startsWith("/v1/");
  way.rewrite = (path, body) => {
    if (path === "/phone/sw.js") return body.toString().replace(/("revision":")[^"]+(","url":"index\.html")/, "$1next$2");
    if (/^\/phone\/(index\.html)?(\?|$)/.test(path)) return body.toString().replace("<head>", '<head><meta name="version" content="next">');
    return body;
  };
  way.target = server.address;
  await reopen(shown, way.address);
  assert.equal(await page.locator('meta[name="version"]').count(), 0, "the old version serves until it is taken");
  await part(page, "take-update").click();
  await page.locator('meta[name="version"][content="next"]').waitFor({ state: "attached", timeout: 60_000 });
  await unlock(shown);
  await counts(page, "here", 1);
  assert.deepEqual(await notes(office, id), []);
  way.refuses = null;
  await part(page, "status").click();
  await part(page, "sync").click();
  await counts(page, "here", 0);
  assert.deepEqual(await notes(office, id), ["更新前写的备注"]);
  assert.deepEqual(failures, [], "no error on the page");
});

/** Mulberry32: the losses of the line, the same in every run. */
function chances(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("two hundred notes written without a line arrive once each over one that is slow, lossy and cut", async (context) => {
  const COUNT = 200;
  const { server, office, way, shown, failures, id } = await enrolled(context);
  const { page } = shown;
  way.target = null;
  way.cut();
  await page.locator(`[data-ticket="${id}"]`).click();
  await part(page, "write-note").waitFor();
  await page.evaluate(async (count) => {
    const area = document.querySelector('[data-test="note"] textarea');
    const button = document.querySelector('[data-test="write-note"]');
    const until = async (holds) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    for (let n = 1; n <= count; n++) {
      area.value = `第${n}条`;
      area.dispatchEvent(new Event("input", { bubbles: true }));
      await until(() => !button.disabled);
      button.click();
      await until(() => area.value === "");
    }
  }, COUNT);
  await counts(page, "here", COUNT);

  Object.assign(way, { target: server.address, delayMs: 300, lossShare: 0.05, chance: chances(20261125) });
  const cutting = setInterval(way.cut, 20_000);
  context.after(() => clearInterval(cutting));
  const began = Date.now();
  await counts(page, "here", 0, 180_000);
  clearInterval(cutting);
  console.log(`${COUNT} notes over 300 ms, 5 % loss, cut every 20 s: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  const arrived = await notes(office, id);
  assert.equal(arrived.length, COUNT);
  assert.equal(new Set(arrived).size, COUNT);
  assert.deepEqual(failures, [], "no error on the page");
});
