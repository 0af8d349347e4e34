// Who is signed in. One for the whole page.

import { readonly, ref } from 'vue'
import { api } from '@/api/client'
import { ApiProblem } from '@/api/http'
import type { Session } from '@/api/types'
import { usePasskey } from '@/composables/passkey'
import type { Capability } from '@/domain/codes'

const current = ref<Session | null>(null)
let asked = false

export const session = readonly(current)

/** Whether the server lets this person do it on some ticket, or beside tickets. */
export const can = (capability: Capability) => current.value?.capabilities.includes(capability) ?? false

/** The session that the cookie stands for, asked for once. */
export async function resume(): Promise<Session | null> {
  if (!asked) {
    try {
      current.value = await api.session()
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error
    }
    asked = true
  }
  return current.value
}

export async function signIn(username: string, password: string, code?: string): Promise<void> {
  current.value = await api.signIn(username, password, code)
  asked = true
}

export async function signInByPasskey(): Promise<void> {
  const ceremony = await api.passkeyOptions()
  current.value = await api.passkeySignIn(ceremony.ceremony, await usePasskey(ceremony))
  asked = true
}

/** What the account lacks may have changed. */
export async function renew(): Promise<void> {
  current.value = await api.session()
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut()
  } finally {
    forget()
  }
}

/** The server no longer knows the session. */
export function forget(): void {
  current.value = null
  asked = true
}
