// Pure rules of display.

import { describe, expect, it } from 'vitest'
import type { ClockReading, NextClock } from '@/api/types'
import { answerOfCode, answerParts } from '@/domain/answer'
import { clashSides } from '@/domain/clash'
import { clockColour, clockText, nextClockColour, nextClockText } from '@/domain/clocks'
import { inkPaths } from '@/domain/ink'
import { provisionalLabel } from '@/domain/label'
import { fromWall, fullTime, shortTime, toWall } from '@/domain/time'
import { ticket, TICKET_ID } from './fixtures'

describe('time', () => {
  it('is shown in the zone of the organisation', () => {
    expect(fullTime('2026-11-22T16:30:00Z', 'Asia/Shanghai')).toBe('2026-11-23 00:30:00')
    expect(shortTime('2026-11-22T16:30:00Z', 'Asia/Shanghai', Date.parse('2026-05-01T00:00:00Z'))).toBe('11-23 00:30')
    expect(shortTime('2025-11-22T16:30:00Z', 'Asia/Shanghai', Date.parse('2026-05-01T00:00:00Z'))).toBe('2025-11-23 00:30')
    expect(shortTime(null, 'Asia/Shanghai')).toBe('')
  })

  it.each(['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'])('comes back from the wall of %s', (zone) => {
    for (const instant of ['2026-01-15T23:59:00Z', '2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z', '2026-07-15T12:00:00Z', '2026-11-01T07:30:00Z']) {
      expect(fromWall(toWall(instant, zone), zone)).toBe(instant)
    }
  })
})

describe('clocks', () => {
  const reading: ClockReading = {
    clock: 'first_response', state: 'running', started_at: '2026-11-22T01:00:00Z', due_at: '2026-11-22T03:00:00Z',
    stopped_at: null, paused_by: null, allowed_seconds: 7200, elapsed_seconds: 0, is_proven: true,
  }
  const texts = (key: string, values?: Record<string, unknown>) => (values ? `${key}(${Object.values(values).join()})` : key)
  const at = (time: string) => Date.parse(`2026-11-22T${time}Z`)

  it('is amber in the last quarter and red once it is over, without asking the server again', () => {
    expect(clockColour(reading, at('02:29:00'))).toBe('green')
    expect(clockColour(reading, at('02:31:00'))).toBe('amber')
    expect(clockColour(reading, at('03:00:01'))).toBe('red')
    expect(clockText(reading, at('02:31:00'), texts)).toBe('clocks.left(clock.minutes(29))')
    expect(clockText(reading, at('05:00:00'), texts)).toBe('clocks.late(clock.hours(2))')
  })

  it('of a list turns amber and red by itself too', () => {
    const next: NextClock = { clock: 'arrival', due_at: '2026-11-22T03:00:00Z', soon_at: '2026-11-22T02:30:00Z', paused_by: null }
    expect(nextClockColour(next, at('02:29:59'))).toBe('green')
    expect(nextClockColour(next, at('02:30:00'))).toBe('amber')
    expect(nextClockColour(next, at('03:00:01'))).toBe('red')
    expect(nextClockText(next, at('02:30:00'), texts)).toBe('clocks.left(clock.minutes(30))')
    expect(nextClockText(next, at('06:00:00'), texts)).toBe('clocks.late(clock.hours(3))')
    const still: NextClock = { ...next, due_at: null, soon_at: null, paused_by: 'suspended' }
    expect([nextClockColour(still, at('09:00:00')), nextClockText(still, at('09:00:00'), texts)]).toEqual(['blue', 'clocks.state.paused'])
  })

  it('does not move once it has stopped or stands still', () => {
    const stopped = { ...reading, stopped_at: '2026-11-22T02:00:00Z' }
    const later = at('09:00:00')
    expect(clockColour({ ...stopped, state: 'met' }, later)).toBe('green')
    expect(clockText({ ...stopped, state: 'met' }, later, texts)).toBe('clocks.state.met')
    expect(clockText({ ...stopped, state: 'overdue' }, later, texts)).toBe('clocks.state.overdue')
    expect(clockText({ ...reading, state: 'paused' }, later, texts)).toBe('clocks.state.paused')
    expect(clockColour({ ...reading, due_at: null }, later)).toBe('green')
  })
})

describe('answers', () => {
  it('read the same as JSON and as the scalar of the document', () => {
    expect(answerOfCode('done')).toEqual(answerParts('done'))
    expect(answerOfCode('n/a')).toEqual(answerParts('not_applicable'))
    expect(answerOfCode('skipped:a:b\nc')).toEqual(answerParts({ skipped: { reason: 'a:b\nc' } }))
    expect(answerOfCode('reading:0.3')).toEqual(answerParts({ reading: { text: '0.3' } }))
    expect(answerOfCode('other')).toBeUndefined()
  })
})

describe('clashes', () => {
  it('set a cancellation against all the work beside it, with the furthest as the outcome', () => {
    const confirmed = { ...ticket.events[5]!, key: 'bbbbc1', kind: 'confirmed' as const, at: '2026-11-22T03:15:00Z' }
    const sides = clashSides({
      ...ticket,
      events: [...ticket.events, confirmed],
      clashes: [{ cancelled: 'aaaaa9', progress: 'bbbbc1' }, { cancelled: 'aaaaa9', progress: 'bbbbb7' }],
    })
    expect(sides).toHaveLength(1)
    expect(sides[0]!.cancelled.reason).toBe('The customer called it off')
    expect(sides[0]!.progress.map((event) => event.kind)).toEqual(['completed', 'confirmed'])
    expect(sides[0]!.outcome).toBe('confirmed')
  })

  it('go on from a suspension to the site', () => {
    const at = (key: string, kind: 'suspended' | 'resumed', time: string) => ({ ...ticket.events[5]!, key, kind, at: time })
    const sides = clashSides({
      ...ticket,
      events: [...ticket.events, at('bbbbs1', 'suspended', '2026-11-22T02:35:00Z'), at('bbbbs2', 'resumed', '2026-11-22T02:55:00Z')],
      clashes: [{ cancelled: 'aaaaa9', progress: 'bbbbs2' }, { cancelled: 'aaaaa9', progress: 'bbbbs1' }],
    })
    expect(sides[0]!.outcome).toBe('arrived')
  })
})

describe('ink', () => {
  it('has every point of every stroke, a lone point as a dot', () => {
    const { ink } = ticket.signatures[0]!
    const paths = inkPaths(ink)
    expect(paths).toHaveLength(3)
    expect(paths[0]!.d.split('L')).toHaveLength(40)
    expect(paths[2]!.d).toBe('M28500 3000h0')
    expect(inkPaths({ ...ink, strokes: [[]] })).toEqual([])
  })
})

it('a ticket without a number is called by the end of its id', () => {
  expect(provisionalLabel(TICKET_ID)).toBe(`\u4e344F2A1C`)
})
