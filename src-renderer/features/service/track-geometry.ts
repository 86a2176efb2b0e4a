import { bandWidth } from '../../components/track-mini.tsx'

/** Where things stand in the track diagram, in pixels of its 214 px high drawing. */
export const YARD = { height: 214, middle: 106, top: 66, bottom: 146, router: 111, full: 36, knee: 168 } as const

/** A band leaves the router on its own side of the middle, bends, and runs on to its environment. */
export function bandPath(share: number, other: number, side: -1 | 1, endX: number): { readonly width: number; readonly d: string } {
  const y = side === -1 ? YARD.top : YARD.bottom
  const width = bandWidth(share, YARD.full)
  if (width === 0) return { width: 0, d: `M118 ${YARD.middle + side * 12}H132L${YARD.knee} ${y}H${endX}` }
  const start = YARD.middle + (side * bandWidth(other, YARD.full)) / 2
  return { width, d: `M118 ${start}H136L${136 + Math.abs(y - start)} ${y}H${endX}` }
}

/** The bracket around a band that shows the weight which was asked for. */
export function caliperPath(weight: number, side: -1 | 1): string {
  const y = side === -1 ? YARD.top : YARD.bottom
  const half = Math.max(bandWidth(weight, YARD.full), 2) / 2 + 2
  return `M214 ${y - half - 3}V${y - half}H232V${y - half - 3}M214 ${y + half + 3}V${y + half}H232V${y + half + 3}`
}
