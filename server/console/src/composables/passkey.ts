// Passkeys: the browser's ceremonies in the form that the API speaks (bytes as base64url).

import { ApiProblem } from '@/api/http'
import type { Ceremony } from '@/api/types'

export const passkeysSupported = () => typeof window.PublicKeyCredential === 'function'

const toBytes = (text: string) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (character) => character.charCodeAt(0))

const toText = (bytes: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

interface Descriptor {
  id: string
  type: 'public-key'
}

const descriptors = (list: unknown) =>
  ((list ?? []) as Descriptor[]).map((each) => ({ ...each, id: toBytes(each.id) }))

/** Has the authenticator make a key; what the server is to be sent. */
export async function createPasskey({ options }: Ceremony): Promise<unknown> {
  const user = options.user as { id: string }
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge as string),
    user: { ...user, id: toBytes(user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions
  const made = await asked(() => navigator.credentials.create({ publicKey }))
  const response = made.response as AuthenticatorAttestationResponse
  return {
    ...named(made),
    response: { attestationObject: toText(response.attestationObject), clientDataJSON: toText(response.clientDataJSON) },
  }
}

/** Has an authenticator sign; what the server is to be sent. */
export async function usePasskey({ options }: Ceremony): Promise<unknown> {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge as string),
    allowCredentials: descriptors(options.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions
  const signed = await asked(() => navigator.credentials.get({ publicKey }))
  const response = signed.response as AuthenticatorAssertionResponse
  return {
    ...named(signed),
    response: {
      authenticatorData: toText(response.authenticatorData), clientDataJSON: toText(response.clientDataJSON),
      signature: toText(response.signature), userHandle: response.userHandle ? toText(response.userHandle) : null,
    },
  }
}

const named = (credential: PublicKeyCredential) =>
  ({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, extensions: {} })

/** The browser says no more than that it did not happen: the person declined, or there is no such key. */
async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null
  try {
    credential = await ask()
  } catch {
    credential = null
  }
  if (credential === null) throw new ApiProblem('passkey_not_used', 0)
  return credential as PublicKeyCredential
}
