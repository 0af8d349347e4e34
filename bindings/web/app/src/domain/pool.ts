// Tickets that a group may pick from: nobody is assigned (R44).

import type { Command, Summary, Ticket } from './types'

/** Whether nobody has it. */
export const isPooled = (ticket: Pick<Ticket, 'status' | 'crew'>): boolean =>
  ticket.status === 'received' && ticket.crew.length === 0

/** The same of a row. */
export const isPooledRow = (row: Pick<Summary, 'status' | 'lead'>): boolean => row.status === 'received' && row.lead === null

/** Takes a ticket on oneself; it stays with the group that it was given to. */
export const taking = (ticket: Pick<Ticket, 'fields'>, person: string): Command => ({
  assign: { crew: [person], lead: person, group: ticket.fields.group ?? null },
})
