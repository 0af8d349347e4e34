// The phone's secrets: two random keys, each wrapped twice.
//
//   PIN ──Argon2id──▶ inner key ┐
//   IndexedDB: outer key, which WebCrypto never gives out ┴─▶ AES-GCM(outer, AES-GCM(inner, secret))
//
// Invariant: a copy of the files without this browser's outer key says nothing, and with it costs Argon2id for
// every PIN that is tried. A try is counted on the disk before it is made. Wrong tries delay and destroy nothing.

import { derivePinKey, type KeyStore } from '#core/gongdan_web.js'
import { delaySeconds } from '@/domain/delay'
import { PhoneError } from '@/domain/fault'
import { Record2 } from './files'

type Secret = 'DeviceKey' | 'DatabaseKey'

interface Wrapped {
  iv: string
  data: string
}
interface Kept {
  salt: string
  memoryKib: number
  passes: number
  secrets: Partial<Record<Secret, Wrapped>>
  /** The server knows the device key, and the database is made. */
  enrolled: boolean
  /** Wrong tries in a row, the one under way included. */
  tries: number
  /** Milliseconds since 1970 before which no try is made. */
  notBefore: number
  /** No secret: the signed report of a wipe that the office has not heard of. */
  wipeReport?: string
}

/** OWASP's second choice for Argon2id: 19 MiB, two passes. */
const MEMORY_KIB = 19_456
const PASSES = 2
const OUTER_KEY = 'outer'

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const unbase64 = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes))

export class Vault {
  private constructor(
    private readonly file: Record2<Kept>,
    private readonly outer: CryptoKey,
  ) {}

  static async open(): Promise<Vault> {
    return new Vault(await Record2.open<Kept>('vault'), await outerKey())
  }

  /** Whether there is something that a PIN opens. */
  get holdsKeys(): boolean {
    return this.file.value?.enrolled === true && this.file.value.secrets.DatabaseKey !== undefined
  }

  get wasWiped(): boolean {
    return this.file.value?.wipeReport !== undefined
  }

  /** Makes both secrets and keeps them under a PIN, for an enrolment. One that was cut off goes on with the same
   * secrets, which the server may know already, where the PIN is the same. */
  async make(pin: string): Promise<KeyStore> {
    if (this.file.value?.secrets.DatabaseKey) {
      try {
        return await this.unlock(pin)
      } catch (thrown) {
        if (this.holdsKeys) throw thrown
      }
    }
    const salt = random(16)
    const inner = await innerKey(pin, salt, MEMORY_KIB, PASSES)
    const [deviceKey, databaseKey] = [random(32), random(32)]
    this.file.write({
      salt: base64(salt),
      memoryKib: MEMORY_KIB,
      passes: PASSES,
      secrets: {
        DeviceKey: await this.wrap(inner, deviceKey),
        DatabaseKey: await this.wrap(inner, databaseKey),
      },
      enrolled: false,
      tries: 0,
      notBefore: 0,
    })
    return this.keyStore({ DeviceKey: deviceKey, DatabaseKey: databaseKey })
  }

  enrolled(): void {
    if (this.file.value) this.file.write({ ...this.file.value, enrolled: true })
  }

  /** The secrets behind a PIN. Throws `wrong_pin` or `too_many_tries`, with the seconds to wait. */
  async unlock(pin: string): Promise<KeyStore> {
    const kept = this.file.value
    if (!kept?.secrets.DatabaseKey) throw new PhoneError({ variant: 'Store', code: 'not_enrolled' })
    const wait = Math.ceil((kept.notBefore - Date.now()) / 1000)
    if (wait > 0) throw new PhoneError({ variant: 'Vault', code: 'too_many_tries', seconds: wait })
    const tries = kept.tries + 1
    const seconds = delaySeconds(tries)
    this.file.write({ ...kept, tries, notBefore: Date.now() + seconds * 1000 })
    const inner = await innerKey(pin, unbase64(kept.salt), kept.memoryKib, kept.passes)
    const secrets: Partial<Record<Secret, Uint8Array>> = {}
    try {
      for (const [name, wrapped] of Object.entries(kept.secrets)) {
        secrets[name as Secret] = await this.unwrap(inner, wrapped)
      }
    } catch {
      throw new PhoneError({ variant: 'Vault', code: 'wrong_pin', seconds })
    }
    this.file.write({ ...kept, tries: 0, notBefore: 0 })
    return this.keyStore(secrets)
  }

  /** For a phone that was wiped: what its report needs, and no secret. */
  closedKeyStore(): KeyStore {
    return this.keyStore({})
  }

  private keyStore(secrets: Partial<Record<Secret, Uint8Array>>): KeyStore {
    return {
      load: (name) => {
        if (name !== 'WipeReport') return secrets[name as Secret]
        const report = this.file.value?.wipeReport
        return report === undefined ? undefined : new TextEncoder().encode(report)
      },
      save: (name, bytes) => {
        // Secrets are made before the phone is opened: wrapping one takes an answer of WebCrypto.
        if (name !== 'WipeReport' || !this.file.value) throw new Error('save a secret: made beforehand')
        this.file.write({ ...this.file.value, wipeReport: new TextDecoder().decode(bytes) })
      },
      destroy: (name) => {
        const kept = this.file.value
        if (!kept) return
        if (name === 'WipeReport') {
          const { wipeReport: _, ...rest } = kept
          this.file.overwrite(rest)
          return
        }
        const { [name as Secret]: _, ...rest } = kept.secrets
        delete secrets[name as Secret]
        this.file.overwrite({ ...kept, secrets: rest })
      },
    }
  }

  private async wrap(inner: CryptoKey, secret: Uint8Array<ArrayBuffer>): Promise<Wrapped> {
    const iv = random(12)
    const once = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, inner, secret)
    const twice = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, this.outer, once)
    return { iv: base64(iv), data: base64(new Uint8Array(twice)) }
  }

  private async unwrap(inner: CryptoKey, { iv, data }: Wrapped): Promise<Uint8Array> {
    const parameters = { name: 'AES-GCM', iv: unbase64(iv) }
    const once = await crypto.subtle.decrypt(parameters, this.outer, unbase64(data))
    return new Uint8Array(await crypto.subtle.decrypt(parameters, inner, once))
  }
}

async function innerKey(pin: string, salt: Uint8Array, memoryKib: number, passes: number): Promise<CryptoKey> {
  const bytes = new Uint8Array(derivePinKey(pin, salt, memoryKib, passes))
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** The key that WebCrypto keeps for this origin and gives out to nobody; made the first time. */
async function outerKey(): Promise<CryptoKey> {
  const found = await idb<CryptoKey | undefined>('readonly', (store) => store.get(OUTER_KEY))
  if (found) return found
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  await idb('readwrite', (store) => store.put(key, OUTER_KEY))
  return key
}

async function idb<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open('gongdan', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('keys')
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(opening.error)
  })
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction('keys', mode, { durability: 'strict' })
      const request = work(transaction.objectStore('keys'))
      transaction.oncomplete = () => resolve(request.result as T)
      transaction.onabort = () => reject(transaction.error)
    })
  } finally {
    database.close()
  }
}
