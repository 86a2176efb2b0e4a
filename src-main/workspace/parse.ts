import { isAlias, isMap, isNode, isScalar, parseDocument, visit } from 'yaml'
import type { ErrorCode, Node, YAMLMap, YAMLParseError } from 'yaml'
import type { Problems } from './problems.ts'
import { clip } from './units.ts'

/**
 * Text to YAML nodes, or null when a problem was reported. `needed`: what an empty file should hold.
 *
 * Every scalar stays the text that was written (the failsafe schema), so that a version `1.10` is not the number 1.1 and
 * a variable `08` or `no` is what it looks like; the readers decide what is a number. Anchors, aliases and tags are refused:
 * `defaults` and `plans` share things, and nothing in the file can expand to more than is written.
 */
export function parseYaml(text: string, problems: Problems, needed = 'at least `workspace: NAME`, `tier: dev` and `services:`'): YAMLMap | null {
  const document = parseDocument(text, { schema: 'failsafe', uniqueKeys: false, stringKeys: true, prettyErrors: false, logLevel: 'error' })
  for (const error of document.errors) {
    const [message, expected] = inOurWords(error, text)
    problems.report({ start: error.pos[0] }, message, expected)
  }
  for (const warning of document.warnings) {
    const [start, end] = warning.pos
    if (warning.code === 'TAG_RESOLVE_FAILED') problems.report({ start }, `a tag, \`${clip(text.slice(start, end))}\``, 'the value without a tag')
    else problems.report({ start }, `not plain YAML: ${clip(warning.message, 120)}`, '`key: value` lines, nested by indentation with spaces')
  }
  if (problems.any) return null
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === '')) {
    problems.report({ start: 0 }, 'the file is empty', needed)
    return null
  }
  if (!isMap(root)) {
    problems.report(startOf(root), 'this is not a mapping', '`key: value` lines, the first one usually `workspace: NAME`')
    return null
  }
  refuseWhatIsNotPlain(root, problems)
  return problems.any ? null : root
}

function refuseWhatIsNotPlain(root: YAMLMap, problems: Problems): void {
  const shared = 'the value written out; `defaults` and `plans` share things between services'
  visit(root, {
    Node(_key, node) {
      if (isAlias(node)) problems.report(startOf(node), `an alias, \`*${clip(node.source)}\``, shared)
      else if (node.anchor !== undefined) problems.report(startOf(node), `an anchor, \`&${clip(node.anchor)}\``, shared)
    },
  })
}

/** Where a node begins, for a problem's place. */
export function startOf(node: unknown): { readonly start: number } {
  return { start: isNode(node) ? ((node as Node).range?.[0] ?? 0) : 0 }
}

const WORDS: Partial<Record<ErrorCode, readonly [message: string, expected: string]>> = {
  TAB_AS_INDENT: ['a tab is used to indent', 'spaces: YAML does not allow tabs in indentation'],
  BAD_INDENT: ['the indentation does not fit, or a bracket is not closed', 'keys of one mapping in one column; every [ and { closed'],
  BLOCK_AS_IMPLICIT_KEY: ['a mapping begins where a value already stands', '`key: value`, nested keys on lines of their own indented under their key; text with `: ` in quotes'],
  MULTILINE_IMPLICIT_KEY: ['a key must stand on one line', '`key: value`; perhaps a `:` is missing, or the indentation does not fit'],
  MULTIPLE_DOCS: ['a second document begins here', 'one document in the file: remove `---`'],
  NON_STRING_KEY: ['a key that is a list or a mapping', 'a plain word as key'],
  BAD_ALIAS: ['an alias to nothing', 'the value written out'],
  RESOURCE_EXHAUSTION: ['nested too deeply', 'a workspace nests about six levels'],
}

function inOurWords(error: YAMLParseError, text: string): readonly [message: string, expected: string] {
  const known = WORDS[error.code]
  if (known) return known
  if (error.code === 'BAD_SCALAR_START') return [`a value cannot begin with \`${text[error.pos[0]] ?? ''}\``, 'the value in quotes']
  const first = error.message.split('\n')[0] ?? ''
  return [`not YAML: ${clip(first, 120)}`, '`key: value` lines, nested by indentation with spaces']
}
