// Ink as it is drawn: points in CSS pixels of a drawing area of its own, whatever the screen does.
//
// Invariant: a point never moves within the drawing once it is there. Turning the screen changes how much of the
// drawing's area is seen and at what scale, one scale for both directions: nothing is stretched, lost or outside.

export interface Point {
  x: number
  y: number
  /** Milliseconds of the event's clock. */
  at: number
  /** From 0 to 1, as the device says; 0.5 where it cannot tell. */
  pressure: number
}
export type Stroke = readonly Point[]

/** What core takes: hundredths of a pixel, milliseconds since the first point, thousandths. */
export interface Ink {
  width: number
  height: number
  strokes: { x: number; y: number; millis: number; pressure: number | null }[][]
}

export interface Area {
  /** CSS pixels on the screen for one of the drawing. */
  scale: number
  /** What is seen of the drawing's area, which is all of it. */
  width: number
  height: number
}

/** The area that an element of this size shows: larger than the element where ink would not be seen otherwise. */
export function areaOf(strokes: readonly Stroke[], width: number, height: number): Area {
  let [right, bottom] = [0, 0]
  for (const { x, y } of strokes.flat()) {
    right = Math.max(right, x)
    bottom = Math.max(bottom, y)
  }
  if (width <= 0 || height <= 0) return { scale: 1, width: right, height: bottom }
  const scale = Math.min(1, right > 0 ? width / right : 1, bottom > 0 ? height / bottom : 1)
  return { scale, width: width / scale, height: height / scale }
}

/** Where in the drawing a place on the element is; the finger may have left the element. */
export function placed(area: Area, x: number, y: number): { x: number; y: number } {
  const within = (value: number, most: number) => Math.min(Math.max(value / area.scale, 0), most)
  return { x: within(x, area.width), y: within(y, area.height) }
}

/** The value that says that there is no sensor (Pointer Events, `pressure`). */
const NO_PRESSURE = 0.5

export function inkOf(strokes: readonly Stroke[], area: Area): Ink {
  const hundredths = (value: number) => Math.round(value * 100)
  const [width, height] = [hundredths(area.width), hundredths(area.height)]
  const points = strokes.flat()
  const presses = points.some(({ pressure }) => pressure !== NO_PRESSURE)
  const start = points[0]?.at ?? 0
  let last = 0
  return {
    width,
    height,
    strokes: strokes.map((stroke) =>
      stroke.map(({ x, y, at, pressure }) => {
        // Coalesced events of two fingers may come out of order by a fraction.
        last = Math.max(last, Math.round(at - start))
        return {
          x: Math.min(hundredths(x), width),
          y: Math.min(hundredths(y), height),
          millis: last,
          pressure: presses ? Math.round(Math.min(Math.max(pressure, 0), 1) * 1000) : null,
        }
      }),
    ),
  }
}

/** A stroke as the path of an SVG image in the drawing's own pixels; one point is a dot. */
export function pathOf(stroke: Stroke): string {
  const number = (value: number) => Math.round(value * 100) / 100
  const [first, ...rest] = stroke
  if (!first) return ''
  const start = `M${number(first.x)} ${number(first.y)}`
  return rest.length === 0 ? `${start}h0` : start + rest.map(({ x, y }) => `L${number(x)} ${number(y)}`).join('')
}
