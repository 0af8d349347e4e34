// The photos' own lane: after the commands, one at a time, resumed where it was cut off (tus 1.0).

import * as tus from 'tus-js-client'
import type { Phone } from '#core/gongdan_web.js'
import type { BlobRow } from '@/domain/types'
import type { Record2 } from './files'

const CHUNK_BYTES = 256 * 1024
/** A token lasts an hour; asked for again well before. */
const TOKEN_MS = 50 * 60_000

/** Addresses of uploads that were begun, by hash. */
export type Begun = Record<string, string>

export class PhotoLane {
  private token = { value: '', until: 0 }

  constructor(
    private readonly phone: Phone,
    private readonly begun: Record2<Begun>,
  ) {}

  async bearer(): Promise<string> {
    if (Date.now() >= this.token.until) {
      const authorization = this.phone.signRequest('POST', '/v1/token', new Uint8Array())
      const answer = await fetch('/v1/token', { method: 'POST', headers: { authorization }, credentials: 'omit' })
      if (!answer.ok) throw new Error(`ask for a token: ${answer.status}`)
      const { token } = (await answer.json()) as { token: string }
      this.token = { value: token, until: Date.now() + TOKEN_MS }
    }
    return this.token.value
  }

  /** Sends what the server lacks; how many arrived. The first that does not go through ends the round. */
  async send(): Promise<number> {
    let sent = 0
    for (const row of JSON.parse(this.phone.unsentBlobs()) as BlobRow[]) {
      await this.upload(row)
      this.phone.markBlobSent(row.hash)
      this.forget(row.hash)
      sent += 1
    }
    return sent
  }

  private async upload(row: BlobRow): Promise<void> {
    const authorization = `Bearer ${await this.bearer()}`
    const pieces: Uint8Array<ArrayBuffer>[] = []
    for (let at = 0; at < row.bytes; at += CHUNK_BYTES) {
      const piece = this.phone.readBlob(row.hash, at, CHUNK_BYTES)
      if (!piece) throw new Error('read an attachment: not here')
      pieces.push(new Uint8Array(piece))
    }
    await new Promise<void>((resolve, reject) => {
      const upload = new tus.Upload(new Blob(pieces), {
        endpoint: '/v1/blobs',
        uploadUrl: this.begun.value?.[row.hash] ?? null,
        chunkSize: CHUNK_BYTES,
        headers: { authorization },
        metadata: { sha256: row.hash, filetype: row.media_type },
        retryDelays: null,
        storeFingerprintForResuming: false,
        onUploadUrlAvailable: () => {
          if (upload.url) this.begun.write({ ...this.begun.value, [row.hash]: upload.url })
        },
        onSuccess: () => resolve(),
        onError: (error) => {
          // An address that the server forgot is begun anew the next time.
          const status = error instanceof tus.DetailedError ? error.originalResponse?.getStatus() : undefined
          if (status === 404 || status === 410) this.forget(row.hash)
          reject(error)
        },
      })
      upload.start()
    })
  }

  private forget(hash: string): void {
    const { [hash]: _, ...rest } = this.begun.value ?? {}
    this.begun.write(rest)
  }
}
