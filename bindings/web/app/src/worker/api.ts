// What the page asks of the worker, and what it is told.

import type {
  BlobRow, Catalogue, Command, Filter, Heads, OutboxCounts, OutboxItem, Summary, TicketView, Unsent,
} from '@/domain/types'
import type { Fault } from '@/domain/fault'

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
  sync(): Promise<void>
  unsent(): Promise<Unsent>
  writeRescue(passphrase: string): Promise<Uint8Array>
  confirmRescue(file: Uint8Array, passphrase: string): Promise<void>
  logout(): Promise<Unsent | null>
}
