// What the page asks of the worker, and what it is told.

import type {
  BlobRow, Catalogue, Command, Filter, Heads, OutboxCounts, OutboxItem, Summary, TicketView, Unsent,
} from '@/domain/types'
import type { Fault } from '@/domain/fault'
import type { Ink } from '@/domain/ink'
import type { confirmation, Role, unsigned } from '@/domain/signing'

/** Where the store stands. */
export type Place =
  /** Another tab of this browser has it. */
  | 'elsewhere'
  /** This browser cannot keep one. */
  | 'unsupported'
  | 'not_enrolled'
  | 'locked'
  | 'open'
  /** Emptied by the office's order, which is still to hear of it. */
  | 'wiped'

/** The status line: what is saved here, what the office has. */
export interface Standing {
  place: Place
  person: string | null
  counts: OutboxCounts
  /** Claimed time of the oldest command that the office does not have. */
  oldest: string | null
  photos: number
  syncing: boolean
  contact: number | null
  fault: Fault | null
  /** Why the screens are locked, by the lease or the office's order. */
  lock: string | null
}

export interface Hearing {
  standing(standing: Standing): void
  /** These tickets are not as they were. */
  changed(tickets: string[]): void
}

/** A sheet as the customer reads it; `shown` is its hash. */
export interface FrozenText {
  title: string
  lines: { label: string; text: string }[]
  shown: string
}
export interface Receipt {
  code: string
  /** What the QR code says. */
  content: string
  /** The QR code as an SVG image. */
  svg: string
}
export interface SealedText {
  sheet: string
  blob: string
  receipt: Receipt
}
export type Signing = ReturnType<typeof confirmation> | ReturnType<typeof unsigned>
/** Where a sheet and its ticket say different things; nothing on the side that does not have it. */
export interface Difference {
  path: string
  label: string
  signed: string | null
  ticket: string | null
}

export interface PhoneApi {
  /** Takes the store, or says why not; from then on `hearing` is told. */
  start(hearing: Hearing): Promise<Place>
  enrolWith(code: string, deviceName: string, pin: string): Promise<void>
  unlock(pin: string): Promise<void>
  parseInvitation(uri: string): Promise<{ server: string; code: string }>

  list(filter: Filter): Promise<Summary[]>
  ticket(id: string): Promise<TicketView | null>
  catalogue(): Promise<Catalogue | null>
  openTicket(commands: Command[]): Promise<string>
  execute(ticket: string, seen: Heads, commands: Command[]): Promise<void>
  outbox(): Promise<OutboxItem[]>
  dismiss(id: number): Promise<boolean>
  addPhoto(ticket: string, seen: Heads, mediaType: string, bytes: Uint8Array, caption: string): Promise<string>
  unsentBlobs(): Promise<BlobRow[]>
  readBlob(hash: string): Promise<Uint8Array | null>
  /** Freezes a ticket for the customer to read (`zh`, `en`); nothing is stored. */
  freeze(ticket: string, language: string): Promise<FrozenText>
  /** The customer gave the phone back without signing. */
  forgetFrozen(): Promise<void>
  /** Why ink is no signature, in core's code; nothing where it can be one. */
  inkFault(ink: Ink): Promise<string | null>
  seal(shown: string, signing: Signing, role: Role, photos: Uint8Array[]): Promise<SealedText>
  /** The receipt once more. */
  sheetReceipt(sheet: string): Promise<Receipt>
  /** Nothing where the sheet's bytes are not on this phone; so with the next one. */
  sheetDifferences(blob: string): Promise<Difference[] | null>
  evidenceFile(blob: string): Promise<Uint8Array | null>
  receiptTaken(sheet: string): Promise<void>
  sync(): Promise<void>
  unsent(): Promise<Unsent>
  writeRescue(passphrase: string): Promise<Uint8Array>
  confirmRescue(file: Uint8Array, passphrase: string): Promise<void>
  logout(): Promise<Unsent | null>
}
