// Answers to checklist items, in their JSON form and as the scalar that stands in the document.

import type { Answer } from '@/api/types'

export type AnswerParts = { kind: 'done' | 'not_applicable' } | { kind: 'skipped' | 'reading'; text: string }

export function answerParts(answer: Answer): AnswerParts {
  if (typeof answer === 'string') return { kind: answer }
  if ('skipped' in answer) return { kind: 'skipped', text: answer.skipped.reason }
  return { kind: 'reading', text: answer.reading.text }
}

/** The answer of `done`, `n/a`, `skipped:…` or `reading:…`, or nothing. */
export function answerOfCode(code: string): AnswerParts | undefined {
  if (code === 'done') return { kind: 'done' }
  if (code === 'n/a') return { kind: 'not_applicable' }
  const [, kind, text] = /^(skipped|reading):(.*)$/s.exec(code) ?? []
  return kind === 'skipped' || kind === 'reading' ? { kind, text: text ?? '' } : undefined
}
