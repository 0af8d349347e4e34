// Answers of the API for component tests: one ticket with everything on it, in English but for codes.
// Types make them answers of the contract.

import type {
  Account, AuditEntry, Candidate, Catalogue, Conflict, Device, Overview, QuarantineItem, Session, SessionEntry, Ticket,
  TicketDetail, TicketRow, TimelineEntry, User,
} from '@/api/types'

const OFFICE = 'aa'.repeat(16)
const FIELD = 'bb'.repeat(16)
const CHANGE = (n: number) => n.toString(16).padStart(2, '0').repeat(32)
export const TICKET_ID = '0192f000-0000-7000-8000-0000004f2a1c'

const both = (text: string) => ({ zh: text, en: text })
const entry = (code: string, text: string) => ({ code, label: both(text) })

export const session: Session = { person: 'G1001', name: 'Lin Fang', roles: ['dispatcher', 'supervisor'],
  capabilities: ['take_in', 'grade', 'assign', 'decide', 'see_devices', 'keep_devices'],
  lacks: null, proof: 'password', proved_at: '2026-11-22T00:00:00Z', expires_at: '2026-11-22T12:00:00Z',
}

export const catalogue: Catalogue = {
  version: 3,
  organisation: 'Sample Instruments',
  zone: 'Asia/Shanghai',
  regions: [entry('east', 'East'), entry('north', 'North')],
  groups: [{ ...entry('g1', 'East pumps'), regions: ['east'], product_lines: ['pump'] }],
  product_lines: [{ ...entry('pump', 'Pumps'), checklist: 'pump-visit', parts: [entry('P-100', 'Seal')] }],
  checklists: [
    { ...entry('pump-visit', 'Pump visit'), items: [entry('power-off', 'Switch the power off'), entry('pressure', 'Read the pressure'), entry('leak', 'Look for leaks'), entry('clean', 'Clean the place')] },
  ],
  people: [
    { id: 'G1001', name: 'Lin Fang', roles: ['dispatcher', 'supervisor'], group: null, skills: [] },
    { id: 'G2001', name: 'Chen Wei', roles: ['technician'], group: 'g1', skills: ['pump'] },
    { id: 'G2002', name: 'Zhao Lei', roles: ['technician'], group: 'g1', skills: ['pump'] },
  ],
  consent: both('I agree.'),
}

export const overview: Overview = { open: 42, unassigned: 5, conflicts: 2, quarantined: 1, overdue: 3, soon: 4,
  waiting: { parts: 6, customer: 2 }, unsent_phones: 1, by_status: { received: 5 } }

const candidate = (value: Candidate['value'], n: number, actor: string, at: string): Candidate => ({ value, change: CHANGE(n), actor, at })

export const serialConflict: Conflict = {
  part: 'service',
  on: { field: { field: 'serial' } },
  candidates: [
    candidate('SN-2291-B', 1, FIELD, '2026-11-22T02:40:00Z'),
    candidate('SN-2291-8', 2, OFFICE, '2026-11-22T02:10:00Z'),
  ],
}

const item = (key: string, at: string, actor = FIELD) => ({ key, at, actor })
const event = (key: string, kind: Ticket['events'][number]['kind'], after: string[], at: string, actor = FIELD, reason: string | null = null) => ({
  key, kind, after, reason, detail: null, at, actor,
})

export const ticket: Ticket = {
  id: TICKET_ID,
  number: 'FW202611220007',
  status: 'cancelled',
  clashes: [{ cancelled: 'aaaaa9', progress: 'bbbbb7' }],
  parts: ['service', 'customer', 'office'],
  fields: {
    ticket_type: 'repair', channel: 'phone', reported_at: '2026-11-22T00:30:00Z', region: 'east', product_line: 'pump',
    model: 'HP-300', serial: 'SN-2291-B', purchase_date: '2024-03-18', warranty: 'inside', grade: 'A',
    grade_reasons: 'Line stands still', impact: 'core_business', lead: 'G2001', group: 'g1',
    appointed_from: '2026-11-22T02:00:00Z', appointed_until: '2026-11-22T04:00:00Z', appointment_remark: 'North gate',
    cause: 'hardware', route: 'on_site', conclusion: 'The seal is worn.', quantity_used: 2,
    customer_name: 'Hu Min', customer_phone: '13800000000', address: '8 Long Street', handover_note: 'Ask for the invoice.',
  },
  problem: 'The pump loses pressure after ten minutes.\nThe line stands still.',
  crew: ['G2001', 'G2002'],
  visits: 1,
  events: [
    event('aaaaa1', 'opened', [], '2026-11-22T00:31:00Z', OFFICE),
    event('aaaaa2', 'assigned', ['aaaaa1'], '2026-11-22T00:40:00Z', OFFICE),
    event('bbbbb1', 'accepted', ['aaaaa2'], '2026-11-22T00:45:00Z'),
    event('bbbbb2', 'arrived', ['bbbbb1'], '2026-11-22T02:05:00Z'),
    event('aaaaa9', 'cancelled', ['bbbbb1'], '2026-11-22T02:30:00Z', OFFICE, 'The customer called it off'),
    event('bbbbb7', 'completed', ['bbbbb2'], '2026-11-22T03:10:00Z'),
  ],
  checklist: [
    { item: 'power-off', answer: 'done', at: '2026-11-22T02:06:00Z', actor: FIELD },
    { item: 'pressure', answer: { reading: { text: '0.32 MPa' } }, at: '2026-11-22T02:12:00Z', actor: FIELD },
    { item: 'leak', answer: { skipped: { reason: 'No access' } }, at: '2026-11-22T02:14:00Z', actor: FIELD },
  ],
  steps: [{ ...item('bbbbb3', '2026-11-22T02:20:00Z'), operation: 'Opened the housing', result: 'The seal is worn.' }],
  notes: [
    { ...item('bbbbb4', '2026-11-22T02:25:00Z'), part: 'service', text: 'Customer was on site.', struck_out: false },
    { ...item('aaaaa5', '2026-11-22T02:27:00Z', OFFICE), part: 'office', text: 'Second case of this batch.', struck_out: false },
  ],
  parts_used: [{ ...item('bbbbb5', '2026-11-22T02:50:00Z'), part_number: 'P-100', name: 'Seal', quantity: 2, struck_out: false }],
  quotes: [{ ...item('bbbbb6', '2026-11-22T02:45:00Z'), amount_fen: 38_050, explanation: 'Seal and labour', consent: 'agreed', consent_by: 'customer' }],
  photos: [{ ...item('bbbbb8', '2026-11-22T02:22:00Z'), blob: 'cd'.repeat(32), media_type: 'image/jpeg', bytes: 1_840_000, caption: 'Worn seal', struck_out: false }],
  confirmations: [
    { ...item('bbbbc1', '2026-11-22T03:15:00Z'), method: 'signature', answers: { solved: true, satisfied: true, professionalism: 9, comments: 'Quick.' }, shown: CHANGE(9) },
  ],
  signatures: [
    {
      ...item('bbbbc2', '2026-11-22T03:15:00Z'), signer: 'Hu Min', capacity: 'customer', shown: CHANGE(9),
      ink: {
        width: 32_000, height: 12_000,
        strokes: [
          Array.from({ length: 40 }, (_, i) => ({ x: 4_000 + i * 300, y: Math.round(6_000 + 2_500 * Math.sin(i / 4)), millis: i * 12, pressure: 400 + i * 5 })),
          Array.from({ length: 30 }, (_, i) => ({ x: 17_000 + i * 330, y: Math.round(5_500 + 3_000 * Math.cos(i / 3)), millis: 700 + i * 12, pressure: null })),
          [{ x: 28_500, y: 3_000, millis: 1_300, pressure: null }],
        ],
      },
    },
  ],
  follow_ups: [{ ...item('aaaab1', '2026-11-22T05:00:00Z', OFFICE), satisfied: true, score: 9, remarks: 'Came on time.' }],
  conflicts: [
    serialConflict,
    {
      part: 'service', on: { checklist: { item: 'leak' } },
      candidates: [candidate('skipped:No access', 3, FIELD, '2026-11-22T02:14:00Z'), candidate('done', 4, OFFICE, '2026-11-22T02:00:00Z')],
    },
  ],
}

export const detail: TicketDetail = {
  ticket,
  heads: { service: ['11'.repeat(32)], customer: ['22'.repeat(32)], office: ['33'.repeat(32)] },
  authors: {
    [OFFICE]: { person: 'G1001', name: 'Lin Fang', device: 'd-office', device_name: 'Office' },
    [FIELD]: { person: 'G2001', name: 'Chen Wei', device: 'd-phone', device_name: 'Phone of Chen Wei' },
  },
  allowed: ['assign', 'cancel', 'write_note', 'correct', 'edit_problem', 'strike_out', 'settle_conflict', 'settle_status', 'grade', 'reopen', 'follow_up', 'close'],
}

const timed = (seq: number, claimed: string, commands: TimelineEntry['commands'], more: Partial<TimelineEntry> = {}): TimelineEntry => ({
  seq, part: 'service', person: 'G2001', name: 'Chen Wei', device: 'd-phone', device_name: 'Phone of Chen Wei', claimed_at: claimed,
  received_at: '2026-11-22T04:00:00Z', earliest: '2026-11-22T00:00:00Z', commands, merged: 'none', marked: false, ...more,
})

export const timeline: TimelineEntry[] = [
  timed(1, '2026-11-22T00:31:00Z', [{ open: { fields: [{ field: 'model', value: 'HP-300' }, { field: 'channel', value: 'phone' }], problem: ticket.problem } }], { name: 'Lin Fang', device_name: 'Office' }),
  timed(2, '2026-11-22T00:31:00Z', [{ record_customer: { fields: [{ field: 'customer_name', value: 'Hu Min' }] } }], { part: 'customer', name: 'Lin Fang', device_name: 'Office' }),
  timed(3, '2026-11-22T00:40:00Z', [{ assign: { crew: ['G2001', 'G2002'], lead: 'G2001', group: 'g1' } }], { name: 'Lin Fang', device_name: 'Office' }),
  timed(4, '2026-11-22T02:05:00Z', ['accept', 'arrive'], { merged: 'soft' }),
  timed(5, '2026-11-22T02:12:00Z', [{ answer_checklist: { answers: [{ item: 'pressure', answer: { reading: { text: '0.32 MPa' } } }] } }]),
  timed(6, '2026-11-21T02:40:00Z', [{ correct: { field: 'serial', value: 'SN-2291-B' } }], { merged: 'hard' }),
  timed(7, '2026-11-22T03:15:00Z', [{ confirm: { method: 'signature', answers: ticket.confirmations[0]!.answers, shown: CHANGE(9) } }]),
]

export const row: TicketRow = {
  id: TICKET_ID, number: 'FW202611220007', label: 'FW202611220007', status: 'cancelled', grade: 'A', region: 'east', product_line: 'pump',
  model: 'HP-300', problem: 'The pump loses pressure after ten minutes.', customer_name: 'Hu Min', lead: 'G2001',
  appointed_from: '2026-11-22T02:00:00Z', conflicts: 2, clashes: 1, opened_at: '2026-11-22T00:31:00Z', updated_at: '2026-11-22T04:00:00Z',
  clock: { clock: 'arrival', due_at: '2026-11-22T03:00:00Z', soon_at: '2026-11-22T02:30:00Z', paused_by: null }, waiting_for: null,
}

export const devices: Device[] = [
  { id: 'd-phone', name: 'Phone of Chen Wei', person: 'G2001', person_name: 'Chen Wei', enrolled_at: '2026-11-01T01:00:00Z', last_seen: '2026-11-22T04:00:00Z', revoked_at: null, revoked_reason: null, continues: null, unsent: { commands: 3, oldest: '2026-11-20T01:00:00Z', attachments: 2 }, wipe_requested_at: null, wiped_at: null },
  { id: 'd-old', name: 'Old phone', person: 'G2002', person_name: 'Zhao Lei', enrolled_at: '2026-06-01T01:00:00Z', last_seen: null, revoked_at: '2026-10-01T01:00:00Z', revoked_reason: 'Left in a taxi', continues: 'd-phone', unsent: null, wipe_requested_at: '2026-10-01T01:00:00Z', wiped_at: '2026-10-02T01:00:00Z' },
]

export const account: Account = {
  person: 'G1001', name: 'Lin Fang', roles: ['dispatcher', 'administrator'], lacks: null, totp: false, passkeys: [], passkeys_available: true, recovery_codes: 0,
}

export const sessions: SessionEntry[] = [
  { id: 's-here', current: true, proof: 'password', agent: 'A browser', created_at: '2026-11-22T00:00:00Z', last_seen: '2026-11-22T04:00:00Z', expires_at: '2026-11-22T12:00:00Z' },
  { id: 's-there', current: false, proof: 'totp', agent: 'Another browser', created_at: '2026-11-21T20:00:00Z', last_seen: '2026-11-22T03:00:00Z', expires_at: '2026-11-22T08:00:00Z' },
]

const user: User = {
  id: 'G2001', name: 'Chen Wei', roles: ['technician'], group: 'g1', skills: ['pump'], unit: null, active: true, has_password: false, password_temporary: false,
  totp: false, passkeys: 0, recovery_codes: 0, sessions: 0,
}
export const users: User[] = [
  { ...user, id: 'G1001', name: 'Lin Fang', roles: ['dispatcher', 'administrator'], has_password: true, sessions: 2 },
  user,
  { ...user, id: 'G1003', name: 'Sun Li', roles: ['auditor'], has_password: true, totp: true, passkeys: 1, recovery_codes: 9, sessions: 1 },
]

export const quarantine: QuarantineItem[] = [
  { changeset: 'ee'.repeat(32), ticket: TICKET_ID, label: 'FW202611220007', part: 'service', person: 'G2002', name: 'Zhao Lei', reason: 'reassigned', received_at: '2026-11-22T04:10:00Z', commands: [{ complete: { summary: 'Seal replaced' } }] },
  { changeset: 'ef'.repeat(32), ticket: TICKET_ID, label: 'FW202611220007', part: 'service', person: 'G2002', name: 'Zhao Lei', reason: 'never_complete', received_at: '2026-11-22T04:12:00Z', commands: [{ write_note: { part: 'service', text: 'Done' } }] },
]

export const audit: AuditEntry[] = [
  {
    seq: 43, at: '2026-11-22T02:00:00Z', actor: 'device:d-phone', person: 'G4001', person_name: 'Zhao Lei', device_name: 'Zhao’s phone',
    action: 'parts_given', detail: { tickets: { 't-1': ['service'], 't-2': ['service', 'customer'] } }, hash: 'b1',
  },
  {
    seq: 42, at: '2026-11-22T01:59:00Z', actor: 'person:G1001', person: 'G1001', person_name: 'Lin Fang', device_name: null,
    action: 'ticket_read', detail: { id: 'FW202611220007', status: 403 }, hash: 'a0',
  },
]
