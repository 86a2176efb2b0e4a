import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../contract/flag-definition.ts'
import { validateFlagSet } from '../../../core/flags/validate-flag-set.ts'
import { digestOf } from '../flag-files.ts'
import type { ServedSet } from '../watch-flag-sets.ts'

export interface KeptSets {
  readonly recall: ReadonlyMap<string, ServedSet>
  /** Soon, and not durably: it is a copy of what is in the flag folder. */
  save(set: ServedSet): void
}

/** Last good versions in a folder: a server that is started while somebody's file is half-way has something to serve. */
export function keepLastGood(folder: string): KeptSets {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let saving = Promise.resolve()
  return {
    recall: recallSets(folder),
    save({ name, text }) {
      saving = saving
        .then(async () => {
          const part = join(folder, `.${name}.part`)
          await writeFile(part, text, { mode: 0o600 })
          await rename(part, join(folder, `${name}.json`))
        })
        .catch((error: unknown) => console.error(`the last good version of ${name} was not kept: ${String(error)}`))
    },
  }
}

/** What an earlier process kept, by name; what is not a flag set any more is left out. */
export function recallSets(folder: string): ReadonlyMap<string, ServedSet> {
  const sets = new Map<string, ServedSet>()
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.json') || file.startsWith('.')) continue
    const name = file.slice(0, -5)
    const text = readFileSync(join(folder, file), 'utf8')
    const { document, ok } = validateFlagSet(text)
    if (document && ok) sets.set(name, { name, digest: digestOf(text), document, text, servedSince: 0, broken: null })
  }
  return sets
}

/** One of them, for who has no server to ask. */
export function recallSet(folder: string, name: string): JsonObject | null {
  try {
    const { document, ok } = validateFlagSet(readFileSync(join(folder, `${name}.json`), 'utf8'))
    return ok ? document : null
  } catch {
    return null
  }
}
