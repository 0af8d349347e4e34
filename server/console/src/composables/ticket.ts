// The ticket shown, and the one way to write to it.
// Invariant: what is sent names the heads that its form was opened with, never newer ones.

import { computed, inject, provide, shallowRef, ref, type InjectionKey, type ShallowRef, type Ref } from 'vue'
import { api } from '@/api/client'
import { ApiProblem } from '@/api/http'
import type { Author, Command, Heads, TicketDetail, TimelineEntry } from '@/api/types'
import type { Action } from '@/domain/codes'
import { useLive } from './live'
import { problemText, report, tellVerdicts } from './problem'

export interface OpenTicket {
  detail: Readonly<ShallowRef<TicketDetail | undefined>>
  timeline: Readonly<ShallowRef<readonly TimelineEntry[]>>
  failure: Readonly<Ref<string>>
  refresh: () => Promise<void>
  /** What the form that opens now has in view. */
  seen: () => Heads
  /** Sends and shows what became of it; whether it arrived. */
  send: (seen: Heads, commands: Command[]) => Promise<boolean>
  may: (action: Action) => boolean
  author: (actor: string) => Author | undefined
}

const KEY: InjectionKey<OpenTicket> = Symbol('ticket')

export function provideTicket(id: string): OpenTicket {
  const detail = shallowRef<TicketDetail>()
  const timeline = shallowRef<readonly TimelineEntry[]>([])
  const failure = ref('')

  const refresh = useLive(async () => {
    try {
      const [ticket, past] = await Promise.all([api.ticket(id), api.timeline(id)])
      detail.value = ticket
      timeline.value = past.entries
      failure.value = ''
    } catch (error) {
      failure.value = problemText(error)
    }
  })

  async function send(seen: Heads, commands: Command[]): Promise<boolean> {
    let arrived = false
    try {
      const { verdicts } = await api.execute(id, seen, commands)
      tellVerdicts(verdicts)
      // What was refused is kept nowhere but in its form.
      arrived = verdicts.every(({ verdict }) => verdict !== 'refused')
    } catch (error) {
      report(error)
      // Nothing to write means that the ticket already says it: the form has served its purpose.
      arrived = error instanceof ApiProblem && error.code === 'no_effect'
    }
    await refresh()
    return arrived
  }

  const allowed = computed(() => detail.value?.allowed && new Set(detail.value.allowed))
  const ticket: OpenTicket = {
    detail,
    timeline,
    failure,
    refresh,
    seen: () => structuredClone(detail.value?.heads ?? {}),
    send,
    // Advice only: the gate is the law, and a server that gives no advice is simply asked.
    may: (action) => allowed.value?.has(action) ?? true,
    author: (actor) => detail.value?.authors[actor],
  }
  provide(KEY, ticket)
  return ticket
}

export function useTicket(): OpenTicket {
  const ticket = inject(KEY)
  if (!ticket) throw new Error('a component of the ticket page stands outside of it')
  return ticket
}
