// The visit as the procedure wants it (R64–R85): its steps in order, which are done, which may be left out.
//
// Invariant: a step is done by what the ticket says, never by what a page remembers; a step that was left out has a
// reason in the ticket. Ticks that no other command records are checklist answers under `visit-…`.

import type { Answer, Entry, Ticket } from './types'

export type StepKind =
  | 'accept' | 'contact' | 'appoint' | 'pack' | 'depart' | 'arrive' | 'checklist' | 'account' | 'product'
  | 'tests' | 'diagnosis' | 'quote' | 'parts' | 'photos' | 'complete' | 'sign'

export interface Step {
  kind: StepKind
  /** Rows of the requirements that it is for. */
  rows: string
  done: boolean
  /** Why it was left out. */
  skipped: string | null
  /** Cannot be left out: what comes after is not lawful without it. */
  must: boolean
}

/** What is taken along (R65, R66). */
export const PACK = ['visit-pack-certificate', 'visit-pack-tools', 'visit-pack-parts', 'visit-pack-sheets'] as const
export const CONTACT = 'visit-contact'
export const skipItem = (kind: StepKind) => `visit-skip-${kind}`

export function answerOf(ticket: Ticket, item: string): Answer | null {
  return ticket.checklist.find((answer) => answer.item === item)?.answer ?? null
}

/** The reason of an answer that says that something was not done. */
export function reasonOf(answer: Answer | null): string | null {
  return answer !== null && typeof answer === 'object' && 'skipped' in answer ? answer.skipped.reason : null
}

const AFTER_ACCEPTANCE = ['accepted', 'appointed', 'departed', 'arrived', 'suspended', 'completed', 'confirmed', 'closed']
const AFTER_COMPLETION = ['completed', 'confirmed', 'closed']

/** The steps of a ticket; `items` are those of its product line's checklist. */
export function visitSteps(ticket: Ticket, items: readonly Entry[]): Step[] {
  const has = (kind: string) => ticket.events.some((event) => event.kind === kind)
  const answered = (item: string) => answerOf(ticket, item) !== null
  const filled = (...fields: string[]) => fields.every((field) => (ticket.fields[field] ?? null) !== null)
  const open = ticket.quotes.at(-1)
  const step = (kind: StepKind, rows: string, done: boolean, must = false): Step => ({
    kind, rows, done, must, skipped: reasonOf(answerOf(ticket, skipItem(kind))),
  })
  return [
    step('accept', 'R12', AFTER_ACCEPTANCE.includes(ticket.status), true),
    step('contact', 'R64', answered(CONTACT)),
    step('appoint', 'R62', filled('appointed_from')),
    step('pack', 'R65 R66', PACK.every(answered)),
    step('depart', 'R37', has('departed') || has('arrived')),
    step('arrive', 'R37', has('arrived')),
    step('checklist', 'R68 R70 R73 R79–R81', items.length > 0 && items.every((item) => answered(item.code))),
    step('account', 'R69', ticket.notes.some((note) => note.part === 'service' && !note.struck_out)),
    step('product', 'R75', filled('model', 'serial', 'batch')),
    step('tests', 'R76', ticket.steps.length > 0),
    step('diagnosis', 'R77 R78', filled('cause', 'route')),
    step('quote', 'R71', open !== undefined && open.consent !== null),
    step('parts', 'R72', ticket.parts_used.some((part) => !part.struck_out)),
    step('photos', 'R82', ticket.photos.some((photo) => !photo.struck_out)),
    step('complete', 'R73', AFTER_COMPLETION.includes(ticket.status), true),
    step('sign', 'R74 R86–R91', ['confirmed', 'closed'].includes(ticket.status) && ticket.covered, true),
  ]
}

export const settled = (step: Step) => step.done || step.skipped !== null

/** The first step that wants something; nothing where the visit is through. */
export function current(steps: readonly Step[]): Step | null {
  return steps.find((step) => !settled(step)) ?? null
}

const AT_THE_END: readonly StepKind[] = ['complete', 'sign']

/** What has to be done or left out with a reason before the work is called complete. */
export function open(steps: readonly Step[]): Step[] {
  return steps.filter((step) => !AT_THE_END.includes(step.kind) && !settled(step))
}

/** A test of the table (R76) as a step of the diagnosis keeps it. */
export function testLine(item: string, standard: string): string {
  return standard.trim() === '' ? item.trim() : `${item.trim()} | ${standard.trim()}`
}
