// A Chromium of its own process and profile, so that a test can kill it and start it again on the same data.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
  "--remote-debugging-port=0", "--disable-dev-shm-usage",
];
/** A phone held upright. */
const SCREEN = { width: 390, height: 844, deviceScaleFactor: 2, mobile: true };

/** What ends the browsers of a profile. */
const kills = new Map();

/** A profile folder; at the end of the test its browsers are ended, and it is removed. */
export function profile(context) {
  const folder = mkdtempSync(join(tmpdir(), "gongdan-browser-"));
  kills.set(folder, []);
  context.after(async () => {
    for (const kill of kills.get(folder)) await kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return folder;
}

/** Starts a browser on a profile. */
export async function start(folder) {
  const child = spawn("/usr/bin/chromium", [...FLAGS, `--user-data-dir=${folder}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let killed = false;
  /** Ends it at once, whatever it was doing. */
  const kill = async () => {
    if (killed) return;
    killed = true;
    // Its renderers are its group.
    process.kill(-child.pid, "SIGKILL");
    await ended;
  };
  kills.get(folder).push(kill);
  let address;
  for await (const line of createInterface({ input: child.stderr })) {
    address = line.match(/ws:\/\/\S+/)?.[0];
    if (address) break;
  }
  child.stderr.resume();
  const browser = await chromium.connectOverCDP(address);
  return { browser, context: browser.contexts()[0], kill };
}

/** A page as a phone shows it: its size, touch, and what went wrong on it. */
export async function phonePage(browser, failures) {
  const page = await browser.context.newPage();
  const session = await browser.context.newCDPSession(page);
  await session.send("Emulation.setDeviceMetricsOverride", SCREEN);
  await session.send("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 1 });
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript|^unexpected/.test(message.text())) failures.push(message.text());
  });
  return { page, session };
}
