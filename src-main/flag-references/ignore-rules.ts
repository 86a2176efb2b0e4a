/**
 * `.gitignore` as git reads it (gitignore(5)): later lines win, `!` takes back, a slash in the middle binds to the
 * file's folder, a slash at the end means folders alone, `**` crosses folders. What is in an ignored folder cannot be
 * taken back, because nobody looks into it.
 */
export interface IgnoreRules {
  /** Undecided rules answer null: the folder above decides. `path` is relative to the folder of the file, with `/`. */
  decide(path: string, isFolder: boolean): 'ignored' | 'kept' | null
}

interface Rule {
  readonly pattern: RegExp
  readonly negated: boolean
  readonly foldersOnly: boolean
}

export function readIgnoreRules(text: string): IgnoreRules {
  const rules = text.split(/\r?\n/).flatMap((line) => readRule(line) ?? []).toReversed()
  return {
    decide(path, isFolder) {
      for (const { pattern, negated, foldersOnly } of rules) {
        if ((isFolder || !foldersOnly) && pattern.test(path)) return negated ? 'kept' : 'ignored'
      }
      return null
    },
  }
}

function readRule(line: string): Rule | null {
  // Spaces at the end count only behind a backslash.
  let text = line.replace(/(?<!\\)[ \t]+$/, '')
  if (text === '' || text.startsWith('#')) return null
  const negated = text.startsWith('!')
  if (negated) text = text.slice(1)
  const foldersOnly = text.endsWith('/')
  if (foldersOnly) text = text.slice(0, -1)
  const bound = text.includes('/')
  if (text.startsWith('/')) text = text.slice(1)
  if (text === '') return null
  const source = translate(text)
  return source === null ? null : { pattern: new RegExp(`^${bound ? '' : '(?:.*/)?'}${source}$`, 's'), negated, foldersOnly }
}

/** A pattern as a regular expression; null where git would never match it. */
function translate(text: string): string | null {
  let source = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '\\') {
      at += 1
      if (at >= text.length) return null
      source += escape(text.charAt(at))
    } else if (char === '*') {
      if (text.startsWith('**/', at) && (at === 0 || text[at - 1] === '/')) {
        source += '(?:.*/)?'
        at += 2
      } else if (text.slice(at) === '**' && text[at - 1] === '/') {
        source += '.+'
        at += 1
      } else {
        while (text[at + 1] === '*') at += 1
        source += '[^/]*'
      }
    } else if (char === '?') source += '[^/]'
    else if (char === '[') {
      const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(text.slice(at))
      if (!set) return null
      source += `(?!/)[${set[1] === '' ? '' : '^'}${(set[2] ?? '').replaceAll('\\', '\\\\').replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll('^', '\\^')}]`
      at += set[0].length - 1
    } else source += escape(char)
  }
  return source
}

function escape(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}
