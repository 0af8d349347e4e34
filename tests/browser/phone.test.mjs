// The phone's app in a real browser on the real server: a day without a signal.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, sampleRequests } from "../node/lib/server.mjs";
import { counts, done, enrol, installed, leaveOut, part, reopen, step, type, unlock } from "./lib/app.mjs";
import { seriousFindings } from "./lib/axe.mjs";
import { phonePage, profile, start } from "./lib/chromium.mjs";
import { addUser, signIn, startServer } from "./lib/office.mjs";
import { picture } from "./lib/picture.mjs";

const TECHNICIAN = "G4001";

async function screenshot({ page }, name) {
  const folder = process.env.GONGDAN_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/phone-${name}.png` });
}

async function open(shown, address) {
  await shown.page.goto(`${address}/phone/`);
}
async function openTicket({ page }, id) {
  await page.locator(`[data-ticket="${id}"]`).click();
  await part(page, "problem").waitFor();
}

/** Bytes of the whole app as they come over the line. */
const DOWNLOAD_BYTES_MAX = 2_500_000;

test("the app is served under a policy of its own, compressed, and small enough for a bad line", async (context) => {
  const { address } = await startServer(context, dataFolder(context));
  const ask = (path) => fetch(address + path, { redirect: "manual", headers: { "accept-encoding": "br" } });
  const bare = await ask("/phone");
  assert.equal(bare.status, 308);
  assert.equal(bare.headers.get("location"), "/phone/");
  assert.equal((await ask("/phone/assets/none.js")).status, 404);
  const page = await ask("/phone/ticket/of-the-pages-own-router");
  assert.match(page.headers.get("content-type"), /text\/html/);
  const policy = page.headers.get("content-security-policy");
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|https?:/);
  assert.doesNotMatch((await ask("/")).headers.get("content-security-policy"), /wasm/);

  const worker = await (await ask("/phone/sw.js")).text();
  const files = [...worker.matchAll(/"?url"?:\s*["'`]([^"'`]+)["'`]/g)].map((found) => found[1]);
  assert.ok(files.some((file) => file.endsWith(".wasm")), "the service worker keeps core too");
  let bytes = 0;
  for (const file of files) {
    const head = execFileSync("curl", ["-sS", "-o", "/dev/null", "-H", "accept-encoding: br", "-w", "%{size_download}", `${address}/phone/${file}`]);
    bytes += Number(head);
  }
  console.log(`the app: ${files.length} files, ${bytes} bytes compressed`);
  assert.ok(bytes <= DOWNLOAD_BYTES_MAX, `${bytes} bytes`);
});

test("a technician works all day without a server, through a killed browser, and the office gets everything", async (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const dispatcher = person("dispatcher");
  addUser(folder, dispatcher);
  let server = await startServer(context, folder);
  let office = await signIn(server.address, dispatcher);

  const { items } = await office.json("GET", "/v1/tickets?limit=50");
  // The one that is worked is an air conditioner: the visit uses a part of its list.
  const tickets = [...items.filter((row) => row.product_line === "aircon"), ...items.filter((row) => row.product_line !== "aircon")].slice(0, 3);
  assert.equal(tickets[0].product_line, "aircon");
  assert.equal(tickets.length, 3);
  for (const { id } of tickets) {
    const { heads } = await office.json("GET", `/v1/tickets/${id}`);
    const assign = { assign: { crew: [TECHNICIAN], lead: TECHNICIAN, group: null } };
    await office.json("POST", `/v1/tickets/${id}/commands`, { seen: heads, commands: [assign] });
  }
  const [worked, noted] = tickets;

  const failures = [];
  const data = profile(context);
  let browser = await start(data);
  let shown = await phonePage(browser, failures);

  // Enrol: the office's code, a PIN of one's own, the first sync.
  await open(shown, server.address);
  await part(shown.page, "enrol").waitFor();
  assert.deepEqual(await seriousFindings(shown), []);
  await screenshot(shown, "enrol");
  await enrol(shown, server.address, folder, TECHNICIAN);
  for (const { id } of tickets) await shown.page.locator(`[data-ticket="${id}"]`).waitFor({ timeout: 60_000 });
  assert.deepEqual(await seriousFindings(shown), []);
  await screenshot(shown, "today");
  await installed(shown);

  // A second tab says that the first one has the store.
  const second = await phonePage(browser, failures);
  await open(second, server.address);
  await second.page.getByText("已在另一个页面打开").waitFor();
  await second.page.close();

  // The server is gone, the browser is gone; both at once.
  await server.kill();
  await browser.kill();
  browser = await start(data);
  shown = await phonePage(browser, failures);
  await open(shown, server.address);
  await part(shown.page, "unlock").waitFor();
  await shown.page.fill('input[name="pin"]', "000001");
  await part(shown.page, "unlock").click();
  await part(shown.page, "unlock-problem").waitFor();
  await unlock(shown);

  // Two characters find a ticket.
  await shown.page.locator('input[type="search"]').fill(worked.model.slice(0, 2));
  await shown.page.locator(`[data-ticket="${worked.id}"]`).waitFor();
  await shown.page.locator('input[type="search"]').fill("");

  // The visit, in the procedure's order.
  await openTicket(shown, worked.id);
  assert.deepEqual(await seriousFindings(shown), []);
  await screenshot(shown, "ticket");
  const { page } = shown;
  await part(page, "visit").click();
  await part(page, "accept").click();
  await done(page, "accept");
  await leaveOut(page, "contact", "用户在现场等候");
  await step(page, "appoint");
  await part(page, "appoint").click();
  await done(page, "appoint");
  for (const [kind, button] of [["pack", "packed"], ["depart", "depart"], ["arrive", "arrive"]]) {
    await step(page, kind);
    await part(page, button).click();
    await done(page, kind);
  }
  const checklist = await step(page, "checklist");
  while ((await page.locator('[data-test="step-checklist"][data-done="true"]').count()) === 0) {
    const left = await checklist.locator('[data-test="item-done"]').count();
    if (left === 0) break;
    await checklist.locator('[data-test="item-done"]').first().click();
    await page.waitForFunction(
      (before) => document.querySelectorAll('[data-test="step-checklist"] [data-test="item-done"]').length < before, left,
    );
  }
  await done(page, "checklist");
  assert.deepEqual(await seriousFindings(shown), []);
  await screenshot(shown, "visit");
  await step(page, "account");
  await type(page, "account", "昨天傍晚起不制冷，用户要求当天修好");
  await part(page, "write-account").click();
  await done(page, "account");
  await step(page, "product");
  await type(page, "field-batch", "B20260731");
  await part(page, "save-product").click();
  await done(page, "product");
  await step(page, "tests");
  await type(page, "test-item", "启动电容");
  await type(page, "test-result", "12 μF，低于标准");
  await part(page, "add-test").click();
  await done(page, "tests");
  await step(page, "diagnosis");
  await part(page, "cause-hardware").click();
  await part(page, "route-on_site").click();
  await type(page, "conclusion", "启动电容失效");
  await part(page, "diagnose").click();
  await done(page, "diagnosis");
  await step(page, "quote");
  await type(page, "amount", "180");
  await type(page, "explanation", "更换启动电容 35 μF");
  await part(page, "quote").click();
  await part(page, "agreed").click();
  await done(page, "quote");
  await step(page, "parts");
  await part(page, "use-AC-CAP-35").click();
  await done(page, "parts");
  await step(page, "photos");
  await part(page, "photo-input").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: picture(2400, 1200) });
  await done(page, "photos");
  await step(page, "complete");
  await type(page, "summary", "已更换启动电容，制冷正常");
  await part(page, "complete").click();
  await done(page, "complete");
  await counts(page, "photos", 1);

  // A ticket made on site has a provisional label.
  await reopen(shown, server.address, "new");
  await part(page, "region").click();
  await page.locator(".van-picker__confirm").click();
  await type(page, "new-problem", "同一用户的净水器漏水");
  await type(page, "new-customer_name", "穆清扬");
  await part(page, "open-ticket").click();
  await part(page, "label").waitFor();
  assert.match(await part(page, "label").innerText(), /^临/);
  const opened = page.url().split("/").at(-1);

  // The browser is killed in the middle of saving: what was said to be saved is there, and nothing is torn.
  await reopen(shown, server.address);
  await openTicket(shown, noted.id);
  let saved = 0;
  const writing = (async () => {
    for (let n = 1; ; n++) {
      await type(page, "note", `第${n}条备注`);
      await part(page, "write-note").click();
      await page.getByText(`第${n}条备注`, { exact: true }).waitFor();
      saved = n;
      if (n === 4) void browser.kill();
    }
  })();
  await assert.rejects(writing);
  browser = await start(data);
  shown = await phonePage(browser, failures);
  await reopen(shown, server.address);
  await openTicket(shown, noted.id);
  for (let n = 1; n <= saved; n++) await shown.page.getByText(`第${n}条备注`, { exact: true }).waitFor();
  await reopen(shown, server.address, "outbox");
  assert.deepEqual(await seriousFindings(shown), []);
  await screenshot(shown, "outbox");

  // The server is back: everything arrives by itself, the photo on its own lane.
  server = await startServer(context, folder, server.port);
  office = await signIn(server.address, dispatcher);
  await counts(shown.page, "here", 0);
  await counts(shown.page, "photos", 0);
  await counts(shown.page, "unsettled", 0);
  const { ticket } = await office.json("GET", `/v1/tickets/${worked.id}`);
  assert.equal(ticket.status, "completed");
  assert.equal(ticket.fields.batch, "B20260731");
  assert.equal(ticket.fields.cause, "hardware");
  assert.equal(ticket.parts_used[0].part_number, "AC-CAP-35");
  assert.equal(ticket.quotes[0].consent, "agreed");
  assert.ok(ticket.notes.some(({ text }) => text.startsWith("昨天傍晚起不制冷")));
  const skipped = ticket.checklist.find(({ item }) => item === "visit-skip-contact");
  assert.deepEqual(skipped.answer, { skipped: { reason: "用户在现场等候" } });
  const photo = await office.bytes(`/v1/blobs/${ticket.photos[0].blob}`);
  assert.equal(createHash("sha256").update(photo).digest("hex"), ticket.photos[0].blob);
  assert.equal(photo.subarray(0, 2).toString("hex"), "ffd8", "a JPEG");
  assert.equal(photo.includes("Exif"), false, "nothing of the file's EXIF");
  const notes = (await office.json("GET", `/v1/tickets/${noted.id}`)).ticket.notes.map(({ text }) => text);
  for (let n = 1; n <= saved; n++) assert.ok(notes.includes(`第${n}条备注`), `note ${n} of ${saved}`);
  assert.equal(new Set(notes).size, notes.length, "no note arrived twice");
  const made = (await office.json("GET", `/v1/tickets/${opened}`)).ticket;
  assert.match(made.number, /^FW\d{12}/);
  assert.equal(made.fields.customer_name, "穆清扬");

  // The office writes; the phone hears of it.
  const { heads } = await office.json("GET", `/v1/tickets/${noted.id}`);
  const note = { write_note: { part: "service", text: "请带梯子" } };
  await office.json("POST", `/v1/tickets/${noted.id}/commands`, { seen: heads, commands: [note] });
  await reopen(shown, server.address, `ticket/${noted.id}`);
  await shown.page.getByText("请带梯子", { exact: true }).waitFor({ timeout: 60_000 });
  assert.deepEqual(failures, [], "no error on the page");
});
