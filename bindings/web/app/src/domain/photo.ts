// How large a photo is kept: enough for a type plate, small enough for a bad line.

export const EDGE_MAX = 1600
export const QUALITY = 0.8

/** The size that fits the longest edge; never larger than it was. */
export function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, EDGE_MAX / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}
