// The server's hints that something changed. Invariant: a page shown while hints arrive shows, once the
// last answer is in, data that was asked for after the last hint.

import { onScopeDispose, readonly, ref, watch } from 'vue'

/** A stream that the browser gave up on is opened anew after this long. */
export const REOPEN_MILLIS = 3_000

const hints = ref(0)
const connected = ref(false)
let source: EventSource | undefined
let reopening: ReturnType<typeof setTimeout> | undefined

export const live = readonly(connected)

/** Opens the stream of hints, and keeps it open until `disconnect`. */
export function connect(): void {
  if (source || reopening) return
  const opened = new EventSource('/v1/events')
  source = opened
  opened.addEventListener('open', () => {
    connected.value = true
  })
  // The server says one at the start of every stream: what changed while it was down is not missed.
  opened.addEventListener('changed', () => {
    hints.value += 1
  })
  opened.addEventListener('error', () => {
    connected.value = false
    // The browser comes back by itself from a lost connection, but not from an answer that is no stream
    // (a proxy's error page, a session that ended): the page finds out by asking.
    if (opened.readyState === EventSource.CLOSED) {
      source = undefined
      reopening = setTimeout(() => {
        reopening = undefined
        hints.value += 1
        connect()
      }, REOPEN_MILLIS)
    }
  })
}

export function disconnect(): void {
  clearTimeout(reopening)
  reopening = undefined
  source?.close()
  source = undefined
  connected.value = false
}

/**
 * Runs `load` now and after every hint, one at a time: hints that arrive while it runs are answered by
 * one more run. The function returned runs it on demand and resolves when data asked for later is in.
 */
export function useLive(load: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let again = false
  let stopped = false

  async function run(): Promise<void> {
    do {
      again = false
      await load()
    } while (again && !stopped)
  }
  function refresh(): Promise<void> {
    if (running) {
      again = true
      return running
    }
    running = run().finally(() => {
      running = undefined
    })
    return running
  }
  watch(hints, () => void refresh())
  onScopeDispose(() => {
    stopped = true
  })
  void refresh()
  return refresh
}
