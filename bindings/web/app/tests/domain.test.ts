import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clockOf } from '@/domain/clock'
import { shownCommand } from '@/domain/command'
import { delaySeconds, isPin } from '@/domain/delay'
import { faultOf, PhoneError, textKeys } from '@/domain/fault'
import { areaOf, inkOf, pathOf, placed } from '@/domain/ink'
import { lostBy } from '@/domain/lost'
import { EDGE_MAX, fitted } from '@/domain/photo'
import { isPooled, isPooledRow, taking } from '@/domain/pool'
import {
  answered, CAPACITIES, confirmation, currentSheets, IDENTIFIED, KINDS, known, noAnswers, nobody, REMARKS_CHARS_MAX, SIGNERS_MAX, unsigned,
} from '@/domain/signing'
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

describe('the pool', () => {
  it('has what nobody is assigned to, and taking it makes one crew and lead in the same group', () => {
    expect(isPooled(blankTicket())).toBe(true)
    expect(isPooled(blankTicket({ crew: ['G4001'] }))).toBe(false)
    expect(isPooled(blankTicket({ status: 'cancelled' }))).toBe(false)
    expect(isPooledRow({ status: 'received', lead: null })).toBe(true)
    expect(isPooledRow({ status: 'assigned', lead: 'G4001' })).toBe(false)
    expect(taking(blankTicket({ fields: { group: 'east' } }), 'G4001')).toEqual({
      assign: { crew: ['G4001'], lead: 'G4001', group: 'east' },
    })
    expect(taking(blankTicket(), 'G4001')).toEqual({ assign: { crew: ['G4001'], lead: 'G4001', group: null } })
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
    expect(visitSteps({ ...ticket, status: 'confirmed' }, items).every(settled)).toBe(true)
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

describe('ink', () => {
  const at = (x: number, y: number, at: number, pressure = 0.5) => ({ x, y, at, pressure })
  const name = [[at(10, 20, 1000.4), at(340, 150, 1030.6)], [at(40, 60, 1200)]]

  it('a turned screen shows all of it at one scale, and gives it back as it was', () => {
    expect(areaOf(name, 358, 320)).toEqual({ scale: 1, width: 358, height: 320 })
    // Lying: lower than the ink is high. Both directions shrink alike, and the area grows to what is seen.
    const lying = areaOf(name, 812, 100)
    expect(lying.scale).toBeCloseTo(100 / 150)
    expect(lying.width / lying.height).toBeCloseTo(812 / 100)
    expect(lying.height).toBeCloseTo(150)
    expect(areaOf(name, 358, 320)).toEqual({ scale: 1, width: 358, height: 320 })
    // A signature from edge to edge of a lying phone is seen whole on one held upright.
    const upright = areaOf([[at(0, 0, 0), at(800, 90, 9)]], 358, 320)
    expect([upright.width, upright.height]).toEqual([800, expect.closeTo(320 / 0.4475)])
    // Nothing is divided by a page that is not shown.
    expect(areaOf(name, 0, 0)).toEqual({ scale: 1, width: 340, height: 150 })
  })

  it('a finger that leaves the box stays at its edge', () => {
    const area = areaOf(name, 812, 100)
    expect(placed(area, -5, 50)).toEqual({ x: 0, y: expect.closeTo(75) })
    expect(placed(area, 900, 101)).toEqual({ x: area.width, y: area.height })
  })

  it('is what core takes: hundredths, milliseconds that never run back, pressure where there is any', () => {
    const ink = inkOf(name, areaOf(name, 358, 320))
    expect(ink).toEqual({
      width: 35800,
      height: 32000,
      strokes: [
        [{ x: 1000, y: 2000, millis: 0, pressure: null }, { x: 34000, y: 15000, millis: 30, pressure: null }],
        [{ x: 4000, y: 6000, millis: 200, pressure: null }],
      ],
    })
    const pressed = inkOf([[at(0, 0, 50, 0.25), at(9, 9, 40, 0.5), at(9, 9, 60, 1)]], areaOf([], 100, 100))
    expect(pressed.strokes[0]!.map(({ millis, pressure }) => [millis, pressure])).toEqual([[0, 250], [0, 500], [10, 1000]])
  })

  it('is drawn stroke by stroke, a tap as a dot', () => {
    expect(name.map(pathOf)).toEqual(['M10 20L340 150', 'M40 60h0'])
  })
})

describe('a sheet on its way', () => {
  it('its codes are those of core', () => {
    const snake = (text: string) => text.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase()
    const variants = (path: string, name: string) => {
      const body = new RegExp(`pub enum ${name} \\{(.*?)^\\}`, 'ms').exec(core(path))?.[1] ?? ''
      return [...body.matchAll(/^ {4}([A-Z]\w*)/gm)].map((match) => snake(match[1]!))
    }
    expect(variants('evidence/answers.rs', 'SheetKind')).toEqual([...KINDS])
    expect(variants('evidence/answers.rs', 'Identified')).toEqual([...IDENTIFIED])
    expect(variants('ticket/command.rs', 'Capacity')).toEqual([...CAPACITIES])
    expect(core('limits.rs')).toContain(`SIGNERS_MAX: usize = ${SIGNERS_MAX};`)
    expect(Number(/SHEET_REMARKS_CHARS_MAX: usize = ([\d_]+);/.exec(core('limits.rs'))![1]!.replace('_', ''))).toBe(REMARKS_CHARS_MAX)
    const zh = JSON.parse(readFileSync(join(import.meta.dirname, '../src/locales/zh-CN.json'), 'utf8'))
    const ink = [...core('evidence/ink.rs').matchAll(/=> "(ink_\w+)"/g)].map((match) => match[1]!)
    expect(Object.keys(zh.sign.fault)).toEqual(ink)
    const unfit = [...core('evidence/answers.rs').matchAll(/=> "(sheet_\w+)"/g)].map((match) => match[1]!)
    expect(unfit.length).toBe(7)
    expect(unfit.filter((code) => !zh.fault.Unfit[code])).toEqual([])
  })

  it('waits for all answers but the remarks, and for a title where an employee signs', () => {
    expect(answered(noAnswers())).toBe(false)
    expect(answered({ solved: false, satisfied: true, professionalism: 1, remarks: '' })).toBe(true)
    const signer = { name: ' 陈祎 ', capacity: 'employee', title: '', identified: 'known' } as const
    expect([known(nobody()), known(signer), known({ ...signer, title: '厂长' }), known({ ...signer, capacity: 'customer' })])
      .toEqual([false, false, true, true])
    const sealed = confirmation('ink', noAnswers(), [{ ...signer, ink: null }], null)
    expect(sealed.signers[0]).toMatchObject({ name: '陈祎', title: null })
    expect(sealed.answers).toEqual({ solved: null, satisfied: null, professionalism: null, comments: null })
    expect(unsigned('absent', ' 门锁着 ', ' ')).toMatchObject({ answers: null, signers: [], reason: '门锁着', witness: null })
  })

  it('a corrected sheet is none of the current ones', () => {
    const kept = (sheet: string, corrects: string | null) => ({ ...item(sheet), named: { sheet, kind: 'ink' as const, edition: 1, corrects }, blob: '', bytes: 0 })
    const ticket = blankTicket({ sheets: [kept('a', null), kept('b', 'a'), kept('c', null)] })
    expect(currentSheets(ticket).map(({ named }) => named.sheet)).toEqual(['c', 'b'])
  })

  it('the visit ends with a confirmation that saw everything', () => {
    const end = (ticket: Partial<ReturnType<typeof blankTicket>>) => visitSteps(blankTicket(ticket), []).at(-1)!
    expect(end({ status: 'completed' })).toMatchObject({ kind: 'sign', done: false, must: true })
    expect(end({ status: 'confirmed' }).done).toBe(true)
    expect(end({ status: 'confirmed', covered: false }).done).toBe(false)
  })
})
