// A line between phone and server that a test can make slow, cut, or make serve another version of the app.

import http from "node:http";

/**
 * A proxy to `target` (an address, or nothing while the server is away).
 * `delayMs` holds every request; `lossShare` of them are cut before they arrive, by `chance`; `cut()` drops what is
 * under way; paths that `refuses` names are dropped; `rewrite(path, body)` may change what the app's files say.
 */
export async function line(context, target) {
  const state = { target, delayMs: 0, lossShare: 0, chance: () => 1, refuses: null, rewrite: null };
  const sockets = new Set();
  const server = http.createServer((request, response) => {
    const drop = () => response.destroy();
    if (!state.target || state.refuses?.(request.url) || state.chance() < state.lossShare) return drop();
    setTimeout(() => {
      const { hostname, port } = new URL(state.target);
      const headers = { ...request.headers };
      // What is to be rewritten must be readable.
      const rewrites = state.rewrite && request.url.startsWith("/phone");
      if (rewrites) delete headers["accept-encoding"];
      const onward = http.request({ hostname, port, method: request.method, path: request.url, headers }, (answer) => {
        if (!rewrites) {
          response.writeHead(answer.statusCode, answer.headers);
          answer.pipe(response);
          answer.on("error", drop);
          return;
        }
        const pieces = [];
        answer.on("data", (piece) => pieces.push(piece));
        answer.on("end", () => {
          const body = state.rewrite(request.url, Buffer.concat(pieces));
          const { "content-length": _, ...rest } = answer.headers;
          response.writeHead(answer.statusCode, rest);
          response.end(body);
        });
      });
      onward.on("error", drop);
      request.on("aborted", () => onward.destroy());
      request.pipe(onward);
    }, state.delayMs);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  context.after(() => {
    cut();
    server.close();
  });
  return Object.assign(state, { address: `http://127.0.0.1:${server.address().port}`, cut });
}
