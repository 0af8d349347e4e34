// Texts: both languages say the same things, every code has one, and none stands in the sources.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AUDIT_ACTIONS } from '@/domain/audit'
import * as codes from '@/domain/codes'
import en from '@/locales/en.json'
import zhCN from '@/locales/zh-CN.json'

type Texts = { [key: string]: string | Texts }
const locales: [string, Texts][] = [['zh-CN', zhCN], ['en', en]]

function flat(texts: Texts, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)],
    ),
  )
}
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'locales' ? [] : sources(path)
    return /\.(vue|ts)$/.test(entry.name) ? [path] : []
  })
}
const SOURCES = sources(join(import.meta.dirname, '../src'))

describe('texts', () => {
  it('both languages have the same keys and placeholders', () => {
    const [chinese, english] = [flat(zhCN), flat(en)]
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort())
    for (const [key, text] of chinese) expect(placeholders(english.get(key) ?? ''), key).toEqual(placeholders(text))
  })

  it.each(locales)('every text of %s says something', (_, texts) => {
    for (const [key, text] of flat(texts)) expect(text.trim(), key).not.toBe('')
  })

  it('Chinese texts are Chinese', () => {
    const without = [...flat(zhCN)].filter(([, text]) => !/\p{Script=Han}/u.test(text)).map(([key]) => key)
    expect(without.sort()).toEqual(['answer.with', 'app.list_separator', 'ticket.authored', 'ticket.consented_by', 'ticket.photo_meta'])
  })

  it.each(locales)('every code has a text in %s', (_, texts) => {
    const families: Record<string, readonly string[]> = {
      status: codes.STATUSES, event: codes.EVENT_KINDS, action: codes.ACTIONS, role: codes.ROLES, part: codes.PARTS,
      field: codes.FIELD_NAMES, section: codes.SECTIONS, waiting_for: codes.WAITING_FOR, capacity: codes.CAPACITIES,
      method: codes.CONFIRMATION_METHODS, collection: codes.COLLECTIONS, verdict: codes.VERDICTS,
      quarantine_reason: codes.QUARANTINE_REASONS, audit_action: AUDIT_ACTIONS, merged: codes.MERGED,
      answer: ['done', 'not_applicable', 'skipped', 'reading'], consent: ['agreed', 'declined'],
      proof: ['password', 'totp', 'recovery_code', 'passkey'], lacks: ['new_password', 'second_factor'],
      four: ['solved', 'satisfied', 'professionalism', 'comments'],
      problem: ['not_lawful', 'denied', 'no_effect', 'misfit', 'offline', 'unreadable', 'fallback'],
    }
    for (const name of codes.FIELD_NAMES) {
      const { choices } = codes.fieldSpec(name)
      if (choices) families[`choice.${name}`] = choices
    }
    const known = flat(texts)
    const missing = Object.entries(families).flatMap(([family, list]) =>
      list.map((code) => `${family}.${code}`).filter((key) => !known.has(key)),
    )
    expect(missing).toEqual([])
  })

  it('every member of a command has a name', () => {
    const source = readFileSync(join(import.meta.dirname, '../../../core/src/ticket/command.rs'), 'utf8')
    const body = /pub enum Command \{(.*?)^\}/ms.exec(source)?.[1] ?? ''
    const members = new Set([...body.matchAll(/^ {8}(\w+): /gm)].map((match) => match[1]!))
    // Shown by what they hold.
    for (const own of ['field', 'value', 'answers', 'splices', 'on']) members.delete(own)
    expect(members.size).toBeGreaterThan(20)
    expect([...members].filter((member) => !flat(zhCN).has(`command.${member}`))).toEqual([])
  })

  it('every text that the sources ask for is there', () => {
    const known = new Set(flat(zhCN).keys())
    const asked = SOURCES.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\bt\(\s*'([\w.]+)'/g)].map((match) => match[1]!),
    )
    expect(asked.length).toBeGreaterThan(50)
    expect(asked.filter((key) => !known.has(key))).toEqual([])
  })

  it('no Chinese stands in the sources', () => {
    const found = SOURCES.filter((path) => /[\p{Script=Han}\u3000-\u303f\uff00-\uffef]/u.test(readFileSync(path, 'utf8')))
    expect(SOURCES.length).toBeGreaterThan(30)
    expect(found).toEqual([])
  })
})
