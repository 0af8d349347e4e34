// Values, conflicts and commands in words. Invariant: a code that has no text is shown as itself, never hidden.

import type { Answer, Command, ConflictOn, FieldValue, Ink, Value } from '@/api/types'
import { answerOfCode, answerParts, type AnswerParts } from '@/domain/answer'
import { fieldSpec, isField, type FieldName } from '@/domain/codes'
import { codeText, locale, t } from '@/i18n'
import { checklistText, groupText, personName, productLineText, regionText, time } from './catalogue'

export const NOTHING = '—'

export const fieldText = (field: string) => codeText('field', field)

/** `RMB` with two digits after the point, as the language writes it. */
export function money(fen: number): string {
  return new Intl.NumberFormat(locale.value, { style: 'currency', currency: 'CNY' }).format(fen / 100)
}

/** A field's value in words. */
export function showValue(field: FieldName, value: Value | undefined): string {
  if (value === null || value === undefined || value === '') return NOTHING
  if (typeof value === 'number') return String(value)
  switch (field) {
    case 'region':
      return regionText(value)
    case 'product_line':
      return productLineText(value)
    case 'group':
      return groupText(value)
    case 'lead':
      return showPerson(value)
  }
  const { kind } = fieldSpec(field)
  if (kind === 'choice') return codeText(`choice.${field}`, value)
  return kind === 'instant' ? time(value) : value
}

export function showPerson(id: string): string {
  const name = personName(id)
  return name === id ? id : `${name} (${id})`
}

export function showAnswer(answer: Answer): string {
  return answerText(answerParts(answer))
}

function answerText(parts: AnswerParts): string {
  const name = codeText('answer', parts.kind)
  return 'text' in parts ? t('answer.with', { name, text: parts.text }) : name
}

/** What a conflict is on, in words. */
export function conflictTitle(on: ConflictOn): string {
  if (on === 'status') return t('conflict.on.status')
  if ('field' in on) return fieldText(on.field.field)
  if ('checklist' in on) return t('conflict.on.checklist', { item: checklistText(on.checklist.item) })
  if ('crew' in on) return t('conflict.on.crew', { person: showPerson(on.crew.person) })
  return t('conflict.on.consent')
}

/** A candidate's value in words. */
export function candidateText(on: ConflictOn, value: Value): string {
  if (on === 'status' || value === null) return value === null ? NOTHING : codeText('status', String(value))
  if ('field' in on) return showValue(on.field.field, value)
  if ('crew' in on) return t(value === 1 ? 'conflict.in_crew' : 'conflict.not_in_crew')
  if ('consent' in on) return codeText('consent', String(value))
  const parts = answerOfCode(String(value))
  return parts ? answerText(parts) : String(value)
}

export interface Described {
  action: string
  title: string
  lines: { name: string; text: string }[]
}

/** A command in words: what was done, and what it says. */
export function describe(command: Command): Described {
  const [action, body] =
    typeof command === 'string' ? [command, {}] : (Object.entries(command)[0] ?? ['', {}])
  return { action, title: codeText('action', action), lines: lines(action, body) }
}

function lines(action: string, body: Record<string, unknown>): Described['lines'] {
  const out: Described['lines'] = []
  const add = (name: string, text: string) => {
    if (text !== '') out.push({ name, text })
  }
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue
    switch (name) {
      case 'fields':
        for (const entry of value as FieldValue[]) add(fieldText(entry.field), showValue(entry.field, entry.value))
        break
      case 'field':
        add(fieldText(String(value)), showFieldOf(String(value), body.value as Value))
        break
      case 'on': {
        const on = value as ConflictOn
        add(conflictTitle(on), candidateText(on, body.value as Value))
        break
      }
      case 'value':
        break
      case 'crew':
        add(t('command.crew'), (value as string[]).map(showPerson).join(t('app.list_separator')))
        break
      case 'answers':
        if (Array.isArray(value)) {
          for (const entry of value as { item: string; answer: Answer }[]) {
            add(checklistText(entry.item), showAnswer(entry.answer))
          }
        } else {
          addAnswers(value as Record<string, unknown>, add)
        }
        break
      case 'splices':
        for (const splice of value as { delete: number; insert: string }[]) {
          add(t('command.splice'), t('command.splice_text', { removed: splice.delete, insert: splice.insert }))
        }
        break
      case 'ink':
        add(t('command.ink'), t('command.strokes', { n: (value as Ink).strokes.length }))
        break
      default:
        add(codeText('command', name), plain(action, name, value))
    }
  }
  return out
}

function addAnswers(answers: Record<string, unknown>, add: (name: string, text: string) => void): void {
  for (const [name, value] of Object.entries(answers)) {
    if (value !== null) add(codeText('four', name), typeof value === 'boolean' ? t(value ? 'app.yes' : 'app.no') : String(value))
  }
}

function showFieldOf(field: string, value: Value): string {
  return isField(field) ? showValue(field, value) : String(value)
}

/** A member of a command that is shown by its name and type alone. */
function plain(action: string, name: string, value: unknown): string {
  if (typeof value === 'boolean') return t(value ? 'app.yes' : 'app.no')
  if (Array.isArray(value)) return value.join(t('app.list_separator'))
  if (typeof value === 'object') return JSON.stringify(value)
  const text = String(value)
  switch (name) {
    case 'lead':
      return showPerson(text)
    case 'group':
      return groupText(text)
    case 'from':
    case 'until':
      return time(text)
    case 'amount_fen':
      return money(Number(value))
    case 'cause':
    case 'route':
      return codeText(`choice.${name}`, text)
    case 'shown':
    case 'blob':
      return text.slice(0, 12)
    case 'status':
    case 'part':
    case 'waiting_for':
    case 'capacity':
    case 'method':
    case 'collection':
      return codeText(name, text)
    case 'by':
      return codeText('capacity', text)
    case 'grade':
      return action === 'grade' ? codeText('choice.grade', text) : text
    default:
      return text
  }
}
