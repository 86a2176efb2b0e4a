import type { EnvironmentName } from '../../src-main/contract/vocabulary.ts'

const FULL = 8
const MID = 16
const TOP = 9
const BOTTOM = 23

/** Thickness of a share in pixels: something is never drawn as nothing, nothing never as something. */
export function bandWidth(sharePercent: number, full: number): number {
  if (sharePercent <= 0) return 0
  return Math.max(full >= 20 ? 2 : 1.5, (sharePercent / 100) * full)
}

export interface MiniTrackProps {
  /** Measured share of blue and green in percent; null when it cannot be known. */
  readonly blue: number | null
  readonly green: number | null
  /** What was asked for, where that differs from what is. */
  readonly desired: { readonly blue: number; readonly green: number } | null
  /** An environment that only operators reach. */
  readonly preview: EnvironmentName | null
}

/** The track diagram in a row of a list. Its text equivalent stands in the columns beside it. */
export function MiniTrack({ blue, green, desired, preview }: MiniTrackProps) {
  return (
    <svg width={124} height={32} aria-hidden="true" className="block overflow-hidden">
      <path className="tk tk-trunk" strokeWidth={FULL} d={`M0 ${MID}H11`} />
      <path className="tk-router" d="M13 9.5v13" strokeWidth={2} />
      {blue === null || green === null ? (
        <>
          <path className="tk-unknown" d={`M16 11L20 ${TOP}H124`} />
          <path className="tk-unknown" d={`M16 21L20 ${BOTTOM}H124`} />
        </>
      ) : (
        <>
          <Branch share={blue} other={green} y={TOP} side={-1} hue="tk-blue" />
          <Branch share={green} other={blue} y={BOTTOM} side={1} hue="tk-green" />
        </>
      )}
      {desired && (
        <>
          <rect className="tk-window" x={72} width={14} y={TOP - windowHeight(desired.blue) / 2} height={windowHeight(desired.blue)} />
          <rect className="tk-window" x={72} width={14} y={BOTTOM - windowHeight(desired.green) / 2} height={windowHeight(desired.green)} />
        </>
      )}
      {preview && <path className="tk-preview" stroke={`var(--${preview})`} d={preview === 'blue' ? 'M40 2.5H124' : 'M40 29.5H124'} />}
    </svg>
  )
}

function windowHeight(weight: number): number {
  return Math.max(5, bandWidth(weight, FULL) + 3)
}

function Branch({ share, other, y, side, hue }: { readonly share: number; readonly other: number; readonly y: number; readonly side: -1 | 1; readonly hue: string }) {
  const width = bandWidth(share, FULL)
  if (width === 0) return <path className="tk-rail" d={`M16 ${MID + side * 5}L20 ${y}H124`} />
  // Both bands together are the trunk: each leaves the router on its own side of the middle.
  const start = MID + (side * bandWidth(other, FULL)) / 2
  const reach = 20 + Math.abs(y - start)
  return <path className={`tk ${hue}`} strokeWidth={width} d={`M15 ${start}H20L${reach} ${y}H124`} />
}
