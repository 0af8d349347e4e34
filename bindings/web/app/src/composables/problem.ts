// What went wrong, in the person's words: chosen by variant and code.

import { showFailToast } from 'vant'
import { faultOf, PhoneError, textKeys, type Fault } from '@/domain/fault'
import { codeText, t, te } from '@/i18n'

export function faultText(fault: Fault): string {
  const key = textKeys(fault).find(te) ?? 'fault.other'
  const status = typeof fault.status === 'string' ? codeText('status.of', fault.status) : ''
  return t(key, { code: fault.code ?? fault.variant, seconds: fault.seconds ?? 0, status })
}

export function report(thrown: unknown): void {
  // What is no fault of core's is a defect of the page.
  if (!(thrown instanceof PhoneError)) console.error('unexpected', thrown)
  showFailToast({ message: faultText(faultOf(thrown)), duration: 4000, wordBreak: 'break-all' })
}

/** Does what a tap meant; says why where it could not be done. Whether it was done. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (thrown) {
    report(thrown)
    return false
  }
}
