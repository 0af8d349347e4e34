// Who is signed in. One for the whole page.

import { readonly, ref } from 'vue'
import { api } from '@/api/client'
import { ApiProblem } from '@/api/http'
import type { Session } from '@/api/types'

const current = ref<Session | null>(null)
let asked = false

export const session = readonly(current)

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

export async function signIn(username: string, password: string): Promise<void> {
  current.value = await api.signIn(username, password)
  asked = true
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
