// A command as a line that its author recognises: its name, and the words in it.

import type { Command } from './types'

const CHARS_MAX = 120

export function shownCommand(command: Command): { name: string; text: string } {
  if (typeof command === 'string') return { name: command, text: '' }
  const [name = '', body = {}] = Object.entries(command)[0] ?? []
  const words: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value === 'string' || typeof value === 'number') words.push(String(value))
    else if (Array.isArray(value)) value.forEach(collect)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect)
  }
  // Hashes and strokes say nothing to a person.
  const { blob: _blob, shown: _shown, ink: _ink, ...readable } = body as Record<string, unknown>
  collect(readable)
  return { name, text: words.join(' ').slice(0, CHARS_MAX) }
}
