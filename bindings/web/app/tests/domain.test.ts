import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clockOf } from '@/domain/clock'
import { shownCommand } from '@/domain/command'
import { delaySeconds, isPin } from '@/domain/delay'
import { faultOf, PhoneError, textKeys } from '@/domain/fault'
import { lostBy } from '@/domain/lost'
import { EDGE_MAX, fitted } from '@/domain/photo'
import { STATUSES, type TicketView } from '@/domain/types'
import { current, open, PACK, settled, skipItem, testLine, visitSteps } from '@/domain/visit'
import { blankTicket, item } from './fixtures'

const core = (path: string) => readFileSync(join(import.meta.dirname, '../../../../core/src', path), 'utf8')

describe('codes', () => {
  it('statuses and faults are those of core', () => {
    const variants = (source: string, name: string) => {
      const body = new RegExp(`pub enum ${name} \\{(.*?)^\\}`, 'ms').exec(source)?.[1] ?? ''
      return [...body.matchAll(/^ {4}([A-Z]\w*)/gm)].map((match) => match[1]!)
    }
    const snake = (name: string) => name.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase()
    expect(variants(core('ticket/status.rs'), 'Status').map(snake)).toEqual([...STATUSES])
    const faults = variants(core('fault.rs'), 'Fault')
    expect(faults.length).toBe(10)
    const zh = JSON.parse(readFileSync(join(import.meta.dirname, '../src/locales/zh-CN.json'), 'utf8'))
    expect(faults.filter((variant) => !zh.fault[variant])).toEqual([])
  })
})

describe('the PIN', () => {
  it('three slips cost nothing, then each wrong one waits twice as long, up to a quarter of an hour', () => {
    expect([0, 1, 2, 3, 4, 5, 20].map(delaySeconds)).toEqual([0, 0, 0, 5, 10, 20, 900])
  })
  it('has six digits that are not all the same', () => {
    expect(['483920', '12345678'].every(isPin)).toBe(true)
    expect(['12345', '111111', 'abcdef', '12 456', ''].some(isPin)).toBe(false)
  })
})

describe('the response clock', () => {
  const row = { grade: 'A', status: 'assigned', opened_at: '2026-11-25T01:00:00Z' } as const
  const at = (minutes: number) => Date.parse(row.opened_at) + minutes * 60_000
  it('has its colour by what is left of the grade’s time', () => {
    expect(clockOf(row, at(0))).toEqual({ minutes: 120, colour: 'calm' })
    expect(clockOf(row, at(91))).toEqual({ minutes: 29, colour: 'soon' })
    expect(clockOf(row, at(121))).toEqual({ minutes: -1, colour: 'late' })
    expect(clockOf({ ...row, grade: 'C' }, at(121))?.colour).toBe('calm')
  })
  it('stops with the acceptance, and does not run without a grade', () => {
    expect(clockOf({ ...row, status: 'accepted' }, at(0))).toBeNull()
    expect(clockOf({ ...row, grade: null }, at(0))).toBeNull()
  })
})

describe('the visit', () => {
  const items = [{ code: 'identity', label: { zh: 'a', en: 'a' } }]
  const answer = (code: string) => ({ item: code, answer: 'done' as const, at: '', actor: '' })

  it('begins with the acceptance and goes on step by step', () => {
    expect(current(visitSteps(blankTicket({ status: 'assigned' }), items))?.kind).toBe('accept')
    expect(current(visitSteps(blankTicket({ status: 'accepted' }), items))?.kind).toBe('contact')
  })
  it('a step that was left out has its reason, and is not asked for again', () => {
    const ticket = blankTicket({
      status: 'accepted',
      checklist: [{ item: skipItem('contact'), answer: { skipped: { reason: 'he waits outside' } }, at: '', actor: '' }],
    })
    const steps = visitSteps(ticket, items)
    expect(steps.find((step) => step.kind === 'contact')).toMatchObject({ done: false, skipped: 'he waits outside' })
    expect(current(steps)?.kind).toBe('appoint')
    expect(open(steps).map((step) => step.kind)).not.toContain('contact')
  })
  it('is complete only with everything done or left out', () => {
    const ticket = blankTicket({
      status: 'arrived',
      fields: { appointed_from: 'x', model: 'm', serial: 's', batch: 'b', cause: 'hardware', route: 'on_site' },
      events: [{ ...item('1'), kind: 'departed' }, { ...item('2'), kind: 'arrived' }],
      checklist: ['visit-contact', 'identity', ...PACK].map(answer),
      notes: [{ ...item('3'), part: 'service', text: 'n', struck_out: false }],
      steps: [{ ...item('4'), operation: 'o', result: 'r' }],
      quotes: [{ ...item('5'), amount_fen: 1, explanation: 'e', consent: 'agreed' }],
      parts_used: [{ ...item('6'), part_number: 'p', name: 'n', quantity: 1, struck_out: false }],
      photos: [{ ...item('7'), blob: 'b', media_type: 'image/jpeg', bytes: 1, caption: 'c', struck_out: false }],
    })
    expect(open(visitSteps(ticket, items))).toEqual([])
    expect(current(visitSteps(ticket, items))?.kind).toBe('complete')
    const struck = { ...ticket, photos: ticket.photos.map((photo) => ({ ...photo, struck_out: true })) }
    expect(open(visitSteps(struck, items)).map((step) => step.kind)).toEqual(['photos'])
    expect(visitSteps({ ...ticket, status: 'completed' }, items).every(settled)).toBe(true)
  })
  it('writes a test with its standard on one line', () => {
    expect([testLine(' a ', ''), testLine('a', ' 35 ')]).toEqual(['a', 'a | 35'])
  })
})

describe('what came back', () => {
  const candidate = (actor: string, value: string) => ({ value, change: actor, actor, at: '' })
  const view = (first: string, second: string): TicketView => ({
    ticket: blankTicket({
      conflicts: [{ part: 'service', on: { field: { field: 'serial' } }, candidates: [candidate(first, 'A'), candidate(second, 'B')] }],
    }),
    heads: {},
    authors: { mine: 'G4001', other: 'D2001' },
  })
  it('my value lost where another one is in force', () => {
    expect(lostBy(view('other', 'mine'), 'G4001').map(({ mine }) => mine.value)).toEqual(['B'])
    expect(lostBy(view('mine', 'other'), 'G4001')).toEqual([])
    expect(lostBy(view('other', 'mine'), null)).toEqual([])
  })
  it('a command is a line with its words, without hashes', () => {
    expect(shownCommand({ suspend: { waiting_for: 'parts', reason: 'none left' } })).toEqual({ name: 'suspend', text: 'parts none left' })
    expect(shownCommand({ attach_photo: { blob: 'ff', media_type: 'image/jpeg', bytes: 3, caption: 'plate' } }).text).toBe('image/jpeg 3 plate')
    expect(shownCommand('arrive')).toEqual({ name: 'arrive', text: '' })
  })
})

describe('faults', () => {
  it('are read from what core throws, and anything else asks for a new opening', () => {
    expect(faultOf('{"variant":"Stale"}')).toEqual({ variant: 'Stale' })
    expect(faultOf(new PhoneError({ variant: 'Key', code: 'no_key' }))).toEqual({ variant: 'Key', code: 'no_key' })
    expect(faultOf(new Error('unreachable'))).toEqual({ variant: 'Store', code: 'reopen' })
    expect(faultOf('not json')).toEqual({ variant: 'Store', code: 'reopen' })
  })
  it('have their most special text first', () => {
    expect(textKeys({ variant: 'Store', code: 'full' })).toEqual(['fault.Store.full', 'fault.Store.other'])
    expect(textKeys({ variant: 'NotLawful', action: 'arrive' })).toEqual(['fault.NotLawful.arrive', 'fault.NotLawful.other'])
  })
})

describe('photos', () => {
  it('fit the longest edge and are never made larger', () => {
    expect(fitted(3200, 1600)).toEqual({ width: EDGE_MAX, height: EDGE_MAX / 2 })
    expect(fitted(800, 600)).toEqual({ width: 800, height: 600 })
    expect(fitted(10_000, 1)).toEqual({ width: EDGE_MAX, height: 1 })
  })
})
