// The response clock's colour: A 2 hours, B 4, C 12 from the opening (R31–R33), stopped by the acceptance.

import type { Grade, Status, Summary } from './types'

const HOURS: Record<Grade, number> = { A: 2, B: 4, C: 12 }
const RUNNING: ReadonlySet<Status> = new Set<Status>(['received', 'assigned'])
/** Of the time, when little is left. */
const LITTLE = 0.25

export type Colour = 'calm' | 'soon' | 'late'

export interface Clock {
  colour: Colour
  /** Minutes left; below 0 those it is late by. */
  minutes: number
}

export function clockOf(row: Pick<Summary, 'grade' | 'status' | 'opened_at'>, now: number): Clock | null {
  if (!row.grade || !row.opened_at || !RUNNING.has(row.status)) return null
  const all = HOURS[row.grade] * 60
  const minutes = Math.floor(all - (now - Date.parse(row.opened_at)) / 60_000)
  return { minutes, colour: minutes < 0 ? 'late' : minutes < all * LITTLE ? 'soon' : 'calm' }
}
