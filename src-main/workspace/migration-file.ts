import { resolve } from 'node:path'
import type { YAMLMap } from 'yaml'
import { parseYaml, startOf } from './parse.ts'
import { collectProblems } from './problems.ts'
import type { Problems } from './problems.ts'
import { readWorkspaceText } from './read-text.ts'
import { startReading } from './reading.ts'
import type { Reading } from './reading.ts'
import { clip } from './units.ts'

/** Files the workspace file names, and that are read with it. */
export interface Included {
  readonly problems: Problems[]
  /** SHA-256 of each, hex, by absolute path. */
  readonly digests: Map<string, string>
}

export interface IncludedFile {
  readonly path: string
  readonly folder: string
  /** Where the file is named. */
  readonly at: Reading
  readonly included: Included
  /** What an empty file should hold. */
  readonly needed: string
}

/** Reads another file with problems at its own lines and columns. `undefined`: something was reported, here or there. */
export function readIncluded<T>({ path, folder, at, included, needed }: IncludedFile, read: (root: YAMLMap, at: Reading) => T | undefined): T | undefined {
  const file = resolve(folder, path)
  const found = readWorkspaceText(file)
  if (!found.ok && found.text === '') {
    at.problems.report(at.placeOf([...at.path, 'file']), `${clip(path, 200)}: ${found.message}`, found.expected.replace('a workspace file', 'a file with a migration').replace('the workspace file itself, usually `signalbox.yaml` in it', 'a file in it'))
    return undefined
  }
  const problems = collectProblems(file, found.text)
  included.problems.push(problems)
  if (!found.ok) {
    problems.report({ start: found.offset }, found.message, found.expected)
    return undefined
  }
  included.digests.set(file, found.digest)
  const root = parseYaml(found.text, problems, needed)
  return root ? read(root, startReading(problems, startOf(root))) : undefined
}
