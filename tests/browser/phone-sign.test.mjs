// The customer signs on the phone: without a server, through a killed browser and a turned screen; what leaves the
// phone verifies.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import jsQR from "jsqr";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, sampleRequests, serverBinary } from "../node/lib/server.mjs";
import { counts, done, enrol, installed, leaveOut, part, reopen, step, type } from "./lib/app.mjs";
import { seriousFindings } from "./lib/axe.mjs";
import { phonePage, profile, start } from "./lib/chromium.mjs";
import { addUser, signIn, startServer } from "./lib/office.mjs";
import { picture } from "./lib/picture.mjs";
import { answer, begin, drawn, LYING, lift, name, stroke, turn, UPRIGHT, writeName } from "./lib/signing.mjs";

const TECHNICIAN = "G4001";
const WITNESS = "G4002";

async function screenshot({ page }, shot) {
  const folder = process.env.GONGDAN_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/phone-sign-${shot}.png` });
}

/** The whole way to a completed visit, everything that may be left out left out. */
async function complete({ page }, summary) {
  for (const [kind, button] of [["accept", "accept"], ["depart", "depart"], ["arrive", "arrive"]]) {
    await step(page, kind);
    await part(page, button).click();
    await done(page, kind);
  }
  const others = await page.locator('[data-test^="step-"][data-done="false"][data-skipped="false"]')
    .evaluateAll((steps) => steps.map((each) => each.dataset.test.slice("step-".length)));
  for (const kind of others.filter((each) => each !== "complete" && each !== "sign")) await leaveOut(page, kind, "测试中略过");
  await step(page, "complete");
  await type(page, "summary", summary);
  await part(page, "complete").click();
  await done(page, "complete");
}

/** What a camera reads on the receipt. */
async function photographed({ page }) {
  const shot = (await part(page, "receipt").locator("img").screenshot()).toString("base64");
  const { data, width, height } = await page.evaluate(async (png) => {
    const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, picture.width, picture.height);
    return { data: [...data], width, height };
  }, shot);
  return jsQR(new Uint8ClampedArray(data), width, height)?.data;
}

/** The list of sheets in a visit that is through. */
async function sheetsShown({ page }) {
  await done(page, "sign");
  await step(page, "sign");
  await part(page, "kept-sheet").first().waitFor();
}

/** The evidence file of the newest sheet that is shown, as the phone hands it out. */
async function evidence({ page }, folder) {
  const waiting = page.waitForEvent("download");
  await part(page, "evidence").first().click();
  const file = join(folder, (await waiting).suggestedFilename());
  await (await waiting).saveAs(file);
  return file;
}

function verified(file, ...asked) {
  const said = execFileSync(serverBinary, ["verify", file, "--json", ...asked], { encoding: "utf8" });
  return JSON.parse(said);
}

test("a customer signs without a server; nothing half signed is left, and the evidence verifies", async (context) => {
  const folder = dataFolder(context);
  gongdan(folder, "import", sampleRequests);
  const key = gongdan(folder, "org", "key").trim().split(/\s+/).at(-1);
  const dispatcher = person("dispatcher");
  addUser(folder, dispatcher);
  let server = await startServer(context, folder);
  let office = await signIn(server.address, dispatcher);
  const { items } = await office.json("GET", "/v1/tickets?limit=1");
  const { id, number } = items[0];
  const send = async (...commands) => {
    const { heads } = await office.json("GET", `/v1/tickets/${id}`);
    await office.json("POST", `/v1/tickets/${id}/commands`, { seen: heads, commands });
  };
  await send({ assign: { crew: [TECHNICIAN, WITNESS], lead: TECHNICIAN, group: null } });

  const failures = [];
  const data = profile(context);
  const downloads = mkdtempSync(join(tmpdir(), "gongdan-gds-"));
  context.after(() => rmSync(downloads, { recursive: true, force: true }));
  let browser = await start(data);
  let shown = await phonePage(browser, failures);
  await enrol(shown, server.address, folder, TECHNICIAN);
  await shown.page.locator(`[data-ticket="${id}"]`).waitFor({ timeout: 60_000 });
  await installed(shown);

  // The server is gone for all of what follows.
  await server.kill();
  await shown.page.locator(`[data-ticket="${id}"]`).click();
  await part(shown.page, "visit").click();
  await complete(shown, "已更换启动电容，制冷正常");
  const sheets = () => part(shown.page, "kept-sheet").count();
  const waiting = Number(await part(shown.page, "status").getAttribute("data-here"));

  // Nobody is there at first: a reason, a photo, and a second technician who saw it. It confirms nothing.
  await part(shown.page, "hand-over").waitFor();
  await part(shown.page, "nobody").locator(".van-cell").first().click();
  await part(shown.page, "unsigned-absent").click();
  await type(shown.page, "unsigned-reason", "门锁着，电话无人接听");
  assert.equal(await part(shown.page, "keep-unsigned").isDisabled(), true, "without a photo or a witness");
  await part(shown.page, "sheet-photo-input").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: picture(640, 480) });
  await part(shown.page, "sheet-photo").waitFor();
  await part(shown.page, `witness-${WITNESS}`).click();
  assert.deepEqual(await seriousFindings(shown), []);
  await part(shown.page, "keep-unsigned").click();
  await shown.page.locator('[data-test="kept-sheet"][data-kind="absent"]').waitFor();
  assert.equal(await part(shown.page, "step-sign").getAttribute("data-done"), "false");
  await counts(shown.page, "here", waiting + 1);

  // The customer comes. He reads, answers, and the browser is killed in the middle of his first stroke.
  await part(shown.page, "hand-over").click();
  await part(shown.page, "sheet").waitFor();
  const lines = await part(shown.page, "sheet").innerText();
  for (const text of [items[0].model, "已更换启动电容，制冷正常", "确认声明"]) assert.ok(lines.includes(text), text);
  assert.equal(await part(shown.page, "status").count(), 0, "nothing of the technician's is around it");
  const stages = [];
  const look = async (stage) => {
    stages.push(stage);
    assert.deepEqual(await seriousFindings(shown), [], stage);
    await screenshot(shown, stage);
  };
  await look("read");
  await answer(shown);
  await look("signer");
  await name(shown, "陈祎", { capacity: "employee", title: "设备科长", identified: "document" });
  await look("ink");
  await part(shown.page, "seal").click();
  await shown.page.locator('[data-test="ink-fault"][data-code="ink_empty"]').waitFor();
  await stroke(shown, [[0.4, 0.5]]);
  await part(shown.page, "seal").click();
  await shown.page.locator('[data-test="ink-fault"][data-code="ink_dot"]').waitFor();
  await begin(shown, [[0.1, 0.3], [0.3, 0.2], [0.6, 0.7]]);
  await browser.kill();

  browser = await start(data);
  shown = await phonePage(browser, failures);
  await reopen(shown, server.address, `visit/${id}`);
  // The step that is to be done next is open by itself.
  await part(shown.page, "hand-over").waitFor();
  assert.equal(await sheets(), 1, "only that nobody was there");
  await counts(shown.page, "here", waiting + 1);

  // Again, with the phone turned in the middle of a stroke and turned back: no ink is lost or moved.
  await part(shown.page, "hand-over").click();
  await answer(shown, { remarks: "师傅很耐心，𠮷字招牌也帮忙擦了 🙂" });
  await name(shown, "陈祎", { capacity: "employee", title: "设备科长", identified: "document" });
  await stroke(shown, [[0.05, 0.1], [0.5, 0.1], [0.95, 0.95]]);
  await stroke(shown, [[0.5, 0.5]]);
  await part(shown.page, "undo").click();
  await begin(shown, [[0.2, 0.2], [0.3, 0.5], [0.4, 0.9]]);
  const upright = await drawn(shown);
  await turn(shown, LYING);
  await shown.page.waitForFunction(() => document.querySelector('[data-test="surface"]').dataset.scale < 1);
  await lift(shown);
  assert.deepEqual(await drawn(shown), upright, "the same ink, seen smaller");
  await screenshot(shown, "lying");
  const { width, height } = await part(shown.page, "surface").boundingBox();
  const [, , seenWidth, seenHeight] = (await part(shown.page, "surface").getAttribute("viewBox")).split(" ").map(Number);
  assert.ok(Math.abs(width / height - seenWidth / seenHeight) < 0.01, "nothing is stretched");
  await stroke(shown, [[0.2, 0.4], [0.25, 0.6], [0.3, 0.3]]);
  await turn(shown, UPRIGHT);
  await shown.page.waitForFunction(() => innerHeight > innerWidth);
  const turned = await drawn(shown);
  assert.deepEqual(turned.slice(0, 2), upright);
  assert.equal(turned.length, 3);
  await stroke(shown, [[0.1, 0.8], [0.6, 0.7]]);
  await part(shown.page, "seal").click();
  await part(shown.page, "receipt").waitFor();
  await look("receipt");
  const code = await part(shown.page, "receipt-code").innerText();
  const content = await part(shown.page, "receipt").getAttribute("data-content");
  assert.equal(await photographed(shown), content);
  assert.match(content, new RegExp(`^GONGDAN:1:[0-9A-HJKMNP-TV-Z]{52}:${code.replaceAll("-", "")}$`));

  // Killed before anybody pressed anything more: it is signed, and the receipt can be shown again.
  await browser.kill();
  browser = await start(data);
  shown = await phonePage(browser, failures);
  await reopen(shown, server.address, `visit/${id}`);
  await sheetsShown(shown);
  assert.equal(await sheets(), 2);
  await part(shown.page, "show-receipt").click();
  assert.equal(await part(shown.page, "receipt-code").innerText(), code);
  assert.equal(await part(shown.page, "receipt").getAttribute("data-content"), content);
  assert.deepEqual(await seriousFindings(shown), []);
  await part(shown.page, "take-receipt").click();
  await part(shown.page, "receipt").waitFor({ state: "detached" });
  const file = await evidence(shown, downloads);
  const offline = verified(file, "--receipt", code);
  assert.equal(offline.good, true);

  // The server is back: the sheet arrives byte for byte, and the office sees the confirmation.
  server = await startServer(context, folder, server.port);
  office = await signIn(server.address, dispatcher);
  await counts(shown.page, "here", 0);
  await counts(shown.page, "photos", 0);
  const { ticket } = await office.json("GET", `/v1/tickets/${id}`);
  assert.equal(ticket.status, "confirmed");
  assert.deepEqual(ticket.sheets.map(({ named }) => named.kind).sort(), ["absent", "ink"]);
  const kept = ticket.sheets.find(({ named }) => named.kind === "ink");
  const sealed = await office.bytes(`/v1/blobs/${kept.blob}`);
  assert.ok(readFileSync(file).includes(sealed), "the file holds the bytes that the server has");
  const report = verified(file, "--org-key", key, "--ticket", number, "--receipt", code);
  assert.equal(report.good, true, JSON.stringify(report));
  assert.equal(report.files[0].report.level, "receipt_taken");
  assert.throws(() => verified(file, "--receipt", "0000-0000-0000-00000"));

  // The office changes the ticket: the phone says what differs, and a correction is signed by two.
  await send({ edit_problem: { splices: [{ at: 0, delete: 0, insert: "（改）" }] } });
  await reopen(shown, server.address, `ticket/${id}`);
  await shown.page.locator('[data-test="difference"][data-path="content/problem"]').waitFor({ timeout: 60_000 });
  await screenshot(shown, "differs");
  assert.deepEqual(await seriousFindings(shown), []);
  await part(shown.page, "correct-sheet").click();
  await answer(shown);
  await name(shown, "陈祎");
  await writeName(shown);
  await part(shown.page, "another").click();
  await name(shown, "לאה כהן", { capacity: "representative" });
  await writeName(shown);
  await part(shown.page, "seal").click();
  await part(shown.page, "receipt-taken").click();
  await sheetsShown(shown);
  await shown.page.locator('[data-test="kept-sheet"][data-edition="2"]').waitFor();
  assert.equal(await part(shown.page, "differs").count(), 0);
  const second = await evidence(shown, downloads);
  assert.equal(verified(second, "--org-key", key).files[0].report.level, "receipt_taken");
  assert.equal(verified(file, "--org-key", key).good, true, "the first stays valid for what it was");

  // A stamped paper, whose photo is bound by its hash.
  await part(shown.page, "otherwise").locator(".van-cell").first().click();
  await part(shown.page, "sign-paper").click();
  await answer(shown);
  await name(shown, "周喆", { capacity: "employee", title: "行政" });
  await part(shown.page, "sheet-photo-input").setInputFiles({ name: "b.png", mimeType: "image/png", buffer: picture(800, 600) });
  await part(shown.page, "sheet-photo").waitFor();
  await shown.page.locator('[data-test="seal"]:not([disabled])').waitFor();
  await look("paper");
  await part(shown.page, "seal").click();
  await part(shown.page, "receipt-not-taken").click();
  await sheetsShown(shown);
  await shown.page.locator('[data-test="kept-sheet"][data-kind="paper"]').waitFor();
  await counts(shown.page, "here", 0);
  await counts(shown.page, "photos", 0);
  const after = (await office.json("GET", `/v1/tickets/${id}`)).ticket;
  assert.equal(after.confirmations.length, 3);
  assert.deepEqual(after.sheets.map(({ named }) => [named.kind, named.edition]).sort(), [["absent", 1], ["ink", 1], ["ink", 2], ["paper", 1]]);
  assert.deepEqual(stages, ["read", "signer", "ink", "receipt", "paper"]);
  assert.deepEqual(failures, [], "no error on the page");
});
