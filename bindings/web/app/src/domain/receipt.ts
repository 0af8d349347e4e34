// What a receipt's QR code says (`core/docs/evidence.md`, section 7): the sheet's whole hash, and its code.

/** Crockford's digits. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** `hash` in hexadecimal; `code` as core writes it, with hyphens. */
export function receiptContent(hash: string, code: string): string {
  const bits = [...hash].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  const base32 = (bits.match(/.{1,5}/g) ?? []).map((five) => DIGITS[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
  return `GONGDAN:1:${base32}:${code.replaceAll('-', '')}`
}
