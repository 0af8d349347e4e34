// What a call of the phone fails with: the variants and codes of core's `Fault`, the same as in the other
// languages' bindings. A text for people is chosen by them.

export interface Fault {
  variant:
    | 'NoSuchTicket' | 'Denied' | 'NotLawful' | 'Unfit' | 'Stale' | 'Store' | 'Key' | 'Network' | 'Server' | 'Answer'
    // Of the browser's own, which the other hosts do not have.
    | 'Vault'
  code?: string
  action?: string
  status?: string | number | null
  why?: unknown
  seconds?: number
}

export class PhoneError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.code ?? fault.variant)
    this.name = 'PhoneError'
  }
}

/** The fault in whatever was thrown; what is none of core's is a store that has to be opened anew. */
export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof PhoneError) return thrown.fault
  if (typeof thrown === 'string') {
    try {
      const fault: unknown = JSON.parse(thrown)
      if (typeof fault === 'object' && fault !== null && 'variant' in fault) return fault as Fault
    } catch {
      // Not a fault: below.
    }
  }
  return { variant: 'Store', code: 'reopen' }
}

/** Where the text of a fault is, most special first. */
export function textKeys(fault: Fault): string[] {
  const keys = []
  if (fault.variant === 'NotLawful') keys.push(`fault.NotLawful.${fault.action}`)
  if (fault.code) keys.push(`fault.${fault.variant}.${fault.code}`)
  return [...keys, `fault.${fault.variant}.other`]
}
