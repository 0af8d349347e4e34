// The ticket that a page shows, and what is done to it.
//
// Invariant: every form hands in the heads of the view that it showed, so that what arrived meanwhile becomes a
// conflict that somebody sees.

import { ref, watch } from 'vue'
import type { Command, TicketView } from '@/domain/types'
import { phone, standing, version } from '@/phone'
import { attempt, report } from './problem'

export function useTicket(id: () => string) {
  const view = ref<TicketView | null>(null)
  const gone = ref(false)

  async function load(): Promise<void> {
    const found = await phone.ticket(id())
    view.value = found
    gone.value = found === null
  }
  watch([id, version, () => standing.place], () => void load().catch(report), { immediate: true })

  async function act(...commands: Command[]): Promise<boolean> {
    if (!view.value) return false
    const { ticket, heads } = view.value
    const done = await attempt(() => phone.execute(ticket.id, heads, commands))
    await load().catch(report)
    return done
  }
  return { view, gone, act, load }
}
