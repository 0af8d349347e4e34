// An account in a real browser on the real server: an authenticator app is set up and asked for, and a passkey
// of Chromium's virtual authenticator signs in by itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { person } from "../node/lib/sample.mjs";
import { dataFolder, serve, serverBinary } from "../node/lib/server.mjs";

const PASSWORD = "for-this-test-alone-20261125";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
];
const STEP_SECONDS = 30;

/** The code of an authenticator app (RFC 6238) for a step of time. */
function totp(secret, step) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", key).update(counter).digest();
  const code = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(code % 1_000_000).padStart(6, "0");
}
const step = () => Math.floor(Date.now() / 1000 / STEP_SECONDS);

test("somebody sets up an authenticator app and a passkey, and signs in by each", async (context) => {
  const folder = dataFolder(context);
  const administrator = person("administrator");
  execFileSync(serverBinary, ["--data", folder, "user", "add", administrator, "--password-stdin"], { input: `${PASSWORD}\n` });
  // Passkeys are bound to a name, never to an address.
  const server = (await serve(context, folder)).replace("127.0.0.1", "localhost");

  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, timeout: 120_000 });
  context.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: "zh-CN" });
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });

  const button = (name) => page.getByRole("button", { name, exact: true });
  const enter = async () => {
    await page.fill('input[name="username"]', administrator);
    await page.fill('input[name="password"]', PASSWORD);
    await page.click('button[type="submit"]');
  };
  const leave = async () => {
    await page.click("button.person");
    await page.getByText("退出登录").click();
    await page.waitForURL("**/sign-in");
  };

  await page.goto(`${server}/account`);
  await enter();
  await page.waitForURL("**/account");
  await button("设置身份验证器").click();
  const secret = (await page.locator(".typed").innerText()).trim();
  const setUp = step();
  await page.fill('input[name="totp"]', totp(secret, setUp));
  await button("确定").click();
  const codes = await page.locator(".codes li").allInnerTexts();
  assert.equal(codes.length, 10);
  await button("我已保存").click();
  await page.getByText("还剩 10 个").waitFor();
  if (process.env.GONGDAN_SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.GONGDAN_SCREENSHOTS}/console-account.png` });
  }
  await leave();

  await enter();
  await page.fill('input[name="code"]', totp(secret, setUp));
  await page.click('button[type="submit"]');
  await page.getByText("验证码不正确或已使用过").waitFor();
  // The app is a step ahead, which the server allows for: no need to wait for the next one.
  await page.fill('input[name="code"]', totp(secret, Math.max(step(), setUp + 1)));
  await page.click('button[type="submit"]');
  await page.waitForURL("**/tickets");

  await page.goto(`${server}/account`);
  await button("添加通行密钥").click();
  await page.locator(".el-message-box__input input").fill("虚拟钥匙");
  await page.locator(".el-message-box").getByRole("button", { name: "添加通行密钥" }).click();
  await page.getByText("虚拟钥匙").waitFor();
  const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].rpId, "localhost");
  assert.ok(credentials[0].isResidentCredential);
  await leave();

  await button("使用通行密钥").click();
  await page.waitForURL("**/tickets");
  const session = await page.evaluate(() => fetch("/v1/session").then((answer) => answer.json()));
  assert.equal(session.person, administrator);
  assert.equal(session.proof, "passkey");
  assert.deepEqual(failures, [], "no error on the page");
});
