// What component tests stand on: a fetch that answers from a table and keeps what it was asked, and an
// event stream that the test speaks through. A request that no answer was given for fails the test.

import { mount, type VueWrapper } from '@vue/test-utils'
import { vi } from 'vitest'
import { defineComponent, h, nextTick, type Component } from 'vue'
import { i18n } from '@/i18n'

export interface Asked {
  method: string
  path: string
  headers: Record<string, string>
  body: unknown
}

type Answer = { status: number; body?: unknown }
type Answers = Record<string, () => Answer | Promise<Answer>>

export const ok = (body: unknown): Answer => ({ status: 200, body })
export const problem = (status: number, code: string): Answer => ({ status, body: { type: 'about:blank', status, code } })

/** Answers `METHOD /path` (without the query) from the table. */
export function serve(answers: Answers): Asked[] {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const method = init.method ?? 'GET'
    const answer = answers[`${method} ${url.split('?')[0]}`]
    if (!answer) throw new Error(`nothing answers ${method} ${url}`)
    asked.push({
      method, path: url, headers: init.headers as Record<string, string>,
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    })
    const { status, body } = await answer()
    return new Response(body === undefined ? null : JSON.stringify(body), { status })
  })
  return asked
}

export class Stream extends EventTarget {
  static readonly CLOSED = 2
  static last: Stream | undefined
  readyState = 0
  constructor(readonly url: string) {
    super()
    Stream.last = this
  }
  close(): void {
    this.readyState = Stream.CLOSED
    if (Stream.last === this) Stream.last = undefined
  }
  say(event: 'open' | 'error' | 'changed'): void {
    this.dispatchEvent(new Event(event))
  }
}

/** Lets every answer that is ready arrive and the page follow. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve().then(nextTick)
  await new Promise((resolve) => setImmediate(resolve))
  await nextTick()
}

export function show(component: Component, props: Record<string, unknown> = {}): VueWrapper {
  const Host = defineComponent({
    setup: () => () => h(component, props),
  })
  return mount(Host, { global: { plugins: [i18n], stubs: { RouterLink: { template: '<a><slot /></a>' } } }, attachTo: document.body })
}
