// The API's operations, one function each.

import { download, queryString, request } from './http'
import type {
  Account, AuditPage, AuditQuery, Catalogue, Ceremony, Command, Device, Heads, Invitation, Overview, QuarantinePage, QuarantineQuery, Session,
  SessionEntry, TicketDetail, TicketPage, TicketQuery, TimelineEntry, User, UserFields, Verdict,
} from './types'

const segment = encodeURIComponent

export const api = {
  signIn: (username: string, password: string, code?: string) =>
    request<Session>('POST', '/v1/session', { username, password, code }),
  passkeyOptions: () => request<Ceremony>('POST', '/v1/session/passkey/options'),
  passkeySignIn: (ceremony: string, credential: unknown) =>
    request<Session>('POST', '/v1/session/passkey', { ceremony, credential }),
  session: () => request<Session>('GET', '/v1/session'),
  signOut: () => request<void>('DELETE', '/v1/session'),

  account: () => request<Account>('GET', '/v1/account'),
  changePassword: (current: string, next: string) => request<void>('PUT', '/v1/account/password', { current, new: next }),
  beginTotp: () => request<{ secret: string; uri: string }>('POST', '/v1/account/totp'),
  confirmTotp: (code: string) => request<{ recovery_codes: string[] }>('PUT', '/v1/account/totp', { code }),
  removeTotp: () => request<void>('DELETE', '/v1/account/totp'),
  newPasskeyOptions: () => request<Ceremony>('POST', '/v1/account/passkeys/options'),
  addPasskey: (ceremony: string, name: string, credential: unknown) =>
    request<{ recovery_codes: string[] }>('POST', '/v1/account/passkeys', { ceremony, name, credential }),
  removePasskey: (id: number) => request<void>('DELETE', `/v1/account/passkeys/${id}`),
  drawRecoveryCodes: () => request<{ recovery_codes: string[] }>('POST', '/v1/account/recovery-codes'),
  sessions: () => request<{ sessions: SessionEntry[] }>('GET', '/v1/account/sessions'),
  endSession: (id: string) => request<void>('DELETE', `/v1/account/sessions/${segment(id)}`),

  exportTicket: (id: string) => request<unknown>('GET', `/v1/tickets/${segment(id)}/export`),

  sheetEvidence: (id: string, sheet: string) => download(`/v1/tickets/${segment(id)}/sheets/${segment(sheet)}/evidence`),

  users: () => request<{ users: User[] }>('GET', '/v1/users'),
  addUser: (id: string, fields: UserFields) =>
    request<User>('POST', '/v1/users', { id, ...fields, group: fields.group || null, unit: fields.unit || null }),
  changeUser: (id: string, change: Partial<UserFields> & { active?: boolean }) =>
    request<User>('PATCH', `/v1/users/${segment(id)}`, change),
  drawPassword: (id: string) => request<{ password: string }>('POST', `/v1/users/${segment(id)}/password`),
  resetSecondFactors: (id: string) => request<void>('DELETE', `/v1/users/${segment(id)}/second-factors`),
  userSessions: (id: string) => request<{ sessions: SessionEntry[] }>('GET', `/v1/users/${segment(id)}/sessions`),
  endUserSession: (id: string, session: string) =>
    request<void>('DELETE', `/v1/users/${segment(id)}/sessions/${segment(session)}`),

  catalogue: () => request<Catalogue>('GET', '/v1/catalogue'),
  overview: () => request<Overview>('GET', '/v1/overview'),

  exportTickets: (query: TicketQuery, format: 'csv' | 'xlsx', language: 'zh' | 'en') =>
    download(`/v1/tickets/export${queryString({ format, language, ...query, limit: undefined, after: undefined })}`),
  tickets: (query: TicketQuery) => request<TicketPage>('GET', `/v1/tickets${queryString(query)}`),
  ticket: (id: string) => request<TicketDetail>('GET', `/v1/tickets/${segment(id)}`),
  timeline: (id: string) => request<{ entries: TimelineEntry[] }>('GET', `/v1/tickets/${segment(id)}/timeline`),
  /** `seen` are the heads that the form was opened with: what arrived since becomes a conflict. */
  execute: (id: string, seen: Heads, commands: Command[]) =>
    request<{ verdicts: Verdict[] }>('POST', `/v1/tickets/${segment(id)}/commands`, { seen, commands }),
  open: (commands: Command[]) => request<{ id: string; number: string | null }>('POST', '/v1/tickets', { commands }),

  devices: () => request<{ devices: Device[] }>('GET', '/v1/devices'),
  invite: (person: string) => request<Invitation>('POST', '/v1/devices/invitations', { person }),
  renameDevice: (id: string, name: string) => request<void>('PATCH', `/v1/devices/${segment(id)}`, { name }),
  revoke: (id: string, reason: string) => request<void>('POST', `/v1/devices/${segment(id)}/revocation`, { reason }),
  requestWipe: (id: string) => request<void>('POST', `/v1/devices/${segment(id)}/wipe`),
  withdrawWipe: (id: string) => request<void>('DELETE', `/v1/devices/${segment(id)}/wipe`),

  audit: (query: AuditQuery) => request<AuditPage>('GET', `/v1/audit${queryString(query)}`),

  quarantine: (query: QuarantineQuery) => request<QuarantinePage>('GET', `/v1/quarantine${queryString(query)}`),
  decide: (changeset: string, decision: 'admit' | 'decline') =>
    request<{ verdicts: Verdict[] }>('POST', `/v1/quarantine/${segment(changeset)}`, { decision }),
}

/** Where the bytes of an attachment are. */
export const blobUrl = (hash: string) => `/v1/blobs/${segment(hash)}`
