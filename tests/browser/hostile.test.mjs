// Texts of an attacker, in every text field of tickets and arriving by sync from phones, are shown by the console
// as texts. The watch that says so is first shown to see.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan, serve, serverBinary } from "../node/lib/server.mjs";
import { payloads, unstorable } from "./lib/payloads.mjs";
import { phone } from "./lib/phone.mjs";
import { watch } from "./lib/watch.mjs";

const PASSWORD = "for-this-test-alone-20261125";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
];
const DEVICE_NAME_CHARS_MAX = 60;
const TEXTS = payloads();
const TICKETS_AT_A_TIME = 20;

/** The text fields of a ticket, from core's table: a new one is tried without being named here. */
function textFields() {
  const table = readFileSync(new URL("../../core/src/ticket/field.rs", import.meta.url), "utf8");
  const rows = [...table.matchAll(/^ {4}\d+ +\w+ (\w+) "(\w+)" "(\w+)" Kind::(?:Short|Long),/gm)];
  return rows.map(([, part, section, field]) => ({ part: part.toLowerCase(), section, field }));
}
const FIELDS = textFields();
const written = (within, value) => FIELDS.filter(within).map(({ field }) => ({ field, value }));
const OTHERS_WRITE = new Set(["lead", "group", "grade_reasons", "external_ref", "conclusion", "completion_summary"]);
const corrected = ({ part, section, field }) =>
  part === "service" && !["intake", "product", "grading"].includes(section) && !OTHERS_WRITE.has(field);

/** Tickets with these texts wherever a text can stand, written by both phones. */
async function tickets(chief, worker, texts, technician) {
  const today = new Date().toISOString().slice(0, 10);
  const assign = (text) => ({ assign: { crew: [technician], lead: technician, group: text } });
  const ids = texts.map((text) =>
    chief.open([
      { open: { fields: written(({ part, section }) => part === "service" && ["intake", "product"].includes(section), text), problem: text } },
      { record_customer: { fields: written(({ part }) => part === "customer", text) } },
    ]),
  );
  const each = (who, commands) => ids.forEach((id, at) => commands(texts[at], id).forEach((command) => who.execute(id, command)));
  each(chief, (text) => [{ grade: { grade: "C", reasons: [text, `${text}.`] } }, assign(text)]);
  await chief.sync();
  await worker.sync();

  // Apart from each other: the same field, two values.
  each(chief, (text) => [{ correct: { field: "serial", value: `${text}A` } }]);
  each(worker, (text) => [
    { correct: { field: "serial", value: `${text}B` } },
    { write_note: { part: "service", text } },
    { decline: { reason: text } },
  ]);
  await worker.sync();
  await chief.sync();
  await chief.sync();

  each(chief, (text) => [
    assign(text),
    { appoint: { from: `${today}T08:00:00Z`, until: `${today}T09:00:00Z` } },
    { answer_checklist: { answers: [
      { item: "identity", answer: { skipped: { reason: text } } }, { item: text, answer: { reading: { text } } },
    ] } },
    { record_step: { operation: text, result: text } },
    { diagnose: { cause: "hardware", route: "on_site", conclusion: text } },
    { use_part: { part_number: text, name: text, quantity: 1 } },
    { quote: { amount_fen: 100, explanation: text } },
    { attach_photo: { blob: "ab".repeat(32), media_type: text, bytes: 5, caption: text } },
    { edit_problem: { splices: [{ at: 0, delete: 0, insert: text }] } },
    { suspend: { waiting_for: "parts", reason: text } },
    "resume",
    ...FIELDS.filter(corrected).map(({ field }) => ({ correct: { field, value: text } })),
    { complete: { summary: text } },
    { confirm: { method: "signature", answers: { solved: true, satisfied: true, professionalism: 9, comments: text }, shown: "cd".repeat(32) } },
    { follow_up: { satisfied: true, score: 9, remarks: text } },
  ]);
  await chief.sync();
  await worker.sync();
  const ink = { width: 1000, height: 500, strokes: [[{ x: 0, y: 0, millis: 0 }, { x: 900, y: 400, millis: 9 }]] };
  each(worker, (text) => [{ record_signature: { signer: text, capacity: "customer", shown: "cd".repeat(32), ink } }]);
  await worker.sync();
  await chief.sync();
  each(chief, (text) => [{ reopen: { reason: text } }]);
  await chief.sync();
  return ids;
}

/** Two phones and the desk write a ticket for each text, which has it wherever a text can stand. */
async function attack(context, folder, server, desk) {
  const [supervisor, technician] = [person("supervisor"), person("technician")];
  const chief = await phone(server, folder, supervisor, "<img src=x onerror=__ran=1>");
  const worker = await phone(server, folder, technician, `"><script>alert(1)</script>`);
  await chief.sync();
  await worker.sync();

  const ids = [];
  // A few tickets at a time: a phone that has everything waiting at once is slow, and none has.
  for (let first = 0; first < TEXTS.length; first += TICKETS_AT_A_TIME) {
    ids.push(...(await tickets(chief, worker, TEXTS.slice(first, first + TICKETS_AT_A_TIME), technician)));
  }

  // What waits for a person: the tickets went to somebody else while the worker was away.
  const waiting = ids.slice(0, 10);
  await worker.sync();
  for (const id of waiting) {
    await desk("POST", `/v1/tickets/${id}/commands`, { seen: {}, commands: [{ assign: { crew: ["G4002"], lead: "G4002", group: null } }] });
  }
  // The page shows 200 of what waits, a command each.
  const share = Math.ceil(TEXTS.length / waiting.length);
  waiting.forEach((id, at) => {
    const texts = TEXTS.slice(at * share, (at + 1) * share);
    worker.execute(id, "accept");
    worker.execute(id, { complete: { summary: texts[0] } });
    for (let first = 0; first < texts.length; first += 10) {
      worker.execute(id, { write_note: { part: "service", text: texts.slice(first, first + 10).join("\n") } });
    }
  });
  await worker.sync();
  assert.equal(worker.outbox().refused + chief.outbox().refused, 0, "no phone was told no");
  // The office's own part never is on a phone.
  for (const [at, id] of ids.entries()) {
    const commands = written(({ part }) => part === "office", TEXTS[at]).map((correct) => ({ correct }));
    await desk("POST", `/v1/tickets/${id}/commands`, { seen: {}, commands: [...commands, { write_note: { part: "office", text: TEXTS[at] } }] });
  }
  // A phone does not take what no field takes, nor does the desk.
  for (const text of unstorable()) {
    assert.throws(() => worker.execute(ids[20], { write_note: { part: "service", text } }), /misfit|characters/i, JSON.stringify(text));
  }
  return { ids, technician };
}

/** A client of the JSON API, signed in by a browser of this name. */
async function api(server, username, agent) {
  const answer = await fetch(`${server}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-gongdan-request": "1", "user-agent": agent },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  const cookie = answer.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
  return async (method, path, body) => {
    const headers = { cookie, "content-type": "application/json", "x-gongdan-request": "1" };
    const reply = await fetch(server + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${await reply.clone().text()}`);
    return reply.json();
  };
}

const texts = (page) => page.evaluate(() => document.body.textContent + [...document.querySelectorAll("input, textarea")].map((box) => box.value).join("\n"));
const count = (text, of) => text.split(of).length - 1;

/** A page that takes texts for markup, as the console must not. */
async function control(context, browser) {
  const own = "http://careless.invalid";
  const page = await (await browser.newContext()).newPage();
  const { seen, intruders } = await watch(page, own);
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: "<body></body>" }));
  const home = async () => {
    // A text may still be leading somewhere else.
    for (let tries = 1; page.url() !== `${own}/`; tries += 1) {
      await page.goto(`${own}/`).catch((error) => assert.ok(tries < 20, error));
    }
  };
  await home();
  let ran = 0;
  let stood = 0;
  const kinds = new Set();
  for (const text of TEXTS) {
    seen.length = 0;
    await page.evaluate((text) => {
      document.body.innerHTML = "<main></main><a id=link>x</a>";
      const main = document.querySelector("main");
      main.innerHTML = text;
      for (const dead of main.querySelectorAll("script")) {
        const live = document.createElement("script");
        live.textContent = dead.textContent;
        dead.replaceWith(live);
      }
      if (/^\s*(javascript|data):/i.test(text)) document.querySelector("#link").href = text;
      for (const element of [...main.querySelectorAll("a, button, [onclick]"), document.querySelector("#link")]) element.click();
      for (const element of main.querySelectorAll("*")) element.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
    }, text).catch(() => {});
    await page.waitForTimeout(10);
    const found = await intruders().catch(() => ["gone"]);
    if (seen.length > 0) ran += 1;
    if (found.length > 0) stood += 1;
    for (const what of seen) kinds.add(what.split(" ")[0]);
    if (page.url() !== `${own}/`) await home();
  }
  await page.context().close();
  return { ran, stood, kinds };
}

test("the watch sees what runs on a page that takes texts for markup", async (context) => {
  assert.ok(TEXTS.length >= 300 && new Set(TEXTS).size === TEXTS.length);
  assert.ok(FIELDS.length > 25, `${FIELDS.length} text fields`);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, timeout: 120_000 });
  context.after(() => browser.close());
  const { ran, stood, kinds } = await control(context, browser);
  context.diagnostic(`${TEXTS.length} texts on a careless page: ${ran} ran or loaded something, ${stood} stood there as markup; seen: ${[...kinds].sort().join(", ")}`);
  assert.ok(ran > 100, `only ${ran} were seen`);
  for (const kind of ["ran", "alert", "request"]) assert.ok(kinds.has(kind), `${kind} was never seen`);
});

test("what an attacker writes is shown by every page and runs on none", async (context) => {
  const folder = dataFolder(context);
  const supervisor = person("supervisor");
  execFileSync(serverBinary, ["--data", folder, "user", "add", supervisor, "--password-stdin"], { input: `${PASSWORD}\n` });
  const server = await serve(context, folder);
  const desk = await api(server, supervisor, "<script>__ran=1</script>");
  const started = Date.now();
  const { ids, technician } = await attack(context, folder, server, desk);
  for (const [at, text] of TEXTS.entries()) {
    if (at % 20 > 0) continue;
    const name = [...text].slice(0, DEVICE_NAME_CHARS_MAX).join("").trim();
    await phone(server, folder, technician, name);
  }
  const arrived = Date.now();

  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, timeout: 120_000 });
  context.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: "zh-CN" });
  const { seen, intruders } = await watch(page, server);
  const quiet = async (where) => {
    assert.deepEqual(seen, [], where);
    assert.deepEqual(await intruders(), [], where);
  };
  await page.goto(`${server}/tickets`);
  await page.fill('input[name="username"]', supervisor);
  await page.fill('input[name="password"]', PASSWORD);
  await page.click('button[type="submit"]');
  await page.locator("tbody tr").first().waitFor();

  // On this very page the watch sees, and the policy holds where markup would be made.
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.src = "https://evil.invalid/x";
    document.body.append(image, document.createElement("iframe"));
    for (const makes of [() => image.setAttribute("onerror", "__ran = 1"), () => (image.innerHTML = "<b>x</b>")]) {
      try {
        makes();
      } catch {
        // Trusted types do not let it.
      }
    }
  });
  await page.waitForTimeout(200);
  for (const kind of ["policy require-trusted-types-for", "policy img-src", "log "]) {
    assert.ok(seen.some((what) => what.startsWith(kind)), `${kind}: ${seen.join("; ")}`);
  }
  assert.ok(!seen.some((what) => what.startsWith("ran")), "the policy kept it from running");
  assert.notDeepEqual(await intruders(), []);
  await page.evaluate(() => {
    for (const planted of document.querySelectorAll("body > img, body > iframe")) planted.remove();
  });
  await page.waitForTimeout(200);
  seen.length = 0;

  /** Another address of the console, by its own router, as a click on a link would. */
  const go = async (path) => {
    await page.evaluate((path) => {
      history.pushState({}, "", path);
      dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
    }, path);
  };
  let shown = 0;
  const fewest = { times: Infinity, text: "" };
  for (const [at, id] of ids.entries()) {
    await go(`/tickets/${id}`);
    const label = (await desk("GET", `/v1/tickets/${id}`)).ticket.number;
    await page.locator("h1", { hasText: label }).waitFor();
    await page.locator("aside ol li").nth(30).waitFor({ state: "attached" });
    const times = count(await texts(page), TEXTS[at]);
    shown += times;
    if (times < fewest.times) Object.assign(fewest, { times, text: TEXTS[at] });
    await quiet(`ticket of ${TEXTS[at]}`);
  }
  // Facts, notes, steps, parts, quote, photo, confirmation, signature, conflict, and the whole history of them.
  assert.ok(fewest.times >= 60, `${fewest.text} stands there ${fewest.times} times only`);
  const looked = Date.now();

  // A form holds the text in a box, a settled conflict in a sentence.
  await go(`/tickets/${ids[0]}`);
  await page.locator("article.conflict").waitFor();
  const edits = page.locator("button.edit");
  const editable = await edits.count();
  assert.ok(editable > 20, `${editable} facts can be edited`);
  for (let at = 0; at < editable; at += 1) {
    await edits.nth(at).click();
    await page.locator(".editor").getByRole("button", { name: "取消" }).click();
  }
  await quiet("forms");

  await go("/tickets");
  const listed = new Set();
  for (;;) {
    await page.locator("tbody tr").first().waitFor();
    const all = await texts(page);
    for (const text of TEXTS) if (all.includes(text)) listed.add(text);
    await quiet("the list");
    const next = page.getByRole("button", { name: "下一页" });
    if (await next.isDisabled()) break;
    const first = await page.locator("tbody tr td.number").first().innerText();
    await next.click();
    await page.waitForFunction((first) => document.querySelector("tbody tr td.number")?.innerText !== first, first);
  }
  // The excerpt of a problem ends after 80 characters; model and customer stand there in full.
  assert.equal(listed.size, TEXTS.length);
  for (const text of TEXTS.filter((_, at) => at % 10 === 0)) {
    const sought = [...text].slice(0, 90).join("");
    await go(`/tickets?q=${encodeURIComponent(sought)}`);
    await page.waitForFunction((sought) => document.querySelector("input[type=search]")?.value.trim() === sought.trim(), sought);
    await quiet(`search for ${text}`);
  }

  await go("/quarantine");
  await page.locator("article").nth(2 * 10).waitFor();
  for (const more = page.getByRole("button", { name: "更多", exact: true }); (await more.count()) > 0;) {
    const before = await page.locator("article").count();
    await more.click();
    await page.waitForFunction((before) => document.querySelectorAll("article").length > before, before);
  }
  const waiting = await texts(page);
  const missing = TEXTS.filter((text) => !waiting.includes(text));
  assert.deepEqual(missing, [], "the quarantine shows what waits");
  await quiet("the quarantine");
  for (const [path, text] of [["/devices", "<img src=x onerror=__ran=1>"], ["/account", "<script>__ran=1</script>"]]) {
    await go(path);
    await page.getByText(text, { exact: true }).first().waitFor();
    await quiet(path);
  }
  context.diagnostic(
    `${TEXTS.length} texts in ${FIELDS.length} fields and 20 arguments, shown ${shown} times on tickets: arrived in ` +
      `${Math.round((arrived - started) / 1000)} s, tickets looked at in ${Math.round((looked - arrived) / 1000)} s`,
  );
});
