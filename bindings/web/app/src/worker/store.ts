// The worker that owns the phone: core, its database and its keys live here and nowhere else.
//
// Invariant: one tab's worker holds the lock over the store's whole life; the lock goes with the worker.

import * as Comlink from 'comlink'
import coreUrl from '#core/gongdan_web_bg.wasm?url'
import init, { inkFault, Phone, parseInvitation, reportWipe, sheetReceipt } from '#core/gongdan_web.js'
import { faultOf, PhoneError, type Fault } from '@/domain/fault'
import type { BlobRow, OutboxCounts, OutboxItem, Unsent } from '@/domain/types'
import type { Hearing, PhoneApi, Place, Standing } from './api'
import { Record2 } from './files'
import { PhotoLane, type Begun } from './photos'
import { Sheets } from './sheets'
import { Syncing } from './syncing'
import { transport } from './transport'
import { Vault } from './vault'

const LOCK = 'gongdan-store'
/** A page that reloads leaves its worker behind for a moment. */
const LOCK_WAIT_MS = 4_000
const PATH = 'gongdan-store'
const NOTHING: OutboxCounts = { pending: 0, in_flight: 0, held: 0, quarantined: 0, refused: 0 }

let hearing: Hearing | undefined
let vault: Vault | undefined
let begun: Record2<Begun> | undefined
let phone: Phone | undefined
let syncing: Syncing | undefined
const sheets = new Sheets()
let place: Place = 'not_enrolled'

/** What waits until the lock is given; the lock is held until the worker ends. */
function takeLock(): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(LOCK_WAIT_MS)
    navigator.locks
      .request(LOCK, { signal }, () => {
        resolve(true)
        return new Promise(() => undefined)
      })
      .catch(() => resolve(false))
  })
}

function held<T>(part: T | undefined): T {
  if (!part) throw new PhoneError({ variant: 'Store', code: 'not_enrolled' })
  return part
}

function standing(): Standing {
  const empty = {
    place, person: null, counts: NOTHING, oldest: null, photos: 0, syncing: false, contact: null, fault: null, lock: null,
  }
  if (!phone || place !== 'open') return empty
  try {
    const outbox = JSON.parse(phone.outbox()) as OutboxItem[]
    const waiting = outbox.filter(({ state }) => state === 'pending' || state === 'in_flight')
    const told = syncing?.told ?? { syncing: false, contact: null, fault: null }
    return {
      place,
      person: phone.person(),
      counts: JSON.parse(phone.outboxCounts()) as OutboxCounts,
      oldest: waiting[0]?.at ?? null,
      photos: (JSON.parse(phone.unsentBlobs()) as BlobRow[]).length,
      syncing: told.syncing,
      contact: told.contact,
      fault: told.fault,
      lock: phone.lock() ?? null,
    }
  } catch (thrown) {
    return { ...empty, fault: faultOf(thrown) }
  }
}

function tell(): void {
  hearing?.standing(standing())
}

const observer = { changed: (tickets: string[]) => hearing?.changed(tickets) }

function opened(now: Phone): void {
  phone = now
  place = 'open'
  syncing = new Syncing(now, new PhotoLane(now, held(begun)), (report) => {
    if (report?.wiped) {
      emptied()
      return
    }
    if (report && report.evicted.length > 0) hearing?.changed(report.evicted)
    tell()
  })
  syncing.start()
  tell()
}

function emptied(): void {
  syncing?.stop()
  sheets.forget()
  phone = undefined
  syncing = undefined
  place = vault?.wasWiped ? 'wiped' : 'not_enrolled'
  tell()
}

/** Faults go to the page as faults: comlink carries only an error's message. */
function guarded<A extends unknown[], T>(work: (...args: A) => T | Promise<T>) {
  return async (...args: A): Promise<T> => {
    try {
      return await work(...args)
    } catch (thrown) {
      throw new Error(JSON.stringify(faultOf(thrown) satisfies Fault))
    }
  }
}

const read = <T>(json: string) => JSON.parse(json) as T

const api: { [K in keyof PhoneApi]: (...args: Parameters<PhoneApi[K]>) => unknown } = {
  async start(to) {
    hearing = to
    if (!navigator.storage?.getDirectory || !navigator.locks || !crypto.subtle) return (place = 'unsupported')
    if (!vault) {
      if (!(await takeLock())) return (place = 'elsewhere')
      try {
        await init({ module_or_path: coreUrl })
        vault = await Vault.open()
        begun = await Record2.open<Begun>('uploads')
      } catch {
        return (place = 'unsupported')
      }
    }
    if (vault.wasWiped) {
      await reportWipe(PATH, transport, vault.closedKeyStore()).catch(() => undefined)
      return (place = vault.wasWiped ? 'wiped' : 'not_enrolled')
    }
    return (place = phone ? 'open' : vault.holdsKeys ? 'locked' : 'not_enrolled')
  },
  async enrolWith(code, deviceName, pin) {
    const keys = await held(vault).make(pin)
    const made = await Phone.enrolWith(PATH, transport, code, deviceName, keys, observer)
    held(vault).enrolled()
    opened(made)
  },
  async unlock(pin) {
    const keys = await held(vault).unlock(pin)
    opened(await Phone.open(PATH, keys, observer))
  },
  parseInvitation: (uri) => read(parseInvitation(uri)),

  list: (filter) => read(held(phone).list(JSON.stringify(filter))),
  ticket: (id) => read(held(phone).ticket(id)),
  catalogue: () => read(held(phone).catalogue()),
  openTicket(commands) {
    const id = held(phone).openTicket(JSON.stringify(commands))
    written()
    return id
  },
  execute(ticket, seen, commands) {
    held(phone).execute(ticket, JSON.stringify(seen), JSON.stringify(commands))
    written()
  },
  outbox: () => read(held(phone).outbox()),
  dismiss(id) {
    const dismissed = held(phone).dismiss(id)
    tell()
    return dismissed
  },
  addPhoto(ticket, seen, mediaType, bytes, caption) {
    const blob = held(phone).addBlob(ticket, mediaType, bytes)
    const command = { attach_photo: { blob, media_type: mediaType, bytes: bytes.length, caption } }
    held(phone).execute(ticket, JSON.stringify(seen), JSON.stringify([command]))
    written()
    return blob
  },
  unsentBlobs: () => read(held(phone).unsentBlobs()),
  readBlob: (hash) => held(phone).readBlob(hash, 0, Number.MAX_SAFE_INTEGER) ?? null,
  freeze: (ticket, language) => sheets.freeze(held(phone), ticket, language),
  forgetFrozen: () => sheets.forget(),
  inkFault: (ink) => inkFault(JSON.stringify(ink)) ?? null,
  seal(shown, signing, role, photos) {
    const sealed = sheets.seal(held(phone), shown, signing, role, photos)
    written()
    return sealed
  },
  sheetReceipt: (sheet) => read(sheetReceipt(sheet)),
  sheetDifferences: (blob) => read(held(phone).sheetDifferences(blob)),
  evidenceFile: (blob) => sheets.evidence(held(phone), blob),
  receiptTaken: (sheet) => held(phone).receiptTaken(sheet),
  sync: () => held(syncing).run(),
  unsent: () => read(held(phone).unsent()),
  writeRescue: (passphrase) => held(phone).writeRescue(passphrase),
  confirmRescue: (file, passphrase) => held(phone).confirmRescue(file, passphrase),
  logout() {
    const answer = read<'Done' | { Unsent: { unsent: Unsent } }>(held(phone).logout())
    if (answer !== 'Done') return answer.Unsent.unsent
    emptied()
    return null
  },
}

function written(): void {
  tell()
  syncing?.soon()
}

Comlink.expose(Object.fromEntries(Object.entries(api).map(([name, work]) => [name, guarded(work as never)])))
