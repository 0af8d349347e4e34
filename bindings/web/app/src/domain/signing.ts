// A sheet on its way: what the customer still has to say before it can be sealed.
//
// Invariant: it exists in the page's memory and nowhere else. Core decides what a sheet needs; this only tells which
// page comes next and when its button may be pressed.

import type { Ink } from './ink'
import type { Ticket } from './types'

/** How somebody confirms: on the screen, on paper, from afar, at receipt of what was repaired. */
export const CONFIRMING = ['ink', 'paper', 'reply', 'receipt'] as const
export const UNSIGNED = ['absent', 'refused'] as const
export const KINDS = [...CONFIRMING, ...UNSIGNED] as const
export type SheetKind = (typeof KINDS)[number]
export type Confirming = (typeof CONFIRMING)[number]
export const CAPACITIES = ['customer', 'representative', 'employee'] as const
export const IDENTIFIED = ['known', 'document', 'stated', 'organisation'] as const
export const RATINGS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const
export const REMARKS_CHARS_MAX = 5000
export const SIGNERS_MAX = 8

/** What the paper, the reply or the report is attached as. */
export const ROLE = { paper: 'paper', reply: 'reply', receipt: 'report' } as const
export type Role = (typeof ROLE)[keyof typeof ROLE] | 'scene'

export interface Answers {
  solved: boolean | null
  satisfied: boolean | null
  professionalism: number | null
  remarks: string
}
export interface Signer {
  name: string
  capacity: (typeof CAPACITIES)[number] | null
  title: string
  identified: (typeof IDENTIFIED)[number] | null
}
export interface Signed extends Signer {
  ink: Ink | null
}

export const noAnswers = (): Answers => ({ solved: null, satisfied: null, professionalism: null, remarks: '' })
export const nobody = (): Signer => ({ name: '', capacity: null, title: '', identified: null })

export const answered = ({ solved, satisfied, professionalism }: Answers) =>
  solved !== null && satisfied !== null && professionalism !== null
export const known = ({ name, capacity, title, identified }: Signer) =>
  name.trim() !== '' && capacity !== null && identified !== null && (capacity !== 'employee' || title.trim() !== '')

const orNull = (text: string) => (text.trim() === '' ? null : text.trim())

/** What core seals; the attachments' hashes are not known yet. */
export function confirmation(kind: Confirming, answers: Answers, signers: readonly Signed[], corrects: string | null) {
  const { remarks, ...given } = answers
  return {
    kind,
    answers: { ...given, comments: orNull(remarks) },
    signers: signers.map((signer) => ({ ...signer, name: signer.name.trim(), title: orNull(signer.title) })),
    reason: null,
    witness: null,
    place: null,
    corrects,
  }
}

/** A sheet that says that nobody signed. */
export function unsigned(kind: (typeof UNSIGNED)[number], reason: string, witness: string) {
  return { kind, answers: null, signers: [], reason: reason.trim(), witness: orNull(witness), place: null, corrects: null }
}

/** Sheets that none of the others corrects; the newest first. */
export function currentSheets(ticket: Ticket): Ticket['sheets'] {
  const corrected = new Set(ticket.sheets.map(({ named }) => named.corrects))
  return ticket.sheets.filter(({ named }) => !corrected.has(named.sheet)).reverse()
}
