// Some things want a recent proof of who one is: what is refused for want of one is done after it.

import { readonly, shallowRef } from 'vue'
import { ApiProblem } from '@/api/http'

interface Waiting {
  proved: () => void
  declined: (problem: ApiProblem) => void
}

const waiting = shallowRef<Waiting | null>(null)

/** Who waits for the proof; the dialog in the frame asks for it. */
export const wanted = readonly(waiting)

/** Does `work`, after a proof where the server asks for one. */
export async function withStepUp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'step_up_required') throw error
    await new Promise<void>((proved, reject) => {
      waiting.value?.declined(error)
      waiting.value = { proved, declined: reject }
    })
    return work()
  }
}

/** Whoever waits goes on. */
export function proved(): void {
  const { value } = waiting
  waiting.value = null
  value?.proved()
}

/** Whoever waits is told no. */
export function declined(): void {
  const { value } = waiting
  waiting.value = null
  value?.declined(new ApiProblem('step_up_required', 403))
}
