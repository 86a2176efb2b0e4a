import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

/** Device-independent pixels, as Electron's. */
export interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const windowStateSchema = z.strictObject({
  x: z.int(),
  y: z.int(),
  width: z.int(),
  height: z.int(),
  maximized: z.boolean(),
  fullScreen: z.boolean(),
})
export type WindowState = Readonly<z.infer<typeof windowStateSchema>>

/** Where a window goes: without x and y, in the middle of the primary display. */
export interface Placement {
  readonly bounds: { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number }
  readonly maximized: boolean
  readonly fullScreen: boolean
}

export const MIN_WIDTH = 960
export const MIN_HEIGHT = 600
const FIRST = { width: 1440, height: 900 }
/** So much of the window's top edge must be on some display, or nobody can drag it. */
const GRIP = { width: 160, height: 40 }

/**
 * Places a window where it was, made to fit the displays of now: a display may have gone or changed its size since.
 * `workAreas`: the displays' areas without docks and task bars, primary first.
 */
export function placeWindow(saved: WindowState | null, workAreas: readonly Area[]): Placement {
  const primary = workAreas[0] ?? { x: 0, y: 0, ...FIRST }
  const home = saved && workAreas.find((area) => overlap(area, { x: saved.x, y: saved.y, width: saved.width, height: GRIP.height }).width >= GRIP.width && topIsOn(area, saved))
  const fit = (wanted: number, most: number, least: number) => Math.max(least, Math.min(wanted, most))
  const within = home ?? primary
  const size = { width: fit(saved?.width ?? FIRST.width, within.width, MIN_WIDTH), height: fit(saved?.height ?? FIRST.height, within.height, MIN_HEIGHT) }
  return {
    bounds: saved && home ? { ...size, x: saved.x, y: saved.y } : size,
    maximized: saved?.maximized ?? false,
    fullScreen: saved?.fullScreen ?? false,
  }
}

function topIsOn(area: Area, at: { readonly y: number }): boolean {
  return at.y >= area.y && at.y + GRIP.height <= area.y + area.height
}

function overlap(a: Area, b: Area): { readonly width: number; readonly height: number } {
  return {
    width: Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)),
    height: Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)),
  }
}

/** Null when there is none, or what is there is no window's state. */
export function readWindowState(file: string): WindowState | null {
  try {
    return windowStateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

/** Losable: a window that forgets its place is no fault worth telling. */
export function writeWindowState(file: string, state: WindowState): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {
    // Tried again at the next move.
  }
}
