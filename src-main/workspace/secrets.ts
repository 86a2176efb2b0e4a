import type { ShapeContext } from './provider-shape.ts'
import type { Reader } from './reading.ts'
import { reportAt } from './reading.ts'
import { text } from './scalars.ts'
import { clip } from './units.ts'

/** Values that may be, or hold, a secret: only as references to variables, which are read when they are used. */

const ANY_TEMPLATE = /\$\{([^}]*)\}/g

/**
 * A text in which `${env:NAME}` is replaced when it is used. `secret`: it must hold a reference. What is written instead
 * of one is never repeated: problems go to screens and logs.
 */
export function referenced(context: ShapeContext, rules: { readonly what: string; readonly example: string; readonly secret: boolean }): Reader<string> {
  return (node, at) => {
    const value = text({ expected: `a text, or a reference: \`${rules.example}\`` })(node, at)
    if (value === undefined) return undefined
    if (/\p{Cc}/u.test(value)) return reportAt(node, at, `${rules.what} with a line break or control character`, 'one line of text')
    let fine = true
    let found = false
    for (const [, inside = ''] of value.matchAll(ANY_TEMPLATE)) {
      const name = /^env:([A-Za-z_][A-Za-z0-9_]*)$/.exec(inside)?.[1]
      found = true
      if (name !== undefined && context.variables[name] !== undefined) continue
      fine = false
      if (name === undefined) reportAt(node, at, `\`\${${clip(inside)}}\` is not replaced in ${rules.what}`, `a reference: \`${rules.example}\``)
      else reportAt(node, at, `the variable ${name} is not set`, `${name} in the environment Signalbox is started in`)
    }
    if (rules.secret && !found) return reportAt(node, at, `${rules.what} holds a secret in the file`, `a reference: \`${rules.example}\`, with the value in the environment Signalbox runs in`)
    return fine ? value : undefined
  }
}

/** Header names whose values are secrets. */
export function isSecretHeader(name: string): boolean {
  return /^(authorization|proxy-authorization|cookie)$/i.test(name) || /(^|-)(token|secret|password|api-?key|key|credentials?)$/i.test(name)
}

/** An `http` or `https` address. No credentials in it, and no query that could be one. */
export function address(rules: { readonly what: string; readonly example: string }): Reader<string> {
  const expected = `an address that begins with http:// or https://, as \`${rules.example}\``
  return (node, at) => {
    const value = text({ expected, maxLength: 2000 })(node, at)
    if (value === undefined) return undefined
    const url = URL.canParse(value) ? new URL(value) : null
    if (url && (url.username !== '' || url.password !== '')) return reportAt(node, at, `${rules.what} with a name or password in it`, '`basic:` with the password as a reference, and the address without them')
    if (!url || !/^https?:\/\/[^\s/]/.test(value) || /\s/.test(value)) return reportAt(node, at, `\`${clip(value)}\` does not fit`, expected)
    if (url.search !== '' || url.hash !== '' || value.includes('?') || value.includes('#')) return reportAt(node, at, `${rules.what} with \`?\` or \`#\``, `${expected}, without them`)
    return value
  }
}
