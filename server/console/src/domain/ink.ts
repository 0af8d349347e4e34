// A drawn signature as SVG. Invariant: every point that was drawn is in the picture.

import type { Ink, InkPoint } from '@/api/types'

export interface InkPath {
  d: string
  /** In the units of the points. */
  width: number
}

const WIDTH = 220
const WIDTH_LEAST = 120

/** One path a stroke; a stroke of one point is a dot (a line of no length with round ends). */
export function inkPaths(ink: Ink): InkPath[] {
  return ink.strokes.filter((stroke) => stroke.length > 0).map((stroke) => ({ d: path(stroke), width: width(stroke) }))
}

function path(stroke: InkPoint[]): string {
  const [first, ...rest] = stroke as [InkPoint, ...InkPoint[]]
  const start = `M${first.x} ${first.y}`
  return rest.length === 0 ? `${start}h0` : start + rest.map((point) => `L${point.x} ${point.y}`).join('')
}

/** Thicker where the pen was pressed; even where the device does not tell. */
function width(stroke: InkPoint[]): number {
  const pressed = stroke.flatMap((point) => (point.pressure === null ? [] : [point.pressure]))
  if (pressed.length === 0) return WIDTH
  const mean = pressed.reduce((sum, p) => sum + p, 0) / pressed.length
  return WIDTH_LEAST + Math.round((mean / 1000) * 2 * (WIDTH - WIDTH_LEAST))
}
