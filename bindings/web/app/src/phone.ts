// The page's end of the worker: typed calls, and what the worker tells.
//
// Invariant: every failure is a `PhoneError` with core's codes.

import * as Comlink from 'comlink'
import { reactive, readonly, ref } from 'vue'
import { faultOf, PhoneError } from '@/domain/fault'
import { scriptUrl } from '@/trusted'
import type { PhoneApi, Place, Standing } from '@/worker/api'
import workerUrl from '@/worker/store?worker&url'

const state = reactive<Standing>({
  place: 'not_enrolled',
  person: null,
  counts: { pending: 0, in_flight: 0, held: 0, quarantined: 0, refused: 0 },
  oldest: null,
  photos: 0,
  syncing: false,
  contact: null,
  fault: null,
  lock: null,
})
export const standing = readonly(state)
/** Counted up by every change of a ticket; pages that show tickets ask again. */
export const version = ref(0)

const worker = new Worker(scriptUrl(workerUrl), { type: 'module', name: 'gongdan' })
const remote = Comlink.wrap<PhoneApi>(worker) as unknown as PhoneApi

/** What can be cloned to the worker: Vue's proxies cannot. */
function plain(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || argument instanceof Uint8Array) return argument
  if (Array.isArray(argument)) return argument.map(plain)
  return JSON.parse(JSON.stringify(argument))
}

export const phone = new Proxy({} as PhoneApi, {
  get: (_, name: keyof PhoneApi) => async (...args: unknown[]) => {
    try {
      return await (remote[name] as (...args: unknown[]) => Promise<unknown>)(...args.map(plain))
    } catch (thrown) {
      throw new PhoneError(faultOf(thrown instanceof Error ? thrown.message : thrown))
    }
  },
})

export async function start(): Promise<Place> {
  const hearing = Comlink.proxy({
    // Without a value: what comes back would have to be cloned to the worker.
    standing: (now: Standing) => void Object.assign(state, now),
    changed: () => void (version.value += 1),
  })
  state.place = await remote.start(hearing as never)
  return state.place
}
