import { type Dirent, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type IgnoreRules, readIgnoreRules } from './ignore-rules.ts'

/** Never looked into. Hidden folders are, as a workflow may name a flag. */
const SKIPPED_FOLDERS = new Set(['.git', '.hg', '.svn', 'node_modules'])

interface Folder {
  readonly path: string
  /** Rules from here upwards, nearest first, each with the length of its own folder's path. */
  readonly rules: readonly { readonly rules: IgnoreRules; readonly base: number }[]
}

export interface ListedFolder {
  /** Absolute paths of files, unread. */
  readonly files: readonly string[]
  /** Folders that could not be read. */
  readonly unreadable: readonly string[]
}

/** Files of a folder that `.gitignore` files in it do not exclude. Symbolic links are not followed. One folder per step. */
export function* listFiles(root: string): Generator<ListedFolder> {
  const waiting: Folder[] = [{ path: root, rules: [] }]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    let entries: Dirent[]
    try {
      entries = readdirSync(folder.path, { withFileTypes: true })
    } catch {
      yield { files: [], unreadable: [folder.path] }
      continue
    }
    const own = entries.some(({ name }) => name === '.gitignore') ? readRules(join(folder.path, '.gitignore')) : null
    const rules = own ? [{ rules: own, base: folder.path.length + 1 }, ...folder.rules] : folder.rules
    const files: string[] = []
    for (const entry of entries) {
      const isFolder = entry.isDirectory()
      if (!isFolder && !entry.isFile()) continue
      if (isFolder && SKIPPED_FOLDERS.has(entry.name)) continue
      const path = join(folder.path, entry.name)
      if (isIgnored(path, isFolder, rules)) continue
      if (isFolder) waiting.push({ path, rules })
      else files.push(path)
    }
    yield { files, unreadable: [] }
  }
}

function isIgnored(path: string, isFolder: boolean, rules: Folder['rules']): boolean {
  for (const { rules: one, base } of rules) {
    const below = path.slice(base)
    const decided = one.decide(process.platform === 'win32' ? below.replaceAll('\\', '/') : below, isFolder)
    if (decided !== null) return decided === 'ignored'
  }
  return false
}

function readRules(file: string): IgnoreRules | null {
  try {
    return readIgnoreRules(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}
