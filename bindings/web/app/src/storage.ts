// Whether the browser promised to keep the phone's data, and how much room is left.

import { ref } from 'vue'

/** Nothing before it was asked. */
export const persisted = ref<boolean | null>(null)
/** Share of the room that is used. */
export const used = ref(0)
/** Nearly full: said before anything is lost. */
export const NEARLY_FULL = 0.9

export async function askToPersist(): Promise<void> {
  persisted.value = (await navigator.storage.persisted()) || (await navigator.storage.persist())
  await measure()
}

export async function measure(): Promise<void> {
  persisted.value = await navigator.storage.persisted()
  const { usage = 0, quota = 0 } = await navigator.storage.estimate()
  used.value = quota > 0 ? usage / quota : 0
}
