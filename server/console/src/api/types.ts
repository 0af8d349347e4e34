// The vocabulary of the JSON API: what core's structs look like as JSON. Nothing else in the
// console says what an answer looks like.
//
// Instants are RFC 3339 strings, ids and hashes lowercase hexadecimal or UUIDs, money is in fen.

import type { Action, Capability, FieldName, EventKind, Part, Role, Status, VERDICTS, WaitingFor } from '@/domain/codes'

/** A fact's value; `null` is a field that was emptied. */
export type Value = string | number | null

export interface Session {
  person: string
  name: string
  roles: Role[]
  capabilities: Capability[]
  /** What the account lacks: until it is there, only the own account answers. */
  lacks: Lack | null
  proof: Proof
  proved_at: string
  expires_at: string
}

export type Lack = 'new_password' | 'second_factor'
export type Proof = 'password' | 'totp' | 'recovery_code' | 'passkey'

export interface Passkey {
  id: number
  name: string
  created_at: string
  used_at: string | null
}

export interface Account {
  person: string
  name: string
  roles: Role[]
  lacks: Lack | null
  totp: boolean
  passkeys: Passkey[]
  passkeys_available: boolean
  recovery_codes: number
}

export interface SessionEntry {
  id: string
  /** The one that asks. */
  current: boolean
  proof: Proof
  /** What the browser calls itself. */
  agent: string
  created_at: string
  last_seen: string
  expires_at: string
}

/** What an authenticator is to be asked, and the name to answer under. */
export interface Ceremony {
  ceremony: string
  options: Record<string, unknown>
}

export interface User {
  id: string
  name: string
  roles: Role[]
  group: string | null
  skills: string[]
  unit: string | null
  active: boolean
  has_password: boolean
  password_temporary: boolean
  totp: boolean
  passkeys: number
  recovery_codes: number
  sessions: number
}

export interface UserFields {
  name: string
  roles: Role[]
  /** Empty for none. */
  group: string
  skills: string[]
  /** Empty for none. */
  unit: string
}

/** What a person reads, in the languages of the product. */
export interface Label {
  zh: string
  en: string
}

export interface Entry {
  code: string
  label: Label
}

export interface Group extends Entry {
  regions: string[]
  product_lines: string[]
}

export interface ProductLine extends Entry {
  checklist: string
  parts: Entry[]
}

export interface Checklist extends Entry {
  items: Entry[]
}

export interface Person {
  id: string
  name: string
  roles: Role[]
  group: string | null
  skills: string[]
  /** Code of the partner or branch, where it is not the organisation itself. */
  unit?: string
}

export interface Catalogue {
  version: number
  organisation: string
  zone: string
  regions: Entry[]
  units?: Entry[]
  groups: Group[]
  product_lines: ProductLine[]
  checklists: Checklist[]
  people: Person[]
  consent: Label
  service?: { clocks?: ClockRule[] }
}

export type ClockName = 'first_response' | 'dispatch' | 'arrival' | 'completion' | 'sheet_return' | 'follow_up'

export interface ClockRule {
  clock: ClockName
  within: { grade?: string; regions?: string[]; product_lines?: string[]; hours: number }[]
}

/** What a clock shows. */
export interface ClockReading {
  clock: ClockName
  state: 'running' | 'paused' | 'met' | 'overdue' | 'called_off'
  started_at: string
  due_at: string | null
  stopped_at: string | null
  paused_by: Status | null
  allowed_seconds: number
  elapsed_seconds: number
  /** Whether it comes out the same at every instant that is possible of its events. */
  is_proven: boolean
}

export interface Overview {
  open: number
  unassigned: number
  conflicts: number
  quarantined: number
  overdue: number
  soon: number
  waiting: Record<string, number>
  unsent_phones: number
  by_status: Partial<Record<Status, number>>
}

/** A line of the list. */
export interface TicketRow {
  id: string
  number: string | null
  label: string
  status: Status
  grade: string | null
  region: string | null
  product_line: string | null
  model: string | null
  problem: string
  customer_name: string | null
  lead: string | null
  appointed_from: string | null
  conflicts: number
  clashes: number
  opened_at: string
  updated_at: string
  clock: NextClock | null
  waiting_for: WaitingFor | null
}

/** The clock of an open ticket that is over first. */
export interface NextClock {
  clock: ClockName
  due_at: string | null
  /** When a quarter of its time is left. */
  soon_at: string | null
  paused_by: Status | null
}

export interface TicketPage {
  items: TicketRow[]
  next: string | null
  total: number
}

export interface TicketQuery {
  q?: string
  status?: string
  grade?: string
  region?: string
  lead?: string
  conflicts?: boolean
  due?: string
  waiting_for?: string
  order?: string
  limit?: number
  after?: string
}

export type Answer = 'done' | 'not_applicable' | { skipped: { reason: string } } | { reading: { text: string } }

export type Capacity = 'customer' | 'representative' | 'employee'

export type ConfirmationMethod = 'signature' | 'reply' | 'receipt'

export interface FourAnswers {
  solved: boolean
  satisfied: boolean
  professionalism: number
  comments: string | null
}

/** Lengths in hundredths of a CSS pixel, `millis` since the first point, `pressure` in thousandths. */
export interface InkPoint {
  x: number
  y: number
  millis: number
  pressure: number | null
}

export interface Ink {
  width: number
  height: number
  strokes: InkPoint[][]
}

export type ConflictOn =
  | { field: { field: FieldName } }
  | { checklist: { item: string } }
  | { crew: { person: string } }
  | { consent: { quote: string } }
  | 'status'

export interface Candidate {
  value: Value
  change: string
  actor: string
  at: string
}

/** The candidate that work goes on with stands first. */
export interface Conflict {
  part: Part
  on: ConflictOn
  candidates: Candidate[]
}

/** Keys of two events that cannot both hold. */
export interface Clash {
  cancelled: string
  progress: string
}

export interface TicketEvent {
  key: string
  kind: EventKind
  after: string[]
  reason: string | null
  detail: string | null
  at: string
  actor: string
}

export interface ChecklistAnswer {
  item: string
  answer: Answer
  at: string
  actor: string
}

/** What every item of a collection has. */
export interface Item {
  key: string
  at: string
  actor: string
}

export interface DiagnosisStep extends Item {
  operation: string
  result: string
}

export interface Note extends Item {
  part: Part
  text: string
  struck_out: boolean
}

export interface PartUsed extends Item {
  part_number: string
  name: string
  quantity: number
  struck_out: boolean
}

export interface Quote extends Item {
  amount_fen: number
  explanation: string
  consent: 'agreed' | 'declined' | null
  consent_by: Capacity | null
}

export interface Photo extends Item {
  blob: string
  media_type: string
  bytes: number
  caption: string
  struck_out: boolean
}

export type SheetKind = 'ink' | 'paper' | 'reply' | 'receipt' | 'absent' | 'refused'
/** The reference of a signed sheet in its ticket. */
export interface SheetKept {
  key: string
  at: string
  actor: string
  named: { sheet: string; kind: SheetKind; edition: number; corrects: string | null }
  blob: string
  bytes: number
}
export interface Confirmation extends Item {
  method: ConfirmationMethod
  answers: FourAnswers
  shown: string
}

export interface Signature extends Item {
  signer: string
  capacity: Capacity
  shown: string
  ink: Ink
}

export interface FollowUpCall extends Item {
  satisfied: boolean
  score: number
  remarks: string | null
}

export interface Ticket {
  id: string
  number: string | null
  status: Status
  clashes: Clash[]
  parts: Part[]
  fields: Partial<Record<FieldName, Value>>
  problem: string
  crew: string[]
  visits: number
  events: TicketEvent[]
  checklist: ChecklistAnswer[]
  steps: DiagnosisStep[]
  notes: Note[]
  parts_used: PartUsed[]
  quotes: Quote[]
  photos: Photo[]
  confirmations: Confirmation[]
  signatures: Signature[]
  sheets?: SheetKept[]
  follow_ups: FollowUpCall[]
  conflicts: Conflict[]
}

export interface Author {
  person: string
  name: string
  device: string
  device_name: string
}

/** Heads by part: what a form was opened with, sent back with what it wrote. */
export type Heads = Partial<Record<Part, string[]>>

export interface TicketDetail {
  ticket: Ticket
  heads: Heads
  authors: Record<string, Author>
  /** What the signed-in person may do with the ticket as it stands; a server may leave it out. */
  allowed?: Action[]
  clocks?: ClockReading[]
  /** Of these the one that is over first. */
  clock?: NextClock | null
}

/** A command: a code alone, or one code with what it says. */
export type Command = string | { [action: string]: Record<string, unknown> }

export interface TimelineEntry {
  seq: number
  part: Part
  person: string
  name: string
  device: string
  device_name: string
  claimed_at: string
  received_at: string
  earliest: string | null
  commands: Command[]
  merged: 'none' | 'soft' | 'hard'
  /** Its author was not assigned any more when it came. */
  marked: boolean
}

/** The gate's answer to what was sent; a refusal names its reason by a code. */
export interface Verdict {
  verdict: (typeof VERDICTS)[number]
  seq?: number
  reason?: string | { code: string }
}

export interface Device {
  id: string
  name: string
  person: string
  person_name: string
  enrolled_at: string
  /** To the minute. */
  last_seen: string | null
  revoked_at: string | null
  revoked_reason: string | null
  /** The device that it goes on from: a phone that was put back to a backup, or copied. */
  continues: string | null
  /** What it had not sent at its last exchange, beyond what came with it. */
  unsent: { commands: number; oldest: string | null; attachments: number } | null
  /** Since when it is to destroy what it holds, once its outbox went out. */
  wipe_requested_at: string | null
  /** When it said that it has. */
  wiped_at: string | null
}

export interface Invitation {
  code: string
  uri: string
  expires_at: string
}

/** An entry of the audit chain. */
export interface AuditEntry {
  seq: number
  at: string
  /** `person:…`, `device:…`, `operator` or `server`. */
  actor: string
  person: string | null
  person_name: string | null
  device_name: string | null
  action: string
  detail: Record<string, unknown>
  hash: string
}

export interface AuditPage {
  entries: AuditEntry[]
  next: number | null
}

export interface AuditQuery {
  person?: string
  action?: string
  ticket?: string
  before?: string
}

export interface QuarantineItem {
  changeset: string
  ticket: string
  label: string
  part: Part
  person: string
  name: string
  reason: string
  received_at: string
  commands: Command[]
}

export interface QuarantineQuery {
  reason?: string
  after?: string
  limit?: number
}

export interface QuarantinePage {
  items: QuarantineItem[]
  next: string | null
  /** How many wait for each reason. */
  waiting: Record<string, number>
}

export interface FieldValue {
  field: FieldName
  value: Value
}
