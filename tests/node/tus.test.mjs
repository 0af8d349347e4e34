// A stock tus client uploads an attachment, is cut off, and resumes where it was.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import * as tus from "tus-js-client";

import { technician } from "./lib/sample.mjs";
import { dataFolder, enrol, serve, token } from "./lib/server.mjs";

test("an upload that was cut off resumes and arrives whole", async (context) => {
  const folder = dataFolder(context);
  const person = technician();
  const server = await serve(context, folder);
  const phone = await enrol(server, folder, person);
  const bearer = await token(server, phone);
  const photo = randomBytes(900_000);
  const sha256 = createHash("sha256").update(photo).digest("hex");
  const options = {
    endpoint: `${server}/v1/blobs`,
    chunkSize: 200_000,
    headers: { authorization: `Bearer ${bearer}` },
    metadata: { sha256, filetype: "image/jpeg" },
    retryDelays: null,
  };

  const address = await new Promise((resolve, reject) => {
    const first = new tus.Upload(photo, {
      ...options,
      onError: reject,
      onSuccess: () => reject(new Error("it was to be cut off")),
      onChunkComplete: (_size, accepted) => {
        if (accepted >= 400_000) first.abort().then(() => resolve(first.url), reject);
      },
    });
    first.start();
  });

  const head = await fetch(address, {
    method: "HEAD",
    headers: { authorization: `Bearer ${bearer}`, "tus-resumable": "1.0.0" },
  });
  const held = Number(head.headers.get("upload-offset"));
  assert.ok(held >= 400_000 && held < photo.length, `the server holds ${held} bytes`);

  let begun;
  await new Promise((resolve, reject) => {
    const second = new tus.Upload(photo, {
      ...options,
      uploadUrl: address,
      onError: reject,
      onSuccess: resolve,
      onProgress: (sent) => (begun ??= sent),
    });
    second.start();
  });
  assert.ok(begun >= held, "it went on where it was");

  const back = await fetch(`${server}/v1/blobs/${sha256}`, { headers: { authorization: `Bearer ${bearer}` } });
  assert.equal(back.status, 200);
  assert.equal(back.headers.get("x-content-type-options"), "nosniff");
  assert.match(back.headers.get("content-disposition") ?? "", /^attachment/);
  assert.deepEqual(Buffer.from(await back.arrayBuffer()), photo);
});
