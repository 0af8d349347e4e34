import type { Ticket } from '@/domain/types'

/** A ticket that was taken in and no more. */
export function blankTicket(with_: Partial<Ticket> = {}): Ticket {
  return {
    id: '019ab000-0000-7000-8000-000000000001', number: null, label: 'X', lead: null, status: 'received', parts: ['service'],
    fields: {}, problem: 'it does not cool', crew: [], visits: 0, events: [], checklist: [], steps: [], notes: [],
    parts_used: [], quotes: [], photos: [], confirmations: [], sheets: [], covered: true, conflicts: [], ...with_,
  }
}
export const item = (key: string) => ({ key, at: '2026-11-25T01:00:00Z', actor: 'aa' })
