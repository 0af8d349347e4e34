// Actions of the audit chain, as the server names them. Invariant: this list is the server's, in its order;
// `tests/codes.test.ts` compares them.

export const AUDIT_ACTIONS = [
  'changes_admitted', 'parts_given', 'tickets_listed', 'ticket_read', 'timeline_read', 'attachment_read',
  'quarantine_read', 'quarantine_decided', 'devices_read', 'device_invited', 'device_enrolled', 'device_renamed',
  'device_revoked', 'wipe_requested', 'wipe_withdrawn', 'device_wiped', 'signed_in', 'signed_out', 'audit_read',
  'ticket_exported', 'tickets_exported', 'tickets_printed', 'person_changed', 'organisation_loaded', 'requests_imported', 'rescue_imported',
  'rebuilt', 'backup_taken', 'people_read', 'password_drawn', 'factors_reset', 'session_ended', 'password_changed',
  'factor_changed',
] as const
