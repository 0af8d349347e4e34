// The phone's app as a technician handles it.

import { inviteCode } from "./office.mjs";

export const PIN = "483920";

export const part = (page, name) => page.locator(`[data-test="${name}"]`);
export const status = (page) => part(page, "status");
/** Until the status line counts so many. */
export const counts = (page, what, number, timeout = 60_000) =>
  page.locator(`[data-test="status"][data-${what}="${number}"]`).waitFor({ timeout });
/** What a person types into a field of Vant's, whose marks are on the cell around it. */
export const type = (page, name, text) => part(page, name).locator("input, textarea").fill(text);

export async function enrol({ page }, address, folder, person) {
  await page.goto(`${address}/phone/`);
  await part(page, "enrol").waitFor();
  await page.fill('input[name="code"]', inviteCode(folder, person));
  await page.fill('input[name="pin"]', PIN);
  await page.fill('input[name="again"]', PIN);
  await part(page, "enrol").click();
  await status(page).waitFor();
}

/** Opens the app at a page of its own, by the PIN. */
export async function reopen({ page }, address, path = "") {
  await page.goto(`${address}/phone/${path}`);
  await unlock({ page });
}

export async function unlock({ page }) {
  await page.fill('input[name="pin"]', PIN);
  await part(page, "unlock").click();
  await status(page).waitFor();
}

/** The whole app is on the phone and serves this page. */
export const installed = ({ page }) => page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

/** Opens a step of the visit where it is not open already, and gives it. */
export async function step(page, kind) {
  const item = part(page, `step-${kind}`);
  const head = item.locator(".van-cell").first();
  if ((await head.getAttribute("aria-expanded")) !== "true") await head.click();
  return item;
}
export async function leaveOut(page, kind, reason) {
  await step(page, kind);
  await part(page, `skip-${kind}`).click();
  await type(page, "reason", reason);
  await page.locator(".van-dialog__confirm").click();
  await page.locator(`[data-test="step-${kind}"][data-skipped="true"]`).waitFor();
}
export const done = (page, kind) => page.locator(`[data-test="step-${kind}"][data-done="true"]`).waitFor();
