// Bytes to the server and back, for the app that the server itself served.

import type { Request, Response, Transport } from '#core/gongdan_web.js'

/** Longer than any answer takes on a bad line; then the exchange is made again. */
const ANSWER_MS_MAX = 120_000

export const transport: Transport = {
  async send(request: Request): Promise<Response> {
    const { method, path, authorization, contentType, body } = request
    const headers: Record<string, string> = { 'content-type': contentType }
    if (authorization) headers.authorization = authorization
    const answer = await fetch(path, {
      method,
      headers,
      body: new Uint8Array(body),
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) }
  },
}
