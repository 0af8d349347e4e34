// Edits of a long text as the splices that a person made, in code points: the document merges them with what
// others wrote in the same text meanwhile.
// Invariant: the splices applied to the first text, in order, give the last.

export interface Splice {
  at: number
  delete: number
  insert: string
}

/** As many as one command takes (core's limit). */
export const SPLICES_MAX = 64

const points = (text: string) => Array.from(text)

/** The one splice that an edit event made: what stayed at both ends is left alone. */
function edit(before: string[], after: string[]): Splice {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  return { at: head, delete: before.length - head - tail, insert: after.slice(head, after.length - tail).join('') }
}

/** Two splices, one after the other, as one that spans both; `text` is what they come to. */
function spanning(first: Splice, second: Splice, text: string[]): Splice {
  const inserted = points(first.insert).length
  const at = Math.min(first.at, second.at)
  // Where the span ends between the two, before the first, and after the second.
  const end = Math.max(first.at + inserted, second.at + second.delete)
  const endBefore = end - inserted + first.delete
  const endAfter = end - second.delete + points(second.insert).length
  return { at, delete: endBefore - at, insert: text.slice(at, endAfter).join('') }
}

/** The splices with one more edit. One that touches the last, or is one too many, is joined to it. */
export function record(splices: readonly Splice[], before: string, after: string): Splice[] {
  const text = points(after)
  const next = edit(points(before), text)
  if (next.delete === 0 && next.insert === '') return [...splices]
  const last = splices.at(-1)
  if (!last) return [next]
  const touches = next.at <= last.at + points(last.insert).length && next.at + next.delete >= last.at
  if (!touches && splices.length < SPLICES_MAX) return [...splices, next]
  const joined = spanning(last, next, text)
  const rest = splices.slice(0, -1)
  return joined.delete === 0 && joined.insert === '' ? rest : [...rest, joined]
}
