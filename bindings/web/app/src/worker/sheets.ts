// Signed sheets in the worker: the one that is being read, and those that are sealed.
//
// Invariant: a frozen sheet is in this worker's memory alone and goes with it; only `seal` stores anything.

import type { FrozenSheet, Phone } from '#core/gongdan_web.js'
import { PhoneError } from '@/domain/fault'
import type { Role } from '@/domain/signing'
import type { FrozenText, SealedText, Signing } from './api'

/** Attachments up to so many bytes come along in an evidence file. */
const ENCLOSED_BYTES_MAX = 8 * 1024 * 1024
const PHOTO = 'image/jpeg'

const offsetMinutes = () => -new Date().getTimezoneOffset()

export class Sheets {
  private frozen: { ticket: string; sheet: FrozenSheet } | undefined

  /** The sheet of a ticket for the customer to read; the one before is forgotten. */
  freeze(phone: Phone, ticket: string, language: string): FrozenText {
    this.forget()
    const sheet = phone.freeze(ticket, language, offsetMinutes())
    this.frozen = { ticket, sheet }
    return { title: sheet.title(), lines: JSON.parse(sheet.lines()) as FrozenText['lines'], shown: sheet.shown() }
  }

  forget(): void {
    this.frozen?.sheet.free()
    this.frozen = undefined
  }

  /** Seals the sheet that was read, whose hash `shown` is, with photos of what it rests on. */
  seal(phone: Phone, shown: string, signing: Signing, role: Role, photos: readonly Uint8Array[]): SealedText {
    const frozen = this.frozen
    if (!frozen || frozen.sheet.shown() !== shown) throw new PhoneError({ variant: 'Stale' })
    const attachments = photos.map((bytes) => ({
      role, hash: phone.addBlob(frozen.ticket, PHOTO, bytes), media_type: PHOTO, bytes: bytes.length,
    }))
    const clock = {
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      offset_minutes: offsetMinutes(),
      // A browser has no clock that counts from the phone's start.
      monotonic_millis: 0,
    }
    const sealed = phone.seal(frozen.sheet, JSON.stringify({ ...signing, attachments }), JSON.stringify(clock))
    this.forget()
    return JSON.parse(sealed) as SealedText
  }

  evidence(phone: Phone, blob: string): Uint8Array | null {
    return phone.evidenceFile(blob, ENCLOSED_BYTES_MAX) ?? null
  }
}
