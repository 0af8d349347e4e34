// The ticket page: conflicts and how they are settled, corrections, and which heads are sent.

import type { VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TicketDetail } from '@/api/types'
import { loadCatalogue } from '@/composables/catalogue'
import { connect, disconnect } from '@/composables/live'
import { setLocale } from '@/i18n'
import TicketPage from '@/views/TicketPage.vue'
import { catalogue, detail, timeline, TICKET_ID } from './fixtures'
import { ok, problem, serve, settled, show, Stream, type Asked } from './harness'

let shown: TicketDetail
let answer: () => ReturnType<typeof ok>
let asked: Asked[]
let mounted: VueWrapper | undefined

beforeEach(async () => {
  shown = structuredClone(detail)
  answer = () => ok({ verdicts: [{ verdict: 'admitted', seq: 8 }] })
  asked = serve({
    'GET /v1/catalogue': () => ok(catalogue),
    [`GET /v1/tickets/${TICKET_ID}`]: () => ok(shown),
    [`GET /v1/tickets/${TICKET_ID}/timeline`]: () => ok({ entries: timeline }),
    [`POST /v1/tickets/${TICKET_ID}/commands`]: () => answer(),
    [`GET /v1/tickets/${TICKET_ID}/sheets/${'2'.repeat(64)}/evidence`]: () => ok({}),
  })
  vi.stubGlobal('EventSource', Stream)
  await loadCatalogue()
  connect()
  setLocale('en')
})
afterEach(() => {
  mounted?.unmount()
  disconnect()
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

const OTHER_HEADS = { service: ['44'.repeat(32)], customer: ['22'.repeat(32)], office: ['33'.repeat(32)] }

async function page(): Promise<VueWrapper> {
  mounted = show(TicketPage, { id: TICKET_ID })
  await settled()
  return mounted
}
const sent = () => asked.filter((request) => request.method === 'POST')
const button = (wrapper: VueWrapper, text: string, nth = 0) => wrapper.findAll('button').filter((each) => each.text() === text)[nth]!
const fact = (wrapper: VueWrapper, name: string) => wrapper.findAll('.fact').find((row) => row.find('dt').text() === name)!

/** Something else arrives while the page is open. */
async function arrives(change: (detail: TicketDetail) => void): Promise<void> {
  shown = structuredClone(shown)
  shown.heads = OTHER_HEADS
  change(shown)
  Stream.last!.say('changed')
  await settled()
}

describe('conflicts', () => {
  it('show every candidate with author, device and time, the one in force first and marked', async () => {
    const card = (await page()).findAll('.conflict')[0]!
    expect(card.find('h3').text()).toBe('Serial number')
    const candidates = card.findAll('.candidate').map((each) => each.text())
    expect(candidates[0]).toContain('In force')
    expect(candidates[0]).toContain('SN-2291-B')
    expect(candidates[0]).toMatch(/Chen Wei · Phone of Chen Wei · .*11-22 10:40/)
    expect(candidates[1]).not.toContain('In force')
    expect(candidates[1]).toMatch(/SN-2291-8.*Lin Fang · Office · .*11-22 10:10/)
  })

  it('are settled on a candidate by one click, with the heads in view', async () => {
    const wrapper = await page()
    await button(wrapper, 'Use this value').trigger('click')
    await settled()
    expect(sent().map((request) => request.body)).toEqual([
      { seen: detail.heads, commands: [{ settle_conflict: { on: { field: { field: 'serial' } }, value: 'SN-2291-8' } }] },
    ])
    expect(sent()[0]!.headers['X-Gongdan-Request']).toBe('1')
  })

  it('of a checklist item show the answers in words and settle on the scalar', async () => {
    const wrapper = await page()
    const card = wrapper.findAll('.conflict')[1]!
    expect(card.find('h3').text()).toBe('Checklist: Look for leaks')
    expect(card.findAll('.value').map((each) => each.text())).toEqual(['Skipped: No access', 'Done'])
    await card.findAll('button')[0]!.trigger('click')
    await settled()
    expect(sent()[0]!.body).toMatchObject({ commands: [{ settle_conflict: { on: { checklist: { item: 'leak' } }, value: 'skipped:No access' } }] })
  })

  it('take a third value with the heads that were in view when it was begun', async () => {
    const wrapper = await page()
    await button(wrapper, 'Enter a third value').trigger('click')
    await wrapper.find('.third input').setValue('SN-3')
    await arrives(() => {})
    await button(wrapper, 'Use the value entered').trigger('click')
    await settled()
    expect(sent()[0]!.body).toEqual({
      seen: detail.heads, commands: [{ settle_conflict: { on: { field: { field: 'serial' } }, value: 'SN-3' } }],
    })
  })

  it('of status show both sides, with a button for either outcome', async () => {
    const wrapper = await page()
    const clash = wrapper.find('.clash')
    expect(clash.text()).toContain('The customer called it off')
    expect(clash.findAll('.side')[0]!.classes()).toContain('force')
    expect(clash.findAll('button').map((each) => each.text())).toEqual(['Settle as “Cancelled”', 'Settle as “Completed”'])
    await clash.findAll('button')[1]!.trigger('click')
    await settled()
    expect(sent()[0]!.body).toMatchObject({ commands: [{ settle_status: { status: 'completed' } }] })
  })

  it('cannot be settled by somebody who may not', async () => {
    shown.allowed = ['write_note']
    const wrapper = await page()
    expect(wrapper.findAll('.conflict').length).toBe(2)
    expect(wrapper.findAll('.conflict button, .clash button')).toEqual([])
  })

  it('that arrive while the page is open appear without a reload', async () => {
    const conflicts = shown.ticket.conflicts
    shown.ticket.conflicts = []
    shown.ticket.clashes = []
    const wrapper = await page()
    expect(wrapper.find('.panel').exists()).toBe(false)
    await arrives((next) => {
      next.ticket.conflicts = conflicts
    })
    expect(wrapper.findAll('.conflict')).toHaveLength(2)
  })
})

describe('a correction', () => {
  it('keeps its draft and the heads it was opened with while something else arrives', async () => {
    const wrapper = await page()
    await fact(wrapper, 'Model').find('.edit').trigger('click')
    await fact(wrapper, 'Model').find('input').setValue(' HP-301 ')
    await arrives((next) => {
      next.ticket.fields.model = 'HP-999'
    })
    expect((fact(wrapper, 'Model').find('input').element as HTMLInputElement).value).toBe(' HP-301 ')
    await fact(wrapper, 'Model').find('form').trigger('submit')
    await settled()
    expect(sent()[0]!.body).toEqual({ seen: detail.heads, commands: [{ correct: { field: 'model', value: 'HP-301' } }] })
    expect(fact(wrapper, 'Model').find('input').exists()).toBe(false)
  })

  it('that empties a field sends null', async () => {
    const wrapper = await page()
    await fact(wrapper, 'Model').find('.edit').trigger('click')
    await fact(wrapper, 'Model').find('input').setValue('')
    await fact(wrapper, 'Model').find('form').trigger('submit')
    await settled()
    expect(sent()[0]!.body).toMatchObject({ commands: [{ correct: { field: 'model', value: null } }] })
  })

  it('that changes nothing sends nothing', async () => {
    const wrapper = await page()
    await fact(wrapper, 'Model').find('.edit').trigger('click')
    await fact(wrapper, 'Model').find('form').trigger('submit')
    await settled()
    expect(sent()).toEqual([])
    expect(fact(wrapper, 'Model').find('input').exists()).toBe(false)
  })

  it('that is refused keeps what was typed and says why by its code', async () => {
    answer = () => problem(422, 'misfit')
    const wrapper = await page()
    await fact(wrapper, 'Model').find('.edit').trigger('click')
    await fact(wrapper, 'Model').find('input').setValue('HP-301')
    await fact(wrapper, 'Model').find('form').trigger('submit')
    await settled()
    expect((fact(wrapper, 'Model').find('input').element as HTMLInputElement).value).toBe('HP-301')
    expect(document.body.textContent).toContain('What was entered does not fit.')
  })

  it('that the gate refuses keeps what was typed as well', async () => {
    answer = () => ok({ verdicts: [{ verdict: 'refused', command: 0, reason: { code: 'not_lawful', action: 'correct', status: 'closed' } }] })
    const wrapper = await page()
    await fact(wrapper, 'Model').find('.edit').trigger('click')
    await fact(wrapper, 'Model').find('input').setValue('HP-301')
    await fact(wrapper, 'Model').find('form').trigger('submit')
    await settled()
    expect((fact(wrapper, 'Model').find('input').element as HTMLInputElement).value).toBe('HP-301')
    expect(document.body.textContent).toContain("Not accepted The ticket's status does not allow this.")
  })

  it('is not offered for what another command answers for', async () => {
    const wrapper = await page()
    expect(fact(wrapper, 'Grade').find('.edit').exists()).toBe(false)
    expect(fact(wrapper, 'Lead').find('.edit').exists()).toBe(false)
  })
})

describe('the page', () => {
  it('shows what is recorded, with labels of the catalogue', async () => {
    const text = (await page()).text()
    for (const part of ['FW202611220007', 'Pumps', 'Read the pressure', 'Reading: 0.32 MPa', 'Customer was on site.', 'Office only', 'Agreed (Customer)', 'Worn seal', 'Quick.', 'Chen Wei (G2001)', '3 of 4 answered']) {
      expect(text).toContain(part)
    }
  })

  it('draws the signature from its strokes', async () => {
    const ink = (await page()).find('svg.ink')
    expect(ink.attributes('viewBox')).toBe('0 0 32000 12000')
    expect(ink.findAll('path')).toHaveLength(3)
    expect(ink.attributes('aria-label')).toBe('Signature of Hu Min')
  })

  it('marks claimed times that the server cannot confirm', async () => {
    const marked = (await page()).findAll('aside ol li').filter((entry) => entry.text().includes('unproven'))
    expect(marked).toHaveLength(1)
    expect(marked[0]!.text()).toContain('SN-2291-B')
  })

  it('sends a note with the heads its form was opened with', async () => {
    const wrapper = await page()
    await button(wrapper, 'Write a note').trigger('click')
    await settled()
    const area = document.querySelector<HTMLTextAreaElement>('.el-dialog textarea')!
    area.value = 'Call back.'
    area.dispatchEvent(new Event('input'))
    await arrives(() => {})
    const submit = [...document.querySelectorAll<HTMLButtonElement>('.el-dialog button')].find((each) => each.textContent?.includes('Submit'))!
    submit.click()
    await settled()
    expect(sent()[0]!.body).toEqual({ seen: detail.heads, commands: [{ write_note: { part: 'service', text: 'Call back.' } }] })
  })

  it('sends only what was changed of the problem text', async () => {
    const wrapper = await page()
    await button(wrapper, 'More').trigger('click')
    await settled()
    const item = [...document.querySelectorAll<HTMLElement>('.el-dropdown-menu__item')].find((each) => each.textContent?.includes('Edit the problem text'))!
    item.click()
    await settled()
    const area = document.querySelector<HTMLTextAreaElement>('.el-dialog textarea')!
    expect(area.value).toBe(detail.ticket.problem)
    area.value = area.value.replace('ten minutes', 'five minutes')
    area.dispatchEvent(new Event('input'))
    await arrives((next) => {
      next.ticket.problem = `${next.ticket.problem} Urgent.`
    })
    const submit = [...document.querySelectorAll<HTMLButtonElement>('.el-dialog button')].find((each) => each.textContent?.includes('Submit'))!
    submit.click()
    await settled()
    const splices = [{ at: 30, delete: 3, insert: 'five' }]
    expect(sent()[0]!.body).toEqual({ seen: detail.heads, commands: [{ edit_problem: { splices } }] })
  })

  it('strikes a note out after a question', async () => {
    const wrapper = await page()
    await button(wrapper, 'Strike out').trigger('click')
    await settled()
    const sure = [...document.querySelectorAll<HTMLButtonElement>('.el-message-box button')].find((each) => each.textContent?.includes('Strike out'))!
    sure.click()
    await settled()
    expect(sent()[0]!.body).toMatchObject({ commands: [{ strike_out: { item: expect.any(String) } }] })
  })

  it('follows the language', async () => {
    const wrapper = await page()
    setLocale('zh-CN')
    await settled()
    expect(document.documentElement.lang).toBe('zh-CN')
    expect(wrapper.find('.conflict h3').text()).toMatch(/^\p{Script=Han}+$/u)
  })
})

describe('signed sheets', () => {
  const sheet = (n: number, kind: 'ink' | 'absent', corrects: string | null = null) => ({
    key: `sheet${n}`, at: '2026-11-22T05:00:00Z', actor: detail.ticket.events[0]!.actor, blob: 'bb'.repeat(32), bytes: 9_000,
    named: { sheet: `${n}`.repeat(64), kind, edition: corrects ? 2 : 1, corrects },
  })

  it('stand there newest first, the corrected one marked, and can be taken away as evidence', async () => {
    shown.ticket.sheets = [sheet(1, 'absent'), sheet(2, 'ink'), sheet(3, 'ink', '2'.repeat(64))]
    const rows = (await page()).findAll('[data-test="sheet"]')
    expect(rows.map((row) => [row.find('b').text(), row.find('.tag').text(), row.find('.tag').classes('green')])).toEqual([
      ['Signed on the screen', 'Edition 2', true],
      ['Signed on the screen', 'Edition 1, corrected', false],
      ['Customer absent', 'Edition 1', false],
    ])
    await rows[1]!.find('button').trigger('click')
    await settled()
    expect(asked.map((request) => request.path)).toContain(`/v1/tickets/${TICKET_ID}/sheets/${'2'.repeat(64)}/evidence`)
  })

  it('are no card where the customer signed nothing', async () => {
    expect((await page()).find('[data-test="sheets"]').exists()).toBe(false)
  })
})
