// Instants as the organisation's clock on the wall shows them. Invariant: what is sent is UTC, what is
// shown is the organisation's zone, whatever zone the browser stands in.

function parts(zone: string, millis: number): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit',
  })
  return Object.fromEntries(format.formatToParts(millis).map((part) => [part.type, part.value]))
}

/** `2026-11-22T09:30:00` on the wall of `zone` at `instant`. */
export function toWall(instant: string, zone: string): string {
  const p = parts(zone, Date.parse(instant))
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}`
}

/** The instant when the wall of `zone` shows `2026-11-22T09:30:00`, as RFC 3339 in UTC. */
export function fromWall(wall: string, zone: string): string {
  const asUtc = Date.parse(`${wall}Z`)
  const offsetAt = (millis: number) => Date.parse(`${toWall(new Date(millis).toISOString(), zone)}Z`) - millis
  // The offset depends on the instant looked for: the second look is right but in a switched hour.
  const near = asUtc - offsetAt(asUtc)
  const millis = asUtc - offsetAt(near)
  return new Date(millis).toISOString().replace('.000Z', 'Z')
}

/** `11-22 09:30`, with the year where it is not this one. */
export function shortTime(instant: string | null, zone: string, now = Date.now()): string {
  if (instant === null || Number.isNaN(Date.parse(instant))) return ''
  const wall = toWall(instant, zone)
  const year = parts(zone, now).year
  const text = `${wall.slice(0, 10)} ${wall.slice(11, 16)}`
  return wall.startsWith(`${year}-`) ? text.slice(5) : text
}

/** `2026-11-22 09:30:12`. */
export function fullTime(instant: string | null, zone: string): string {
  if (instant === null || Number.isNaN(Date.parse(instant))) return ''
  return toWall(instant, zone).replace('T', ' ')
}
