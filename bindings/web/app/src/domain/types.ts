// What core's structs look like as JSON. Instants are RFC 3339 strings, ids and hashes lower-case hexadecimal
// digits or UUIDs, money is in fen.

import type { SheetKind } from './signing'

export const STATUSES = [
  'received', 'assigned', 'accepted', 'appointed', 'departed', 'arrived', 'suspended', 'completed', 'confirmed',
  'closed', 'cancelled',
] as const
export type Status = (typeof STATUSES)[number]
export type Part = 'service' | 'customer' | 'office'
export type Value = string | number | null
export type Grade = 'A' | 'B' | 'C'

export interface Label {
  zh: string
  en: string
}
export interface Entry {
  code: string
  label: Label
}
export interface Catalogue {
  version: number
  organisation: string
  consent: Label
  zone: string
  regions: Entry[]
  product_lines: (Entry & { checklist: string; parts: Entry[] })[]
  checklists: (Entry & { items: Entry[] })[]
  people: { id: string; name: string; roles: string[] }[]
}

export interface Filter {
  query?: string
  statuses?: Status[]
  grade?: Grade
  limit?: number
  offset?: number
}
export interface Summary {
  id: string
  number: string | null
  label: string
  status: Status
  grade: Grade | null
  region: string | null
  product_line: string | null
  model: string | null
  problem: string
  customer_name: string | null
  lead: string | null
  appointed_from: string | null
  conflicts: number
  clashes: number
  opened_at: string | null
  updated_at: string | null
}

interface Item {
  key: string
  at: string
  actor: string
}
export type Answer =
  | 'done'
  | 'not_applicable'
  | { skipped: { reason: string } }
  | { reading: { text: string } }
export type ConflictOn = { field: { field: string } } | Record<string, unknown> | 'status'
export interface Candidate {
  value: Value
  change: string
  actor: string
  at: string
}
export interface Conflict {
  part: Part
  on: ConflictOn
  candidates: Candidate[]
}
export interface Ticket {
  id: string
  number: string | null
  label: string
  lead: string | null
  status: Status
  parts: Part[]
  fields: Record<string, Value>
  problem: string
  crew: string[]
  visits: number
  events: (Item & { kind: string })[]
  checklist: { item: string; answer: Answer; at: string; actor: string }[]
  steps: (Item & { operation: string; result: string })[]
  notes: (Item & { part: Part; text: string; struck_out: boolean })[]
  parts_used: (Item & { part_number: string; name: string; quantity: number; struck_out: boolean })[]
  quotes: (Item & { amount_fen: number; explanation: string; consent: string | null })[]
  photos: (Item & { blob: string; media_type: string; bytes: number; caption: string; struck_out: boolean })[]
  confirmations: Item[]
  sheets: (Item & { named: { sheet: string; kind: SheetKind; edition: number; corrects: string | null }; blob: string; bytes: number })[]
  /** The confirmations saw everything that was done. */
  covered: boolean
  conflicts: Conflict[]
}
export type Heads = Partial<Record<Part, string[]>>
export interface TicketView {
  ticket: Ticket
  heads: Heads
  authors: Record<string, string>
}

/** `{ name: arguments }`, or the name alone where there are none: core's `Command`. */
export type Command = string | Record<string, Record<string, unknown>>

export type OutboxState = 'pending' | 'in_flight' | 'held' | 'quarantined' | 'refused'
export interface OutboxItem {
  id: number
  ticket: string
  part: Part
  command_id: string
  at: string
  command: Command
  state: OutboxState
  verdict: { verdict: string; reason?: unknown; why?: string } | null
}
export type OutboxCounts = Record<OutboxState, number>

export interface BlobRow {
  hash: string
  ticket: string
  media_type: string
  bytes: number
  state: 'unsent' | 'sent'
}
export interface SyncReport {
  round_trips: number
  sent_bytes: number
  received_bytes: number
  changed: string[]
  evicted: string[]
  unsettled: number
  complete: boolean
  wiped: boolean
}
export interface Unsent {
  commands: number
  carried: number
  blobs: number
  blob_bytes: number
  tickets: number
}
