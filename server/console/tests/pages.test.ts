// The list, the devices, the quarantine and signing in, over the router as people use them.

import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Router } from 'vue-router'
import App from '@/App.vue'
import type { TicketPage, Verdict } from '@/api/types'
import { forget } from '@/composables/session'
import { i18n, setLocale } from '@/i18n'
import { makeRouter, unprepare } from '@/router'
import { audit, catalogue, devices, overview, quarantine, row, session } from './fixtures'
import { ok, problem, serve, settled, Stream, type Asked } from './harness'

let asked: Asked[]
let mounted: VueWrapper | undefined
let router: Router
let signedIn: boolean
let verdict: Verdict

beforeEach(() => {
  signedIn = true
  verdict = { verdict: 'admitted', seq: 7 }
  const page = (items: TicketPage['items'], next: string | null): TicketPage => ({ items, next, total: 2 })
  asked = serve({
    'GET /v1/session': () => (signedIn ? ok(session) : problem(401, 'unauthenticated')),
    'POST /v1/session': () => {
      signedIn = (asked.at(-1)!.body as { password: string }).password === 'right'
      return signedIn ? ok(session) : problem(401, 'invalid_credentials')
    },
    'DELETE /v1/session': () => ({ status: 204 }),
    'GET /v1/catalogue': () => ok(catalogue),
    'GET /v1/overview': () => (signedIn ? ok(overview) : problem(401, 'unauthenticated')),
    'GET /v1/tickets': () => {
      if (!signedIn) return problem(401, 'unauthenticated')
      return ok(asked.at(-1)!.path.includes('after=') ? page([{ ...row, id: 'second', label: 'FW202611220008' }], null) : page([row], 'cursor-1'))
    },
    'GET /v1/devices': () => ok({ devices }),
    'POST /v1/devices/invitations': () => ({ status: 201, body: { code: 'K7QF-2M9X', uri: 'gongdan:enrol?code=K7QF-2M9X', expires_at: '2026-11-23T00:00:00Z' } }),
    'POST /v1/devices/d-phone/revocation': () => ({ status: 204 }),
    'POST /v1/devices/d-phone/wipe': () => ({ status: 204 }),
    'GET /v1/audit': () => ok(asked.at(-1)!.path.includes('before=') ? { entries: [], next: null } : { entries: audit, next: 41 }),
    'GET /v1/quarantine': () => {
      const path = asked.at(-1)!.path
      const waiting = { reassigned: 1, never_complete: 2 }
      if (path.includes('after=')) return ok({ items: [{ ...quarantine[1]!, changeset: 'f0'.repeat(32) }], next: null, waiting })
      if (path.includes('reason=')) return ok({ items: quarantine.slice(0, 1), next: null, waiting })
      return ok({ items: quarantine, next: 'o9', waiting })
    },
    [`POST /v1/quarantine/${quarantine[0]!.changeset}`]: () => ok({ verdicts: [verdict] }),
  })
  vi.stubGlobal('EventSource', Stream)
  setLocale('en')
  forgetAll()
})
afterEach(() => {
  mounted?.unmount()
  forgetAll()
  vi.unstubAllGlobals()
  vi.useRealTimers()
  document.body.innerHTML = ''
})

function forgetAll() {
  unprepare()
  forget()
}

async function open(path: string, known = true): Promise<VueWrapper> {
  router = makeRouter()
  if (known) {
    const { signIn } = await import('@/composables/session')
    await signIn('G1001', 'right')
  }
  await router.push(path)
  mounted = mount(App, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await settled()
  return mounted
}
const lists = () => asked.filter((request) => request.path.startsWith('/v1/tickets'))
const lastQuery = () => Object.fromEntries(new URL(lists().at(-1)!.path, 'http://desk').searchParams)
const button = (wrapper: VueWrapper, text: string) => wrapper.findAll('button').find((each) => each.text() === text)!
const click = async (text: string) => {
  const found = [...document.querySelectorAll<HTMLButtonElement>('button')].filter((each) => each.textContent?.trim() === text)
  found.at(-1)!.click()
  await settled()
}

describe('the board', () => {
  it('asks for each column, those over first on top, and links to the rest', async () => {
    const wrapper = await open('/board?region=east')
    const asks = lists().map((request) => Object.fromEntries(new URL(request.path, 'http://desk').searchParams))
    expect(asks).toHaveLength(9)
    expect(asks[0]).toEqual({ status: 'received', region: 'east', order: 'due', limit: '50' })
    expect(wrapper.findAll('.column h2').map((head) => head.text()).slice(0, 2)).toEqual(['Received', 'Assigned'])
    const card = wrapper.find('.column article').text()
    for (const part of ['FW202611220007', 'Chen Wei', 'East', 'Arrival', 'Status clashes: 1']) expect(card).toContain(part)
    expect(wrapper.find('.more').attributes('href')).toBe('/tickets?status=received&order=due&region=east')
  })
})

describe('the list', () => {
  it('shows the counts and the lines', async () => {
    const wrapper = await open('/tickets')
    expect(wrapper.findAll('.tile').map((tile) => tile.text())).toEqual([
      '42Open', '5Unassigned', '3Overdue', '4Soon overdue', '6Waiting for parts', '2Waiting for customer', '0Waiting for the leader',
      '1Phones with unsent work', '2With conflicts', '1In quarantine',
    ])
    const line = wrapper.find('tbody tr').text()
    for (const part of ['FW202611220007', 'Cancelled', 'Status clashes: 1', 'Conflicts: 2', 'Hu Min', 'East', 'Pumps', 'Chen Wei']) expect(line).toContain(part)
  })

  it('asks the server with the filters of the address', async () => {
    await open('/tickets?status=appointed&grade=A&region=east&lead=G2001&conflicts=true&q=pump&due=soon&waiting_for=parts&order=due')
    expect(lastQuery()).toEqual({
      status: 'appointed', grade: 'A', region: 'east', lead: 'G2001', conflicts: 'true', q: 'pump', due: 'soon', waiting_for: 'parts', order: 'due', limit: '50',
    })
  })

  it('searches once typing pauses', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const wrapper = await open('/tickets')
    const before = lists().length
    await wrapper.find('.search input').setValue('pu')
    await wrapper.find('.search input').setValue('pump')
    await settled()
    expect(lists()).toHaveLength(before)
    vi.advanceTimersByTime(300)
    await settled()
    expect(lists()).toHaveLength(before + 1)
    expect(lastQuery()).toEqual({ q: 'pump', limit: '50' })
  })

  it('pages by the cursor, back again, and starts anew with another filter', async () => {
    const wrapper = await open('/tickets')
    await button(wrapper, 'Next').trigger('click')
    await settled()
    expect(lastQuery()).toEqual({ limit: '50', after: 'cursor-1' })
    expect(wrapper.find('tbody').text()).toContain('FW202611220008')
    expect(button(wrapper, 'Next').attributes('disabled')).toBeDefined()
    await button(wrapper, 'Previous').trigger('click')
    await settled()
    expect(lastQuery()).toEqual({ limit: '50' })
    await button(wrapper, 'Next').trigger('click')
    await settled()
    await router.push('/tickets?grade=B')
    await settled()
    expect(lastQuery()).toEqual({ limit: '50', grade: 'B' })
    expect(wrapper.text()).toContain('Page 1')
  })
})

describe('a session', () => {
  it('is wanted before anything is shown, and leads back to where one wanted to go', async () => {
    signedIn = false
    const wrapper = await open('/tickets?grade=A', false)
    expect(router.currentRoute.value.name).toBe('sign-in')
    expect(lists()).toEqual([])
    const [username, secret] = wrapper.findAll('input')
    await username!.setValue('G1001')
    await secret!.setValue('wrong')
    await wrapper.find('form').trigger('submit')
    await settled()
    expect(wrapper.find('[role=alert]').text()).toBe('Wrong user name or password.')
    await secret!.setValue('right')
    await wrapper.find('form').trigger('submit')
    await settled()
    expect(router.currentRoute.value.fullPath).toBe('/tickets?grade=A')
    expect(asked.filter((request) => request.method === 'POST').at(-1)!.headers['X-Gongdan-Request']).toBe('1')
  })

  it('that ended leads to the sign-in at the next hint, and says so', async () => {
    const wrapper = await open('/tickets?grade=A')
    signedIn = false
    Stream.last!.say('changed')
    await settled()
    expect(router.currentRoute.value).toMatchObject({ name: 'sign-in', query: { to: '/tickets?grade=A', expired: '1' } })
    expect(wrapper.find('[role=alert]').text()).toBe('Your session has ended. Please sign in again.')
    expect(Stream.last).toBeUndefined()
  })

  it('is ended by signing out, and the page asks for nothing more', async () => {
    const wrapper = await open('/tickets')
    const before = lists().length
    await wrapper.find('.person').trigger('click')
    await settled()
    const items = [...document.querySelectorAll<HTMLElement>('.el-dropdown-menu__item')]
    items.at(-1)!.click()
    await settled()
    expect(asked.at(-1)).toMatchObject({ method: 'DELETE', path: '/v1/session' })
    expect(router.currentRoute.value.name).toBe('sign-in')
    expect(lists()).toHaveLength(before)
  })

  it('never leads to another site', async () => {
    signedIn = false
    const wrapper = await open('/sign-in?to=//elsewhere.example', false)
    const [username, secret] = wrapper.findAll('input')
    await username!.setValue('G1001')
    await secret!.setValue('right')
    await wrapper.find('form').trigger('submit')
    await settled()
    expect(router.currentRoute.value.fullPath).toBe('/tickets')
  })
})

describe('devices', () => {
  it('are listed with their state', async () => {
    const lines = (await open('/devices')).findAll('tbody tr').map((line) => line.text())
    expect(lines[0]).toMatch(/Phone of Chen Wei.*G2001.*11-22 12:00.*3 records, the oldest of 11-20 09:00.*Attachments: 2.*In use.*Rename.*Wipe.*Revoke$/)
    expect(lines[1]).toMatch(/Old phone.*Goes on from a phone.*Never.*All sent.*Revoked.*Wiped.*Left in a taxi.*Rename$/)
  })

  it('are revoked after a question', async () => {
    const wrapper = await open('/devices')
    await button(wrapper, 'Revoke').trigger('click')
    await settled()
    expect(asked.some((request) => request.path.endsWith('/revocation'))).toBe(false)
    await click('Revoke')
    expect(asked.some((request) => request.path.endsWith('/revocation')), 'not without a reason').toBe(false)
    const reason = document.querySelector<HTMLInputElement>('.el-message-box__input input')!
    reason.value = ' Left in a taxi '
    reason.dispatchEvent(new Event('input'))
    await settled()
    await click('Revoke')
    expect(asked.filter((request) => request.path === '/v1/devices/d-phone/revocation').map((request) => request.body)).toEqual([{ reason: 'Left in a taxi' }])
  })

  it('are asked to wipe themselves after a question', async () => {
    const wrapper = await open('/devices')
    await button(wrapper, 'Wipe').trigger('click')
    await settled()
    expect(asked.some((request) => request.path.endsWith('/wipe'))).toBe(false)
    await click('Wipe')
    expect(asked.filter((request) => request.path === '/v1/devices/d-phone/wipe')).toHaveLength(1)
  })

  it('that said they have wiped themselves are shown so, and are not asked again', async () => {
    const wrapper = await open('/devices')
    const row = wrapper.findAll('tbody tr').find((row) => row.text().includes('Old phone'))!
    expect(row.text()).toContain('Wiped')
    expect(row.findAll('button').map((button) => button.text())).toEqual(['Rename'])
  })
})

describe('the audit', () => {
  it('says who did what, of which ticket, and what was refused', async () => {
    const wrapper = await open('/audit')
    const rows = wrapper.findAll('tbody tr').map((line) => line.text().replace(/\s+/g, ' '))
    expect(rows[0]).toMatch(/43.*Zhao Lei G4001 \(Zhao’s phone\).*Sent to a phone/)
    expect(rows[1]).toMatch(/42.*Lin Fang G1001.*Read a ticket.*Refused/)
    expect(wrapper.findAll('tbody a').map((link) => link.attributes('href'))).toEqual(['/tickets/t-1', '/tickets/t-2', '/tickets/FW202611220007'])
  })

  it('asks by filters, and for what is older', async () => {
    const wrapper = await open('/audit')
    const person = wrapper.find('input[aria-label="Employee number"]')
    await person.setValue('G4001')
    await person.trigger('change')
    await settled()
    await button(wrapper, 'Older').trigger('click')
    await settled()
    const asks = asked.filter((request) => request.path.startsWith('/v1/audit')).map((request) => request.path)
    expect(asks).toEqual(['/v1/audit', '/v1/audit?person=G4001', '/v1/audit?person=G4001&before=41'])
  })
})

describe('the quarantine', () => {
  it('shows what was meant and why it waits, and sends the decision', async () => {
    const wrapper = await open('/quarantine')
    expect(wrapper.find('article').text()).toMatch(/FW202611220007.*reassigned.*Zhao Lei.*Completed the work.*Seal replaced/)
    await button(wrapper, 'Admit').trigger('click')
    await settled()
    expect(asked.find((request) => request.path.startsWith('/v1/quarantine/'))!.body).toEqual({ decision: 'admit' })
    expect(document.body.textContent).toContain('Saved')
  })

  it('says so where an admission fails by what it would write', async () => {
    verdict = { verdict: 'refused', reason: { code: 'not_lawful' } }
    const wrapper = await open('/quarantine')
    await button(wrapper, 'Admit').trigger('click')
    await settled()
    expect(document.body.textContent).toContain("Not accepted The ticket's status does not allow this.")
  })

  it('counts by reason, filters by one, and shows more when asked', async () => {
    const wrapper = await open('/quarantine')
    await button(wrapper, 'The ticket was reassigned 1').trigger('click')
    await settled()
    expect(wrapper.findAll('article')).toHaveLength(1)
    await button(wrapper, 'The ticket was reassigned 1').trigger('click')
    await settled()
    await button(wrapper, 'More').trigger('click')
    await settled()
    expect(wrapper.findAll('article')).toHaveLength(3)
    const asks = asked.filter((request) => request.path.startsWith('/v1/quarantine')).map((request) => request.path)
    expect(asks).toEqual([
      '/v1/quarantine?limit=50', '/v1/quarantine?reason=reassigned&limit=50', '/v1/quarantine?limit=50',
      '/v1/quarantine?limit=50', '/v1/quarantine?limit=50&after=o9',
    ])
  })

  it('offers no admission of what lacks its base, and says why', async () => {
    const wrapper = await open('/quarantine')
    const item = wrapper.findAll('article')[1]!
    expect(item.text()).toContain('it cannot be admitted now')
    const [admit, decline] = item.findAll('button')
    expect(admit!.attributes('disabled')).toBeDefined()
    expect(decline!.attributes('disabled')).toBeUndefined()
  })
})
