import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Copies the sets of `seed` when there is no such folder yet: whole or not at all, and never over what is there. */
export function seedFlagFolder(folder: string, seed: string | null): void {
  if (seed === null || existsSync(folder)) return
  mkdirSync(dirname(folder), { recursive: true })
  const aside = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`))
  for (const file of readdirSync(seed)) if (file.endsWith('.json')) copyFileSync(join(seed, file), join(aside, file))
  try {
    renameSync(aside, folder)
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    // Somebody else was quicker.
    if (!existsSync(folder)) throw error
  }
}
