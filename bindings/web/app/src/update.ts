// Registers the service worker, and says when a new version waits. It is taken by a tap, never behind the person's
// back; what is saved on the phone is not part of a version.

import { ref } from 'vue'
import { scriptUrl } from '@/trusted'

export const waiting = ref<ServiceWorker | null>(null)
/** The whole app is on the phone. */
export const installed = ref(false)

export async function register(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const base = import.meta.env.BASE_URL
  const registration = await navigator.serviceWorker.register(scriptUrl(`${base}sw.js`), { scope: base })
  const see = () => {
    if (registration.active) installed.value = true
    if (registration.waiting && registration.active) waiting.value = registration.waiting
  }
  see()
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', see))
  void navigator.serviceWorker.ready.then(see)
}

/** Takes the new version: the page loads again under it, and opens the same phone. */
export function take(): void {
  if (!waiting.value) return
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  waiting.value.postMessage('take-over')
}
