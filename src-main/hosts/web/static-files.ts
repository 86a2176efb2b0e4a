import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { Fault } from '../../contract/fault.ts'

export interface StaticFile {
  readonly body: Buffer
  readonly contentType: string
  readonly cacheControl: string
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/**
 * Reads the built renderer into memory, once. Requests are looked up by exact path, so no request ever names a file to
 * the file system.
 */
export function loadStaticFiles(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>()
  let entries: readonly { readonly parentPath: string; readonly name: string; isFile(): boolean }[] = []
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch {
    // Reported below: without index.html there is nothing to show.
  }
  for (const entry of entries) {
    const contentType = CONTENT_TYPES[extname(entry.name)]
    if (!entry.isFile() || contentType === undefined) continue
    const file = join(entry.parentPath, entry.name)
    const path = `/${relative(folder, file).split(sep).join('/')}`
    files.set(path, {
      body: readFileSync(file),
      contentType,
      // Vite names everything under assets/ by its content.
      cacheControl: path.startsWith('/assets/') ? 'private, max-age=31536000, immutable' : 'no-store',
    })
  }
  if (!files.has('/index.html')) {
    throw new Fault('notFound', `The screens are not built: ${join(folder, 'index.html')} is missing. Services are not affected.`, 'Run `npm run build`, or start with `npm start`, which builds them.')
  }
  return files
}

/** The file for a path; a path of the app itself (no extension) gets index.html. */
export function staticFileFor(files: ReadonlyMap<string, StaticFile>, path: string): StaticFile | undefined {
  return files.get(path) ?? (extname(path) === '' && !path.startsWith('/assets/') ? files.get('/index.html') : undefined)
}
