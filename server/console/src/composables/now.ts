// The time that clocks are shown at: moves once in half a minute while somebody looks.

import { onScopeDispose, readonly, ref } from 'vue'

const STEP_MILLIS = 30_000
const now = ref(Date.now())
let lookers = 0
let timer: ReturnType<typeof setInterval> | undefined

export function useNow() {
  lookers += 1
  now.value = Date.now()
  timer ??= setInterval(() => {
    now.value = Date.now()
  }, STEP_MILLIS)
  onScopeDispose(() => {
    lookers -= 1
    if (lookers === 0) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return readonly(now)
}
