// Signing in with a second factor, the own account, and keeping others' accounts.

import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Router } from 'vue-router'
import App from '@/App.vue'
import type { Account, Session } from '@/api/types'
import { forget, renew } from '@/composables/session'
import { declined } from '@/composables/stepUp'
import { i18n, setLocale } from '@/i18n'
import { makeRouter, unprepare } from '@/router'
import { account, catalogue, overview, session, sessions, users } from './fixtures'
import { ok, problem, serve, settled, Stream, type Asked } from './harness'

let asked: Asked[]
let mounted: VueWrapper | undefined
let router: Router
let signedIn: Session | null
let own: Account
let recent: boolean

const CODES = ['AAAA-BBBB', 'CCCC-DDDD']
const administrator: Session = { ...session, roles: ['administrator'], capabilities: ['see_devices', 'keep_devices', 'keep_accounts'] }
/** What asks for a recent proof. */
const guarded = (answer: () => ReturnType<typeof ok>) => () => (recent ? answer() : problem(403, 'step_up_required'))

// Pages load when they are first shown, which takes longer than the tests wait.
beforeAll(() => Promise.all([import('@/views/AccountPage.vue'), import('@/views/UsersPage.vue'), import('@/views/TicketList.vue')]))
beforeEach(() => {
  signedIn = null
  own = account
  recent = false
  asked = serve({
    'GET /v1/session': () => (signedIn ? ok(signedIn) : problem(401, 'unauthenticated')),
    'POST /v1/session': () => {
      const { password, code } = asked.at(-1)!.body as { password: string; code?: string }
      if (password !== 'right') return problem(401, 'invalid_credentials')
      if (own.totp && code === undefined) return problem(401, 'second_factor_required')
      if (own.totp && code !== '123456') return problem(401, 'invalid_second_factor')
      recent = true
      signedIn ??= administrator
      return ok(signedIn)
    },
    'POST /v1/session/passkey/options': () => ok({ ceremony: 'c-1', options: { challenge: 'AQID', rpId: 'localhost' } }),
    'POST /v1/session/passkey': () => ok((signedIn = administrator)),
    'GET /v1/catalogue': () => ok(catalogue),
    'GET /v1/overview': () => ok(overview),
    'GET /v1/tickets': () => ok({ items: [], next: null, total: 0 }),
    'GET /v1/account': () => ok(own),
    'GET /v1/account/sessions': () => ok({ sessions }),
    'DELETE /v1/account/sessions/s-there': () => ({ status: 204 }),
    'PUT /v1/account/password': () => ((asked.at(-1)!.body as { new: string }).new.length < 15 ? problem(400, 'password_needs_second_factor') : { status: 204 }),
    'POST /v1/account/totp': guarded(() => ok({ secret: 'JBSWY3DP', uri: 'otpauth://totp/Gongdan:G1001?secret=JBSWY3DP' })),
    'PUT /v1/account/totp': guarded(() => {
      own = { ...own, totp: true, recovery_codes: 2 }
      signedIn = { ...signedIn!, lacks: null }
      return ok({ recovery_codes: CODES })
    }),
    'POST /v1/account/passkeys/options': guarded(() =>
      ok({ ceremony: 'c-2', options: { challenge: 'AQID', rp: { id: 'localhost' }, user: { id: 'BAUG', name: 'G1001' }, excludeCredentials: [] } }),
    ),
    'POST /v1/account/passkeys': () => ({ status: 201, body: { recovery_codes: [] } }),
    'GET /v1/users': () => ok({ users }),
    'POST /v1/users': guarded(() => ({ status: 201, body: users[1] })),
    'POST /v1/users/G1003/password': guarded(() => ok({ password: 'DRAWN-1' })),
    'DELETE /v1/users/G1003/second-factors': guarded(() => ({ status: 204 })),
    'PATCH /v1/users/G1003': guarded(() => ok(users[2])),
    'GET /v1/users/G1003/sessions': () => ok({ sessions: [sessions[1]] }),
    'DELETE /v1/users/G1003/sessions/s-there': guarded(() => ({ status: 204 })),
  })
  vi.stubGlobal('EventSource', Stream)
  setLocale('en')
  forgetAll()
})
afterEach(() => {
  declined()
  mounted?.unmount()
  forgetAll()
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

function forgetAll() {
  unprepare()
  forget()
}

async function open(path: string): Promise<VueWrapper> {
  router = makeRouter()
  if (signedIn) await renew()
  await router.push(path)
  mounted = mount(App, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await settled()
  return mounted
}

const fields = () => [...document.querySelectorAll<HTMLInputElement>('input')]
async function type(name: string, value: string) {
  const field = fields().filter((each) => each.name === name).at(-1)!
  field.value = value
  field.dispatchEvent(new Event('input'))
  await settled()
}
async function click(text: string) {
  const found = [...document.querySelectorAll<HTMLButtonElement>('button')].filter((each) => each.textContent?.trim() === text)
  found.at(-1)!.click()
  await settled()
}
const sent = (method: string, path: string) => asked.filter((request) => request.method === method && request.path === path)
const page = () => document.body.textContent ?? ''

describe('signing in', () => {
  it('asks for a code only where the account has a second factor, and says when it was wrong', async () => {
    own = { ...account, totp: true }
    await open('/tickets')
    await type('username', 'G1001')
    await type('password', 'right')
    expect(fields().some((field) => field.name === 'code')).toBe(false)
    await click('Sign in')
    expect(document.querySelector('[role=alert]')).toBeNull()
    await type('code', '000000')
    await click('Sign in')
    expect(document.querySelector('[role=alert]')!.textContent).toBe('The code is wrong or was used before.')
    await type('code', '123456')
    await click('Sign in')
    expect(sent('POST', '/v1/session').map((request) => request.body)).toEqual([
      { username: 'G1001', password: 'right' },
      { username: 'G1001', password: 'right', code: '000000' },
      { username: 'G1001', password: 'right', code: '123456' },
    ])
    expect(router.currentRoute.value.name).toBe('tickets')
  })

  it('by passkey sends what the authenticator signed, as the API speaks', async () => {
    vi.stubGlobal('PublicKeyCredential', function PublicKeyCredential() {})
    const bytes = (...list: number[]) => Uint8Array.from(list).buffer
    const get = vi.fn(async () => ({
      id: 'Bwg', rawId: bytes(7, 8), type: 'public-key',
      response: { authenticatorData: bytes(1), clientDataJSON: bytes(251, 255), signature: bytes(3), userHandle: bytes(4, 5, 6) },
    }))
    Object.defineProperty(navigator, 'credentials', { configurable: true, value: { get } })
    await open('/sign-in')
    await click('Use a passkey')
    const [options] = get.mock.calls[0] as unknown as [{ publicKey: { challenge: Uint8Array } }]
    expect([...options.publicKey.challenge]).toEqual([1, 2, 3])
    expect(sent('POST', '/v1/session/passkey')[0]!.body).toEqual({
      ceremony: 'c-1',
      credential: {
        id: 'Bwg', rawId: 'Bwg', type: 'public-key', extensions: {},
        response: { authenticatorData: 'AQ', clientDataJSON: '-_8', signature: 'Aw', userHandle: 'BAUG' },
      },
    })
    expect(router.currentRoute.value.name).toBe('tickets')
    Reflect.deleteProperty(navigator, 'credentials')
  })

  it('with an account that lacks something leads to the account and asks for nothing else', async () => {
    signedIn = { ...administrator, lacks: 'second_factor' }
    await open('/tickets?grade=A')
    expect(router.currentRoute.value.name).toBe('account')
    expect(page()).toContain('Please set up an authenticator app')
    expect(asked.map((request) => request.path).filter((path) => !/session|account/.test(path))).toEqual([])
    expect(document.querySelector('.bar-nav')).toBeNull()
    recent = true
    await click('Set up an authenticator app')
    await type('totp', '123 456')
    await click('OK')
    expect(sent('PUT', '/v1/account/totp')[0]!.body).toEqual({ code: '123456' })
    expect(router.currentRoute.value.name).toBe('tickets')
  })
})

describe('the own account', () => {
  it('gets an authenticator app after a proof, and its recovery codes are shown', async () => {
    signedIn = administrator
    await open('/account')
    await click('Set up an authenticator app')
    expect(page()).toContain('Please confirm that it is you')
    expect(page()).not.toContain('JBSWY3DP')
    await type('password', 'right')
    await click('OK')
    expect(sent('POST', '/v1/session')[0]!.body).toEqual({ username: 'G1001', password: 'right' })
    expect(page()).toContain('JBSWY3DP')
    await type('totp', '123456')
    await click('OK')
    for (const code of CODES) expect(page()).toContain(code)
    await click('I have kept them')
    expect(page()).not.toContain(CODES[0])
    expect(page()).toContain('2 left')
  })

  it('tells why a password is not taken, and keeps what was typed', async () => {
    signedIn = administrator
    await open('/account')
    await type('current', 'right')
    await type('new', 'short but fine')
    expect(page()).not.toContain('These two differ')
    await type('again', 'something else')
    await vi.waitFor(() => expect(page()).toContain('These two differ'))
    await type('again', 'short but fine')
    await click('Change the password')
    expect(page()).toContain('A password of fewer than 15 characters wants a second factor first.')
    expect(fields().find((field) => field.name === 'new')!.value).toBe('short but fine')
    await type('new', 'a longer one, much longer')
    await type('again', 'a longer one, much longer')
    await click('Change the password')
    expect(sent('PUT', '/v1/account/password').at(-1)!.body).toEqual({ current: 'right', new: 'a longer one, much longer' })
    expect(fields().find((field) => field.name === 'new')!.value).toBe('')
  })

  it('lists its sessions and ends another one, not this one', async () => {
    signedIn = administrator
    const wrapper = await open('/account')
    const lines = wrapper.findAll('tbody tr').map((line) => line.text())
    expect(lines[0]).toMatch(/A browser.*Password.*This session$/)
    expect(lines[1]).toMatch(/Another browser.*Password and code.*End$/)
    await click('End')
    expect(sent('DELETE', '/v1/account/sessions/s-there')).toHaveLength(1)
  })
})

describe('keeping accounts', () => {
  beforeEach(() => {
    signedIn = administrator
  })

  it('lists people with their state, and offers nothing against oneself', async () => {
    const lines = (await open('/users')).findAll('tbody tr').map((line) => line.text())
    expect(lines[0]).toMatch(/G1001.*Lin Fang.*May sign in.*Change.*Sessions \(2\)$/)
    expect(lines[1]).toMatch(/Chen Wei.*Cannot sign in.*Make a password.*Make inactive$/)
    expect(lines[2]).toMatch(/Sun Li.*Authenticator app, Passkeys: 1.*Reset second factor.*Make inactive$/)
  })

  it('does nothing where the proof is declined', async () => {
    await open('/users')
    await click('Reset second factor')
    await click('Reset second factor')
    expect(sent('DELETE', '/v1/users/G1003/second-factors')).toHaveLength(1)
    declined()
    await settled()
    expect(page()).toContain('Please confirm that it is you first.')
    expect(sent('DELETE', '/v1/users/G1003/second-factors')).toHaveLength(1)
  })

  it('does what was asked after the proof', async () => {
    await open('/users')
    await click('Reset second factor')
    await click('Reset second factor')
    await type('password', 'right')
    await click('OK')
    expect(sent('POST', '/v1/session')).toHaveLength(1)
    expect(sent('DELETE', '/v1/users/G1003/second-factors')).toHaveLength(2)
  })

  it('adds a person, and shows a drawn password', async () => {
    recent = true
    await open('/users')
    await click('Add a person')
    await type('id', ' G9001 ')
    await type('name', 'Wang Min')
    document.querySelector<HTMLElement>('.el-dialog .el-select__wrapper')!.click()
    await settled()
    const option = [...document.querySelectorAll<HTMLElement>('.el-select-dropdown__item')].find((each) => each.textContent?.trim() === 'Auditor')!
    option.click()
    await settled()
    await click('Save')
    expect(sent('POST', '/v1/users')[0]!.body).toEqual({ id: 'G9001', name: 'Wang Min', roles: ['auditor'], group: null, skills: [], unit: null })
    await click('Make a password')
    await click('Make a password')
    expect(page()).toContain('DRAWN-1')
  })

  it('ends a session of somebody else', async () => {
    recent = true
    await open('/users')
    await click('Sessions (1)')
    expect(page()).toContain('Sessions of Sun Li')
    await click('End')
    expect(sent('DELETE', '/v1/users/G1003/sessions/s-there')).toHaveLength(1)
  })
})
