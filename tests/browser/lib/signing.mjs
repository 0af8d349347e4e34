// The customer with the phone in his hand.

import { part } from "./app.mjs";

/** A phone held upright, and lying. */
export const UPRIGHT = { width: 390, height: 844, deviceScaleFactor: 2, mobile: true };
export const LYING = { width: 844, height: 390, deviceScaleFactor: 2, mobile: true };

export const turn = ({ session }, screen) => session.send("Emulation.setDeviceMetricsOverride", screen);

const touch = ({ session }, type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });

/** Where a share of the signing area is on the screen. */
async function places({ page }) {
  await part(page, "surface").scrollIntoViewIfNeeded();
  const box = await part(page, "surface").boundingBox();
  return ([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height, force: 0.4 });
}

/** Puts the finger down and moves it along shares of the area; it stays down. */
export async function begin(shown, [first, ...rest]) {
  const at = await places(shown);
  await touch(shown, "touchStart", [at(first)]);
  for (const each of rest) await touch(shown, "touchMove", [at(each)]);
  // Moves are handed to the page once a frame.
  await shown.page.waitForFunction((points) => {
    const path = document.querySelector('[data-test="surface"] path:last-of-type')?.getAttribute("d") ?? "";
    return path.split("L").length >= points;
  }, 1 + rest.length);
}
export const lift = (shown) => touch(shown, "touchEnd", []);
export async function stroke(shown, points) {
  await begin(shown, points);
  await lift(shown);
}

/** Something like a name. */
export async function writeName(shown) {
  await stroke(shown, [[0.1, 0.3], [0.3, 0.25], [0.5, 0.3]]);
  await stroke(shown, [[0.3, 0.15], [0.28, 0.5], [0.1, 0.8]]);
  await stroke(shown, [[0.3, 0.4], [0.5, 0.6], [0.7, 0.85]]);
}
export const drawn = ({ page }) => part(page, "surface").locator("path").evaluateAll((paths) => paths.map((path) => path.getAttribute("d")));

/** From the page that is read to the one that is signed. */
export async function answer({ page }, { remarks = "" } = {}) {
  await part(page, "have-read").click();
  await part(page, "solved-true").click();
  await part(page, "satisfied-true").click();
  await part(page, "professionalism-9").click();
  if (remarks) await part(page, "remarks").locator("textarea").fill(remarks);
  await part(page, "answered").click();
}
export async function name({ page }, name, { capacity = "customer", title = null, identified = "stated" } = {}) {
  await part(page, "signer-name").locator("input").fill(name);
  await part(page, `capacity-${capacity}`).click();
  if (title) await part(page, "signer-title").locator("input").fill(title);
  await part(page, `identified-${identified}`).click();
  await part(page, "signer-known").click();
}
