// Codes of the domain, as core writes them. Invariant: these lists are core's, in core's order;
// `tests/codes.test.ts` compares them with core's sources, so that a new code cannot come without a text.

export const PARTS = ['service', 'customer', 'office'] as const
export type Part = (typeof PARTS)[number]

export const STATUSES = [
  'received', 'assigned', 'accepted', 'appointed', 'departed', 'arrived', 'suspended', 'completed',
  'confirmed', 'closed', 'cancelled',
] as const
export type Status = (typeof STATUSES)[number]

export const EVENT_KINDS = [
  'opened', 'graded', 'assigned', 'accepted', 'declined', 'appointed', 'departed', 'arrived', 'suspended',
  'resumed', 'completed', 'confirmed', 'cancelled', 'reopened', 'followed_up', 'closed', 'settled',
] as const
export type EventKind = (typeof EVENT_KINDS)[number]

export const ACTIONS = [
  'open', 'record_customer', 'grade', 'assign', 'accept', 'decline', 'appoint', 'depart', 'arrive',
  'count_visit', 'suspend', 'resume', 'answer_checklist', 'record_step', 'diagnose', 'write_note',
  'use_part', 'quote', 'record_consent', 'attach_photo', 'complete', 'confirm', 'record_signature',
  'cancel', 'reopen', 'follow_up', 'close', 'correct', 'edit_problem', 'settle_conflict', 'settle_status',
  'strike_out', 'confirm_on_sheet', 'keep_sheet',
] as const
export type Action = (typeof ACTIONS)[number]

export const ROLES = [
  'intake_clerk', 'dispatcher', 'supervisor', 'technician', 'follow_up_clerk', 'administrator', 'auditor',
  'lead_technician', 'quality', 'branch', 'partner_manager', 'partner_technician',
] as const
export type Role = (typeof ROLES)[number]
/** Those who work at the customer's and may be in a crew. */
export const FIELD_ROLES: readonly Role[] = ['technician', 'lead_technician', 'partner_technician']

/** What roles hold, on tickets and beside them. */
export const CAPABILITIES = [
  'take_in', 'grade', 'note', 'describe', 'photograph', 'assign', 'assign_own_people', 'rearrange_crew',
  'pick_from_pool', 'answer', 'schedule', 'travel', 'diagnose', 'supply', 'complete', 'sign', 'cancel',
  'follow_up', 'settle_facts', 'settle_conflicts', 'settle_status', 'strike_out', 'decide', 'audit', 'export', 'see_devices',
  'keep_devices', 'keep_accounts',
] as const
export type Capability = (typeof CAPABILITIES)[number]

export const WAITING_FOR = ['parts', 'customer', 'leader'] as const
export type WaitingFor = (typeof WAITING_FOR)[number]
/** What a list may be filtered by of its clocks. */
export const DUE = ['overdue', 'soon'] as const
export const CAPACITIES = ['customer', 'representative', 'employee'] as const
export const CONFIRMATION_METHODS = ['signature', 'reply', 'receipt'] as const
export const COLLECTIONS = ['notes', 'parts_used', 'photos'] as const

export const VERDICTS = ['admitted', 'duplicate', 'held', 'quarantined', 'refused'] as const
export const QUARANTINE_REASONS = [
  'reassigned', 'right_lost', 'revoked', 'depends_on_quarantined', 'sequence_twice', 'never_complete',
  'policy_changed', 'signed',
] as const
export const MERGED = ['none', 'soft', 'hard'] as const

export const GRADES = ['A', 'B', 'C'] as const

/** What a field may hold: one line, many lines, one of `choices`, a date, an instant, a number from 0. */
export type Kind = 'short' | 'long' | 'choice' | 'date' | 'instant' | 'count'

export interface FieldSpec {
  part: Part
  section: string
  kind: Kind
  choices?: readonly string[]
}

/** The typed facts of a ticket, in the order they are shown. */
export const FIELDS = {
  ticket_type: { part: 'service', section: 'intake', kind: 'choice', choices: ['repair', 'support', 'maintenance', 'consulting'] },
  channel: { part: 'service', section: 'intake', kind: 'choice', choices: ['phone', 'email', 'online', 'on_site', 'chat', 'questionnaire'] },
  reported_at: { part: 'service', section: 'intake', kind: 'instant' },
  external_ref: { part: 'service', section: 'intake', kind: 'short' },
  region: { part: 'service', section: 'intake', kind: 'short' },
  district: { part: 'service', section: 'intake', kind: 'short' },
  wished_time: { part: 'service', section: 'intake', kind: 'short' },
  wished_mode: { part: 'service', section: 'intake', kind: 'choice', choices: ['remote', 'on_site', 'return_to_factory'] },
  tried: { part: 'service', section: 'intake', kind: 'long' },
  occurred_at: { part: 'service', section: 'intake', kind: 'short' },
  frequency: { part: 'service', section: 'intake', kind: 'choice', choices: ['once', 'intermittent', 'constant'] },
  product_line: { part: 'service', section: 'product', kind: 'short' },
  model: { part: 'service', section: 'product', kind: 'short' },
  serial: { part: 'service', section: 'product', kind: 'short' },
  purchase_date: { part: 'service', section: 'product', kind: 'date' },
  purchase_record: { part: 'service', section: 'product', kind: 'choice', choices: ['matched', 'mismatched', 'unknown'] },
  warranty: { part: 'service', section: 'product', kind: 'choice', choices: ['inside', 'outside', 'unknown'] },
  batch: { part: 'service', section: 'product', kind: 'short' },
  production_site: { part: 'service', section: 'product', kind: 'short' },
  production_date: { part: 'service', section: 'product', kind: 'date' },
  quantity_bought: { part: 'service', section: 'product', kind: 'count' },
  quantity_used: { part: 'service', section: 'product', kind: 'count' },
  grade: { part: 'service', section: 'grading', kind: 'choice', choices: ['A', 'B', 'C'] },
  grade_reasons: { part: 'service', section: 'grading', kind: 'long' },
  impact: { part: 'service', section: 'grading', kind: 'choice', choices: ['unusable', 'safety', 'core_business', 'degraded', 'slight'] },
  lead: { part: 'service', section: 'assignment', kind: 'short' },
  group: { part: 'service', section: 'assignment', kind: 'short' },
  appointed_from: { part: 'service', section: 'appointment', kind: 'instant' },
  appointed_until: { part: 'service', section: 'appointment', kind: 'instant' },
  appointment_remark: { part: 'service', section: 'appointment', kind: 'short' },
  cause: { part: 'service', section: 'diagnosis', kind: 'choice', choices: ['hardware', 'software', 'operation', 'environment'] },
  route: { part: 'service', section: 'diagnosis', kind: 'choice', choices: ['remote', 'on_site', 'return_to_factory'] },
  conclusion: { part: 'service', section: 'diagnosis', kind: 'long' },
  solution: { part: 'service', section: 'diagnosis', kind: 'long' },
  completion_summary: { part: 'service', section: 'diagnosis', kind: 'long' },
  suggestion: { part: 'service', section: 'diagnosis', kind: 'long' },
  customer_kind: { part: 'customer', section: 'customer', kind: 'choice', choices: ['individual', 'enterprise'] },
  customer_name: { part: 'customer', section: 'customer', kind: 'short' },
  customer_phone: { part: 'customer', section: 'customer', kind: 'short' },
  organisation: { part: 'customer', section: 'customer', kind: 'short' },
  address: { part: 'customer', section: 'customer', kind: 'short' },
  email: { part: 'customer', section: 'customer', kind: 'short' },
  contact_name: { part: 'customer', section: 'customer', kind: 'short' },
  contact_phone: { part: 'customer', section: 'customer', kind: 'short' },
  representative_name: { part: 'customer', section: 'customer', kind: 'short' },
  proof_of_purchase: { part: 'customer', section: 'customer', kind: 'short' },
  handling_opinion: { part: 'office', section: 'handling', kind: 'long' },
  handover_note: { part: 'office', section: 'handling', kind: 'long' },
} as const satisfies Record<string, FieldSpec>

export type FieldName = keyof typeof FIELDS
export const FIELD_NAMES = Object.keys(FIELDS) as FieldName[]

export function fieldSpec(field: FieldName): FieldSpec {
  return FIELDS[field]
}

export function isField(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name)
}

export const SECTIONS: readonly string[] = [...new Set(FIELD_NAMES.map((name) => FIELDS[name].section))]

/** Characters of a one-line fact and of a long one. */
export const SHORT_TEXT_CHARS_MAX = 200
export const LONG_TEXT_CHARS_MAX = 2_000
export const PROBLEM_TEXT_CHARS_MAX = 10_000

/** Written by a command of their own, so that they cannot be corrected like a typed value. */
export const NOT_CORRECTED: ReadonlySet<FieldName> = new Set<FieldName>([
  'lead', 'group', 'grade', 'grade_reasons', 'external_ref', 'completion_summary',
])
/** Sections whose fields an opening may write. */
export const OPENING_SECTIONS: readonly string[] = ['intake', 'product', 'grading']
