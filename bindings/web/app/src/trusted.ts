// The only scripts that this page starts by address: its own worker and its own service worker. The content
// security policy names this policy and no other but Vue's.

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string }
}

const factory = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
const policy = factory?.createPolicy('gongdan', {
  createScriptURL(url) {
    const { origin, pathname } = new URL(url, location.href)
    if (origin !== location.origin || !pathname.startsWith(import.meta.env.BASE_URL)) {
      throw new TypeError('start a script: not of this app')
    }
    return url
  },
})

export function scriptUrl(url: string): string {
  return policy?.createScriptURL(url) ?? url
}
