// When to sync: at the start, after an act, when the network comes back, when the server hints, and on a timer.
//
// Invariant: one sync at a time; a failure is tried again later and loses nothing.

import type { Phone } from '#core/gongdan_web.js'
import { faultOf, type Fault } from '@/domain/fault'
import type { SyncReport } from '@/domain/types'
import type { PhotoLane } from './photos'
import { transport } from './transport'

const AFTER_ACT_MS = 400
const IDLE_MS = 60_000
const RETRY_MS_MIN = 3_000
const RETRY_MS_MAX = 120_000

export interface Told {
  syncing: boolean
  /** Milliseconds since 1970 of the last sync that came through. */
  contact: number | null
  /** Why the last one did not. */
  fault: Fault | null
}

export class Syncing {
  readonly told: Told = { syncing: false, contact: null, fault: null }
  private timer: ReturnType<typeof setTimeout> | undefined
  private running: Promise<void> | undefined
  private again = false
  private retryMs = RETRY_MS_MIN
  private stream: AbortController | undefined
  private ended = false

  constructor(
    private readonly phone: Phone,
    private readonly lane: PhotoLane,
    private readonly tell: (report?: SyncReport) => void,
  ) {}

  start(): void {
    self.addEventListener('online', this.online)
    void this.run()
  }

  stop(): void {
    this.ended = true
    self.removeEventListener('online', this.online)
    clearTimeout(this.timer)
    this.stream?.abort()
  }

  private readonly online = () => {
    this.retryMs = RETRY_MS_MIN
    void this.run()
  }

  /** Something waits to be sent. */
  soon(): void {
    this.schedule(AFTER_ACT_MS)
  }

  private schedule(ms: number): void {
    if (this.ended) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.run(), ms)
  }

  /** Syncs now; one that is under way goes round once more. */
  run(): Promise<void> {
    if (this.running) {
      this.again = true
      return this.running
    }
    this.running = this.once().finally(() => {
      this.running = undefined
      if (this.again) {
        this.again = false
        this.soon()
      }
    })
    return this.running
  }

  private async once(): Promise<void> {
    if (this.ended) return
    clearTimeout(this.timer)
    this.told.syncing = true
    this.tell()
    let report: SyncReport | undefined
    try {
      report = JSON.parse(await this.phone.sync(transport)) as SyncReport
      this.told.contact = Date.now()
      this.told.fault = null
      this.told.syncing = false
      this.tell(report)
      if (report.wiped) return this.stop()
      // The text is through; pictures may take their time.
      await this.lane.send().catch(() => 0)
      this.retryMs = RETRY_MS_MIN
      this.listen()
      this.schedule(report.complete ? IDLE_MS : RETRY_MS_MIN)
    } catch (thrown) {
      this.told.fault = faultOf(thrown)
      this.schedule(this.retryMs)
      this.retryMs = Math.min(RETRY_MS_MAX, this.retryMs * 2)
    } finally {
      this.told.syncing = false
      this.tell()
    }
  }

  /** The server's hints, as long as the stream holds; the timer goes on without them. */
  private listen(): void {
    if (this.stream || this.ended) return
    const stream = new AbortController()
    this.stream = stream
    void this.hints(stream.signal)
      .catch(() => undefined)
      .finally(() => {
        this.stream = undefined
      })
  }

  private async hints(signal: AbortSignal): Promise<void> {
    const headers = { authorization: `Bearer ${await this.lane.bearer()}` }
    const answer = await fetch('/v1/events', { headers, signal, credentials: 'omit', cache: 'no-store' })
    const reader = answer.ok ? answer.body?.pipeThrough(new TextDecoderStream()).getReader() : undefined
    // The first event says that the stream has begun, and no more.
    for (let first = true; reader; ) {
      const { done, value } = await reader.read()
      if (done) return
      if (!value.includes('event: changed')) continue
      if (!first) this.soon()
      first = false
    }
  }
}
