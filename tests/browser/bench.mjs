// Figures of the phone's app in Chromium: cold start, a tap's commit, search, memory. Prints, and asserts nothing.
//
//   node bench.mjs [TICKETS]      (500 unless given; the search figure is meant for 5000)

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, gongdan } from "../node/lib/server.mjs";
import { enrol, installed, part, PIN, reopen, type } from "./lib/app.mjs";
import { phonePage, profile, start } from "./lib/chromium.mjs";
import { addUser, signIn, startServer } from "./lib/office.mjs";

const TECHNICIAN = "G4001";
const tickets = Number(process.argv[2] ?? 500);
const RUNS = 5;
const TAPS = 40;

const endings = [];
const context = { after: (work) => endings.push(work) };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const tell = (what, value, unit) => console.log(`${what.padEnd(52)} ${String(value).padStart(8)} ${unit}`);

async function fill(folder, office) {
  const header = "外部编号,渠道,服务类型,客户类型,客户姓名,联系电话,单位名称,地区,区县,地址,产品线,型号,序列号,购买日期,购买凭证,质保,故障描述,发生时间,频率,已尝试,期望时间,期望方式,紧急程度,影响范围,分级理由";
  const rows = Array.from({ length: tickets }, (_, n) =>
    `B-${n},电话,维修,个人,客户${n},1380000${String(n).padStart(4, "0")},,东部大区,临溪市,清荷路${n}号,家用空调,CH-KFR50G,CHA${String(n).padStart(8, "0")},2021/6/10,FP${n},保外,开机后只送风不制冷第${n}例,昨天,持续,,今天下午,上门,B,性能下降,功能受限或性能下降`);
  const file = join(folder, "bench.csv");
  writeFileSync(file, [header, ...rows].join("\n"));
  gongdan(folder, "import", file);
  let cursor = "";
  const ids = [];
  do {
    const page = await office.json("GET", `/v1/tickets?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next ?? "";
  } while (cursor);
  for (const id of ids) {
    const { heads } = await office.json("GET", `/v1/tickets/${id}`);
    const assign = { assign: { crew: [TECHNICIAN], lead: TECHNICIAN, group: null } };
    await office.json("POST", `/v1/tickets/${id}/commands`, { seen: heads, commands: [assign] });
  }
  return ids.length;
}

try {
  const folder = dataFolder(context);
  const dispatcher = person("dispatcher");
  addUser(folder, dispatcher);
  const server = await startServer(context, folder);
  tell("tickets on the phone", await fill(folder, await signIn(server.address, dispatcher)), "");
  const data = profile(context);
  let browser = await start(data);
  let shown = await phonePage(browser, []);
  let began = performance.now();
  await enrol(shown, server.address, folder, TECHNICIAN);
  await shown.page.locator('[data-test="status"]:not([data-contact=""])').waitFor({ timeout: 600_000 });
  tell("enrolment and first sync", ((performance.now() - began) / 1000).toFixed(1), "s");
  await installed(shown);

  // Cold: the browser is started anew, the server is away. The PIN's derivation is told apart.
  await server.kill();
  const shell = [];
  const list = [];
  for (let run = 0; run < RUNS; run++) {
    await browser.kill();
    browser = await start(data);
    shown = await phonePage(browser, []);
    began = performance.now();
    await shown.page.goto(`${server.address}/phone/`);
    await shown.page.fill('input[name="pin"]', PIN);
    shell.push(performance.now() - began);
    began = performance.now();
    await part(shown.page, "unlock").click();
    await part(shown.page, "row").first().waitFor();
    list.push(performance.now() - began);
  }
  tell("cold start to the PIN, median", Math.round(median(shell)), "ms");
  tell("PIN (Argon2id, 19 MiB) to a usable list, median", Math.round(median(list)), "ms");

  const found = [];
  for (const query of ["客户", "制冷", "CHA00000042", "0007"]) {
    const took = await shown.page.evaluate(async (query) => {
      const input = document.querySelector('input[type="search"]');
      const list = document.querySelector('[data-test="list"]');
      const began = performance.now();
      input.value = query;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      while (list.dataset.query !== query) await new Promise((resolve) => setTimeout(resolve, 1));
      return performance.now() - began;
    }, query);
    found.push(took);
  }
  tell("search to rows on the screen, median of four", Math.round(median(found)), "ms");
  await reopen(shown, server.address);
  await part(shown.page, "row").first().click();
  await part(shown.page, "write-note").waitFor();
  const taps = [];
  for (let n = 0; n < TAPS; n++) {
    await type(shown.page, "note", `第${n}条`);
    taps.push(await shown.page.evaluate(async () => {
      const area = document.querySelector('[data-test="note"] textarea');
      const began = performance.now();
      document.querySelector('[data-test="write-note"]').click();
      while (area.value !== "") await new Promise((resolve) => setTimeout(resolve, 1));
      return performance.now() - began;
    }));
  }
  tell(`a tap's command committed and shown, median of ${TAPS}`, Math.round(median(taps)), "ms");
} finally {
  for (const work of endings.reverse()) await work();
}
