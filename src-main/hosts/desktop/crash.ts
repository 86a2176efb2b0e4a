import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { app, dialog } from 'electron'
import { z } from 'zod'
import { relaunch } from './relaunch.ts'

/** A dead core starts again by itself after this long: nobody may be at the desk, and a release may be under way. */
export const RESTART_AFTER_MS = 20_000
/** But not when it died so often so lately: then it waits for a person. */
const TOO_OFTEN = { times: 3, withinMs: 10 * 60_000 }
const PAGE_TOO_OFTEN = { times: 3, withinMs: 60_000 }

const MEANING = 'Services and their traffic go on as they are: the supervisor does not depend on this app. A shift under way is held or taken back by its lease, as the plan says. Until the console runs again nothing is judged, nothing moves forward, and nothing is rolled back by itself.'

export interface CoreEndOptions {
  /** Keeps when the core ended before, across restarts. */
  readonly file: string
  readonly nowMs: () => number
  readonly restartAfterMs?: number
}

/** The core thread died: says what that means for traffic, and starts the app again, by itself unless it keeps dying. */
export async function coreEnded(error: Error, options: CoreEndOptions): Promise<void> {
  const ends = [...readTimes(options.file), options.nowMs()].filter((at) => options.nowMs() - at < TOO_OFTEN.withinMs)
  writeTimes(options.file, ends)
  const byItself = ends.length < TOO_OFTEN.times
  const waitMs = options.restartAfterMs ?? RESTART_AFTER_MS
  const asked = dialog
    .showMessageBox({
      type: 'error',
      title: 'Signalbox',
      message: 'The core of the console stopped',
      detail: `${MEANING}\n\n${byItself ? `It starts again by itself in ${Math.round(waitMs / 1000)} seconds.` : `It stopped ${ends.length} times within ten minutes, so it does not start again by itself. The terminal works without it: signalbox rollback SERVICE --data ${dirname(dirname(options.file))}`}\n\n${error.message}`,
      buttons: ['Start Again', 'Quit'],
      defaultId: 0,
      cancelId: byItself ? 0 : 1,
      noLink: true,
    })
    .then(({ response }) => response === 0)
  const restart = await (byItself ? Promise.race([asked, later(waitMs)]) : asked)
  if (restart) relaunch()
  app.exit(restart ? 0 : 1)
}

/** What to do when the page's process ends: load it again, unless it keeps ending. */
export function createPageRevival(reload: () => void, nowMs: () => number): (reason: string) => void {
  let ends: number[] = []
  return (reason) => {
    ends = [...ends, nowMs()].filter((at) => nowMs() - at < PAGE_TOO_OFTEN.withinMs)
    if (ends.length < PAGE_TOO_OFTEN.times) return reload()
    void dialog
      .showMessageBox({
        type: 'error',
        title: 'Signalbox',
        message: 'The screens keep stopping',
        detail: `The console itself goes on: releases are watched and judged, and the terminal can act (signalbox rollback SERVICE). Traffic is not affected. Reason given: ${reason}.`,
        buttons: ['Load Again', 'Leave Empty'],
        defaultId: 0,
        cancelId: 1,
        noLink: true,
      })
      .then(({ response }) => {
        ends = []
        if (response === 0) reload()
      })
  }
}

function later(ms: number): Promise<true> {
  return new Promise((resolve) => setTimeout(() => resolve(true), ms))
}

function readTimes(file: string): readonly number[] {
  try {
    return z.array(z.number()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return []
  }
}

function writeTimes(file: string, times: readonly number[]): void {
  try {
    writeFileSync(file, JSON.stringify(times), { mode: 0o600 })
  } catch {
    // A full disk must not stand in the way of starting again.
  }
}
