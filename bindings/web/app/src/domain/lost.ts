// Conflicts in which my value lost: work goes on with the first candidate, and mine is another one.

import type { Candidate, Conflict, TicketView } from './types'

export interface Lost {
  conflict: Conflict
  inForce: Candidate
  mine: Candidate
}

export function lostBy(view: TicketView, person: string | null): Lost[] {
  return view.ticket.conflicts.flatMap((conflict) => {
    const [inForce, ...others] = conflict.candidates
    const mine = others.find((candidate) => view.authors[candidate.actor] === person)
    if (!inForce || !mine || view.authors[inForce.actor] === person) return []
    return [{ conflict, inForce, mine }]
  })
}
