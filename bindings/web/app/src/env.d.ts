/// <reference types="vite/client" />

// The module that `cargo xtask wasm phone` builds; its own declarations lie beside it.
declare module '#core/gongdan_web.js' {
  export interface Request {
    method: string
    path: string
    authorization?: string
    contentType: string
    body: Uint8Array
    free(): void
  }
  export interface Response {
    status: number
    body: Uint8Array
  }
  export interface KeyStore {
    load(secret: string): Uint8Array | undefined
    save(secret: string, bytes: Uint8Array): void
    destroy(secret: string): void
  }
  export interface Observer {
    changed(tickets: string[]): void
  }
  export interface Transport {
    send(request: Request): Promise<Response>
  }
  export class FrozenSheet {
    private constructor()
    free(): void
    title(): string
    lines(): string
    shown(): string
  }
  export class Phone {
    private constructor()
    static open(path: string, keyStore: KeyStore, observer?: Observer): Promise<Phone>
    static enrolWith(
      path: string,
      transport: Transport,
      code: string,
      deviceName: string,
      keyStore: KeyStore,
      observer?: Observer,
    ): Promise<Phone>
    free(): void
    person(): string
    device(): string
    lock(): string | undefined
    list(filter: string): string
    ticket(id: string): string
    catalogue(): string
    openTicket(commands: string): string
    execute(ticket: string, seen: string, commands: string): void
    outbox(): string
    outboxCounts(): string
    dismiss(id: number): boolean
    serverTime(): string | undefined
    addBlob(ticket: string, mediaType: string, bytes: Uint8Array): string
    unsentBlobs(): string
    readBlob(hash: string, offset: number, length: number): Uint8Array | undefined
    markBlobSent(hash: string): void
    dropBlob(hash: string): boolean
    freeze(ticket: string, language: string, offsetMinutes: number): FrozenSheet
    seal(frozen: FrozenSheet, signing: string, clock: string): string
    sheetDifferences(blob: string): string
    receiptTaken(sheet: string): void
    evidenceFile(blob: string, enclosedBytesMax: number): Uint8Array | undefined
    signRequest(method: string, path: string, body: Uint8Array): string
    sync(transport: Transport): Promise<string>
    unsent(): string
    writeRescue(passphrase: string): Uint8Array
    confirmRescue(file: Uint8Array, passphrase: string): void
    logout(): string
  }
  export function parseInvitation(uri: string): string
  export function inkFault(ink: string): string | undefined
  export function sheetReceipt(sheet: string): string
  export function verifyEvidence(
    file: Uint8Array,
    organisationKey: Uint8Array | undefined,
    ticket: string | undefined,
    receipt: string | undefined,
    language: string,
  ): string
  export function reportWipe(path: string, transport: Transport, keyStore: KeyStore): Promise<void>
  export function derivePinKey(pin: string, salt: Uint8Array, memoryKib: number, passes: number): Uint8Array
  export default function init(options: { module_or_path: string }): Promise<unknown>
}
