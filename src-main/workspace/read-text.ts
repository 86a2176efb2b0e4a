import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** A hundred services take about 50 KB; a file beyond this was given by mistake. */
const MAX_BYTES = 1_000_000

/** The file's text and digest; or why there is none, at an offset into whatever text could be read. */
export type TextRead =
  | { readonly ok: true; readonly text: string; readonly digest: string }
  | { readonly ok: false; readonly text: string; readonly offset: number; readonly message: string; readonly expected: string }

/** Reads a workspace file whole. Refuses what cannot be one before reading it: a folder, a device, a huge file. */
export function readWorkspaceText(file: string): TextRead {
  const refuse = (message: string, expected: string, text = '', offset = 0): TextRead => ({ ok: false, text, offset, message, expected })
  let bytes: Buffer
  try {
    const stats = statSync(file)
    if (stats.isDirectory()) return refuse('this is a folder', 'the workspace file itself, usually `signalbox.yaml` in it')
    if (!stats.isFile()) return refuse('this is not a regular file', 'a text file')
    if (stats.size > MAX_BYTES) return refuse(`the file has ${(stats.size / 1e6).toFixed(1)} MB`, 'a workspace file of at most 1 MB')
    bytes = readFileSync(file)
  } catch (error) {
    return refuse(...whyUnreadable(error))
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return refuse('the file is encoded as UTF-16', 'UTF-8: save it again with that encoding')
  }
  let text: string
  try {
    // A byte order mark is dropped, so that columns count from the first character a person sees.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const readable = new TextDecoder('utf-8').decode(bytes)
    return refuse('these bytes are not text (not UTF-8)', 'a YAML file in UTF-8', readable, Math.max(readable.indexOf('\uFFFD'), 0))
  }
  const control = firstControlCharacter(text)
  if (control !== -1) {
    return refuse(`a control character (0x${text.charCodeAt(control).toString(16).padStart(2, '0')}): this is not a text file`, 'a YAML file in UTF-8', text, control)
  }
  return { ok: true, text, digest: createHash('sha256').update(bytes).digest('hex') }
}

/** YAML 1.2.2, 5.1: of the C0 block only tab, line feed and carriage return are printable. */
function firstControlCharacter(text: string): number {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.search(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/)
}

function whyUnreadable(error: unknown): [message: string, expected: string] {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  switch (code) {
    case 'ENOENT':
      return ['there is no such file', 'the path of a workspace file; --workspace FILE names it']
    case 'EACCES':
    case 'EPERM':
      return ['the file may not be read by this user', 'read permission on it, and on the folders above']
    case 'ELOOP':
      return ['the path is a circle of links', 'the path of a workspace file']
    default:
      return [`the file cannot be read (${code === '' ? String(error) : code})`, 'a readable text file']
  }
}
