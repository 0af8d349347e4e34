// Texts: both languages say the same things, every code has one, and none stands in the sources.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CAPACITIES, CONFIRMING, IDENTIFIED, KINDS } from '@/domain/signing'
import { STATUSES } from '@/domain/types'
import { visitSteps, PACK } from '@/domain/visit'
import en from '@/locales/en.json'
import zhCN from '@/locales/zh-CN.json'
import { blankTicket } from './fixtures'

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
    expect(without).toEqual(['app.separator'])
  })

  it.each(locales)('every code that a page makes a key of has a text in %s', (_, texts) => {
    const steps = visitSteps(blankTicket(), []).map((step) => step.kind)
    const wanted = [
      ...STATUSES.map((code) => `status.of.${code}`),
      ...steps.flatMap((kind) => [`visit.step.${kind}`, `visit.why.${kind}`]),
      ...PACK.map((item) => `visit.pack.${item}`),
      ...['pending', 'in_flight', 'held', 'quarantined', 'refused'].map((state) => `outbox.state.${state}`),
      ...['lease_over', 'wipe_ordered'].map((code) => `lock.${code}`),
      ...['leader', 'parts', 'customer'].map((code) => `unsolved.${code}`),
      ...KINDS.map((kind) => `sign.kind.${kind}`),
      ...CONFIRMING.slice(1).map((kind) => `sign.photo_of.${kind}`),
      ...CAPACITIES.map((code) => `sign.capacity.${code}`),
      ...IDENTIFIED.map((code) => `sign.identified.${code}`),
      ...['open', 'visit', 'done'].map((code) => `list.${code}`),
      ...['NoSuchTicket', 'Denied', 'NotLawful', 'Unfit', 'Stale', 'Store', 'Key', 'Network', 'Server', 'Answer', 'Vault']
        .map((variant) => `fault.${variant}.other`),
    ]
    const known = flat(texts)
    expect(wanted.filter((key) => !known.has(key))).toEqual([])
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
