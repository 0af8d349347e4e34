// How long a wrong PIN makes the next try wait. It never destroys anything: whoever forgets the PIN still has the
// office, which enrols the phone anew, and whoever finds the phone has to wait longer and longer.

/** Wrong tries that cost nothing: fingers slip. */
const FREE = 3
const FIRST_SECONDS = 5
const SECONDS_MAX = 900

/** Seconds until the next try after so many wrong ones in a row. */
export function delaySeconds(wrong: number): number {
  if (wrong < FREE) return 0
  return Math.min(SECONDS_MAX, FIRST_SECONDS * 2 ** (wrong - FREE))
}

export const PIN_DIGITS_MIN = 6

export function isPin(text: string): boolean {
  return /^\d+$/.test(text) && text.length >= PIN_DIGITS_MIN && new Set(text).size > 1
}
