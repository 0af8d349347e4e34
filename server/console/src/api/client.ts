// The API's operations, one function each.

import { queryString, request } from './http'
import type {
  AuditPage, AuditQuery, Catalogue, Command, Device, Heads, Invitation, Overview, QuarantineItem, Session, TicketDetail,
  TicketPage, TicketQuery, TimelineEntry, Verdict,
} from './types'

const segment = encodeURIComponent

export const api = {
  signIn: (username: string, password: string) => request<Session>('POST', '/v1/session', { username, password }),
  session: () => request<Session>('GET', '/v1/session'),
  signOut: () => request<void>('DELETE', '/v1/session'),

  catalogue: () => request<Catalogue>('GET', '/v1/catalogue'),
  overview: () => request<Overview>('GET', '/v1/overview'),

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

  quarantine: () => request<{ items: QuarantineItem[] }>('GET', '/v1/quarantine'),
  decide: (changeset: string, decision: 'admit' | 'decline') =>
    request<{ verdicts: Verdict[] }>('POST', `/v1/quarantine/${segment(changeset)}`, { decision }),
}

/** Where the bytes of an attachment are. */
export const blobUrl = (hash: string) => `/v1/blobs/${segment(hash)}`
