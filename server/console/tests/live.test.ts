// Hints of the server, and what pages make of them.

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { connect, disconnect, live, REOPEN_MILLIS, useLive } from '@/composables/live'
import { settled, Stream } from './harness'

beforeEach(() => {
  vi.stubGlobal('EventSource', Stream)
  connect()
})
afterEach(() => {
  disconnect()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A load whose runs end when the test says so. */
function load() {
  const ends: (() => void)[] = []
  const scope = effectScope()
  const refresh = scope.run(() => useLive(() => new Promise<void>((end) => ends.push(end))))!
  return { ends, refresh, scope }
}

it('a page asks at once and again at every hint', async () => {
  const { ends, scope } = load()
  expect(ends).toHaveLength(1)
  ends[0]!()
  await settled()
  Stream.last!.say('changed')
  await settled()
  expect(ends).toHaveLength(2)
  scope.stop()
})

it('hints during a load are answered by one more load, and never by two at a time', async () => {
  const { ends, refresh, scope } = load()
  Stream.last!.say('changed')
  await settled()
  Stream.last!.say('changed')
  const asked = refresh()
  await settled()
  expect(ends).toHaveLength(1)
  let arrived = false
  void asked.then(() => {
    arrived = true
  })
  ends[0]!()
  await settled()
  expect(ends).toHaveLength(2)
  expect(arrived).toBe(false)
  ends[1]!()
  await settled()
  expect(ends).toHaveLength(2)
  expect(arrived).toBe(true)
  scope.stop()
})

it('a page that is gone asks no more', async () => {
  const { ends, scope } = load()
  ends[0]!()
  await settled()
  scope.stop()
  Stream.last!.say('changed')
  await settled()
  expect(ends).toHaveLength(1)
})

it('a lost connection is shown, and a stream that the browser gave up on is opened anew', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const first = Stream.last!
  first.say('open')
  expect(live.value).toBe(true)
  first.say('error')
  expect(live.value).toBe(false)
  vi.advanceTimersByTime(REOPEN_MILLIS)
  expect(Stream.last).toBe(first)

  first.readyState = Stream.CLOSED
  first.say('error')
  vi.advanceTimersByTime(REOPEN_MILLIS)
  expect(Stream.last).not.toBe(first)
  Stream.last!.say('open')
  expect(live.value).toBe(true)
})
