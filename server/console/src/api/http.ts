// One request to the API. Invariant: whatever goes wrong ends as an `ApiProblem` with a code.

/** RFC 9457's problem, or what the console calls a failure without one. */
export class ApiProblem extends Error {
  constructor(
    /** Stable; texts are chosen by it. */
    readonly code: string,
    readonly status: number,
    /** Members of the problem beside the standard ones. */
    readonly members: Record<string, unknown> = {},
  ) {
    super(code)
    this.name = 'ApiProblem'
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

let whenSignedOut: () => void = () => {}

/** Called whenever the server no longer knows the session. */
export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback
}

export async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await ask(method, path, 'application/json', body)
  const text = await response.text()
  const answer = parse(text)
  if (response.ok) {
    if (text !== '' && answer === undefined) throw new ApiProblem('unreadable', response.status)
    return answer as T
  }
  throw problem(method, path, response.status, answer)
}

/** A file of the server's, with the name that it gave in ASCII. */
export async function download(path: string): Promise<{ name: string; bytes: Blob }> {
  const response = await ask('GET', path, '*/*')
  if (!response.ok) throw problem('GET', path, response.status, parse(await response.text()))
  const name = /filename="([\w.-]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'download'
  try {
    return { name, bytes: await response.blob() }
  } catch {
    // A file that the server cannot end is cut off.
    throw new ApiProblem('unreadable', response.status)
  }
}

async function ask(method: Method, path: string, accept: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept }
  // No foreign page can send this header without the server's leave: it guards against forged requests.
  if (method !== 'GET') headers['X-Gongdan-Request'] = '1'
  if (body !== undefined) headers['Content-Type'] = 'application/json'

  try {
    return await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiProblem('offline', 0)
  }
}

function problem(method: Method, path: string, status: number, answer: unknown): ApiProblem {
  // A refused sign-in is no end of a session.
  const signingIn = method === 'POST' && path.startsWith('/v1/session')
  if (status === 401 && path !== '/v1/session' && !signingIn) whenSignedOut()
  const members = isRecord(answer) ? answer : {}
  const code = typeof members.code === 'string' ? members.code : `http_${status}`
  return new ApiProblem(code, status, members)
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `?a=1&b=2` of what is there; nothing of what is empty. */
export function queryString(query: object): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}
