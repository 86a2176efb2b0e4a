import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { FlagProblem, JsonObject } from '../../contract/flag-definition.ts'
import { Fault } from '../../contract/fault.ts'
import { editJsonText } from '../../core/flags/edit-json-text.ts'
import { emptyDocument, writeDocument } from '../../core/flags/flag-set.ts'
import { sameJson } from '../../core/flags/json.ts'
import { digestOf, type FlagFile, publishAndTell, readFlagFile, replaceFile } from './flag-files.ts'

/** A file younger than this is read again although it looks the same: clocks of file systems tick in steps. */
const SETTLED_MS = 2000

/** A set as it is to be shown and changed: the file, or its last good version while the file is broken. */
export interface SetState {
  readonly document: JsonObject
  /** Of the document; empty when there is no file yet. */
  readonly digest: string
  readonly problems: readonly FlagProblem[]
  readonly broken: { readonly since: number; readonly why: string } | null
  /** The file as it is. `document` null: it has errors. */
  readonly file: FlagFile
}

export interface SetFile {
  /** As it is now. Reads only what changed. Faults: `providerUnavailable` when it cannot be read and never could. */
  look(): Promise<SetState>
  /** Puts the document in place of what was looked at. Faults: those of `publishFlagFile`. */
  write(document: JsonObject, over: SetState): Promise<void>
}

export interface SetFileOptions {
  readonly now: () => number
  /** What is served while the file cannot be: the last good version of a process that lived longer. Null: unknown. */
  readonly served: () => Promise<JsonObject | null>
}

export function openSetFile(path: string, { now, served }: SetFileOptions): SetFile {
  const name = basename(path)
  let seen: { readonly mark: string; readonly state: SetState } | null = null
  let good: { readonly document: JsonObject; readonly digest: string } | null = null
  let brokenSince: number | null = null
  /** What was read or written last: the same bytes need not be validated again. */
  let known: FlagFile | null = null

  async function instead(why: string, problems: readonly FlagProblem[], file: SetState['file'], since: number): Promise<SetState> {
    brokenSince ??= since
    if (!good) {
      const document = await served()
      if (document) good = { document, digest: digestOf(JSON.stringify(document)) }
    }
    const stands = good ?? { document: emptyDocument(), digest: '' }
    return { ...stands, problems, broken: { since: brokenSince, why: good ? why : `${why} There is no version without errors to go back to.` }, file }
  }

  async function read(mtimeMs: number): Promise<SetState> {
    const file = await readFlagFile(path, known)
    known = file
    const { digest, document, problems } = file
    if (digest === null) {
      if (good || (await served())) return instead(`${name} is gone.`, [], file, now())
      return { document: emptyDocument(), digest: '', problems: [], broken: null, file }
    }
    if (!document) {
      const [first] = problems
      return instead(first ? `${name}:${first.line}:${first.column}: ${first.message}` : `${name} has no flags.`, problems, file, Math.min(now(), mtimeMs))
    }
    brokenSince = null
    good = { document, digest }
    return { ...good, problems, broken: null, file }
  }

  return {
    async look() {
      const found = await stat(path, { bigint: true }).catch(() => null)
      const mark = found ? `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'none'
      const settled = found !== null && now() - Number(found.mtimeMs) > SETTLED_MS
      if (seen && seen.mark === mark && (settled || found === null) && !seen.state.broken) return seen.state
      try {
        const state = await read(found ? Number(found.mtimeMs) : now())
        seen = { mark, state }
        return state
      } catch (error) {
        if (!(error instanceof Fault) || !good) throw error
        return instead(error.message, [], { digest: null, text: '', document: null, problems: [] }, now())
      }
    },
    async write(document, { file }) {
      await mkdir(dirname(path), { recursive: true })
      if (file.digest !== null && file.document === null) await replaceFile(`${path}.broken`, file.text)
      const text = textOf(document, file)
      // The flags that stay are the very same objects as before: what was worked out from them is found again.
      known = { text, document, ...(await publishAndTell(path, text, { digest: file.digest })) }
    },
  }
}

/** In the layout of the file, wherever that can be. */
function textOf(document: JsonObject, file: SetState['file']): string {
  const edited = file.document && editJsonText(file.text, file.document, document)
  return edited !== null && sameJson(JSON.parse(edited.replace(/^\uFEFF/, '')) as JsonObject, document) ? edited : writeDocument(document)
}
