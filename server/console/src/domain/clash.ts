// Clashes of status as a person decides them: a cancellation against the work that ran beside it.

import type { Ticket, TicketEvent } from '@/api/types'
import { STATUSES, type EventKind, type Status } from './codes'

export interface ClashSides {
  cancelled: TicketEvent
  /** At least one, in the order of claimed time. */
  progress: TicketEvent[]
  /** Where the ticket stands if the work counts. */
  outcome: Status
}

const STATUS_OF: Partial<Record<EventKind, Status>> = {
  accepted: 'accepted', appointed: 'appointed', departed: 'departed', arrived: 'arrived', resumed: 'arrived',
  suspended: 'suspended', completed: 'completed', confirmed: 'confirmed', closed: 'closed',
}

/** One entry a cancellation: all the work beside it is decided with it. */
export function clashSides(ticket: Ticket): ClashSides[] {
  const events = new Map(ticket.events.map((event) => [event.key, event]))
  const byCancelled = new Map<string, TicketEvent[]>()
  for (const clash of ticket.clashes) {
    const progress = events.get(clash.progress)
    if (progress) byCancelled.set(clash.cancelled, [...(byCancelled.get(clash.cancelled) ?? []), progress])
  }
  return [...byCancelled].flatMap(([key, progress]) => {
    const cancelled = events.get(key)
    progress.sort((a, b) => a.at.localeCompare(b.at) || rank(a) - rank(b))
    const outcome = STATUS_OF[progress.at(-1)?.kind ?? 'opened']
    return cancelled && outcome ? [{ cancelled, progress, outcome }] : []
  })
}

/** Where two events claim the same second, the one that lies further on comes later. */
function rank(event: TicketEvent): number {
  return STATUSES.indexOf(STATUS_OF[event.kind] ?? 'received')
}
