import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Marks the fuses in Electron's binary; then their version, how many there are, and one byte each: on, as Electron ships them, or off. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const AS_SHIPPED = '101100011'

/** A folder that looks like Electron's distribution to what packs an app, and cannot run anything. */
export function writeStandInElectron(folder: string, version: string, fuses: string = AS_SHIPPED): void {
  mkdirSync(join(folder, 'resources'), { recursive: true })
  mkdirSync(join(folder, 'locales'))
  const wire = Buffer.concat([Buffer.from(SENTINEL, 'latin1'), Buffer.from([1, fuses.length]), Buffer.from(fuses, 'latin1')])
  writeFileSync(join(folder, 'electron'), Buffer.concat([Buffer.from('#!/bin/sh\necho "a stand-in for Electron" >&2\nexit 1\n'), wire, Buffer.from('\n')]), { mode: 0o755 })
  writeFileSync(join(folder, 'version'), version)
  writeFileSync(join(folder, 'LICENSE'), 'stand-in\n')
  writeFileSync(join(folder, 'LICENSES.chromium.html'), 'stand-in\n')
  for (const locale of ['en-US', 'de', 'fr']) writeFileSync(join(folder, 'locales', `${locale}.pak`), '')
}
