// How a clock of a ticket is told. Invariant: the state is the server's; only how much remains moves on here.
import type { ClockReading, NextClock } from '@/api/types'

export type ClockColour = 'green' | 'amber' | 'red' | 'blue' | ''

/** Whole minutes until it is over, negative after. */
export function minutesLeft(reading: ClockReading, now: number): number | null {
  return reading.due_at === null ? null : Math.floor((Date.parse(reading.due_at) - now) / 60_000)
}

/** Red once it is over, amber in the last quarter of its time. */
export function clockColour(reading: ClockReading, now: number): ClockColour {
  if (reading.state === 'overdue') return 'red'
  if (reading.state === 'met') return 'green'
  if (reading.state === 'paused') return 'blue'
  if (reading.state === 'called_off') return ''
  const left = minutesLeft(reading, now)
  if (left === null) return 'green'
  if (left < 0) return 'red'
  return left * 60 < reading.allowed_seconds / 4 ? 'amber' : 'green'
}

/** The same of the list's clock. */
export function nextClockColour(clock: NextClock, now: number): ClockColour {
  if (clock.due_at === null) return 'blue'
  if (Date.parse(clock.due_at) < now) return 'red'
  return clock.soon_at !== null && Date.parse(clock.soon_at) <= now ? 'amber' : 'green'
}

type Texts = (key: string, values?: Record<string, unknown>) => string

/** What is left, how late it is, or how it ended. */
export function clockText(reading: ClockReading, now: number, t: Texts): string {
  if (reading.state === 'met' || reading.state === 'paused' || reading.state === 'called_off') {
    return t(`clocks.state.${reading.state}`)
  }
  if (reading.stopped_at !== null) return t('clocks.state.overdue')
  const left = minutesLeft(reading, now)
  if (left === null) return t('clocks.state.running')
  return t(left < 0 ? 'clocks.late' : 'clocks.left', { time: span(Math.abs(left), t) })
}

/** What is left of the list's clock, or how late it is; the name of it is said apart. */
export function nextClockText(clock: NextClock, now: number, t: Texts): string {
  if (clock.due_at === null) return t('clocks.state.paused')
  const left = Math.floor((Date.parse(clock.due_at) - now) / 60_000)
  return t(left < 0 ? 'clocks.late' : 'clocks.left', { time: span(Math.abs(left), t) })
}

export function span(minutes: number, t: Texts): string {
  if (minutes < 60) return t('clock.minutes', { n: minutes })
  if (minutes < 48 * 60) return t('clock.hours', { n: Math.floor(minutes / 60) })
  return t('clock.days', { n: Math.floor(minutes / 1440) })
}
