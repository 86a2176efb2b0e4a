import type { Node } from 'yaml'
import { record } from './collections.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader, Reading } from './reading.ts'
import { reportAt } from './reading.ts'
import { text } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** A value taken from a variable of the process that deploys. The reference stays in the settings; the value is read at deploy time. */
const ENV_REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g
const ANY_TEMPLATE = /\$\{([^}]*)\}/g
/** Names that say that the value is a secret. The rule is about names, because what a value is worth cannot be seen. */
const SECRET_NAME = /(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|SECRET_KEY|ACCESS_KEY|CREDENTIALS?)$/i

/** Variables for a process. `templates`: the `${words}` that are replaced in values. */
export function variables(context: ShapeContext, templates: readonly string[]): Reader<Readonly<Record<string, string>>> {
  const name = { pattern: /^[A-Za-z_][A-Za-z0-9_]{0,199}$/, expected: 'a variable name: letters, digits and underscores' }
  const known = [...templates.map((template) => `\${${template}}`), '${env:NAME}', ...((context.databases ?? []).length > 0 ? ['${database:NAME}'] : []), ...((context.flagNames ?? []).length > 0 ? ['${flags-http:NAME}', '${flags-sync:NAME}'] : [])].join(', ')
  return record('variables', name, (variable) => (node, at) => {
    const value = text({ expected: 'a text; `""` for an empty one', maxLength: 32_000, empty: true })(node, at)
    if (value === undefined) return undefined
    if (SECRET_NAME.test(variable) && value !== '' && value.replaceAll(ENV_REFERENCE, '') === value) {
      // The value itself is not repeated: problems go to screens and logs.
      return reportAt(node, at, `\`${clip(variable)}\` holds a secret in the file`, `a reference: \`${clip(variable)}: \${env:${clip(variable)}}\`, with the value in the environment Signalbox runs in`)
    }
    for (const [, inside = ''] of value.matchAll(ANY_TEMPLATE)) {
      if (templates.includes(inside)) continue
      const database = /^database:(.*)$/.exec(inside)?.[1]
      if (database !== undefined) {
        const names = (context.databases ?? []).map((declared) => declared.name)
        const near = nearest(database, names)
        if (!names.includes(database)) reportAt(node, at, `there is no database \`${clip(database)}\``, near === null ? 'the name of a database under `databases`' : `did you mean \`\${database:${near}}\`?`)
        continue
      }
      const source = /^flags-(http|sync):(.*)$/.exec(inside)
      if (source) {
        const [, way = '', wanted = ''] = source
        checkFlagSource(wanted, way, node, at, context)
        continue
      }
      const reference = /^env:([A-Za-z_][A-Za-z0-9_]*)$/.exec(inside)?.[1]
      if (reference === undefined) reportAt(node, at, `\`\${${clip(inside)}}\` is not replaced in a variable`, `one of ${known}`)
      else if (context.variables[reference] === undefined) {
        reportAt(node, at, `the variable ${reference} is not set`, `${reference} in the environment Signalbox is started in`)
      }
    }
    return value
  })
}

function checkFlagSource(wanted: string, way: string, node: Node, at: Reading, { flags = [], flagNames = [] }: ShapeContext): void {
  const found = flags.find(({ name }) => name === wanted)
  if (found?.kind === 'file' || (!found && flagNames.includes(wanted))) return
  const near = nearest(wanted, flagNames)
  if (found) reportAt(node, at, `\`${clip(wanted)}\` is kept in ${found.kind}, which has an address of its own`, 'that system’s address')
  else reportAt(node, at, `there is no flag source \`${clip(wanted)}\``, near === null ? 'the name of a source under `flags`' : `did you mean \`\${flags-${way}:${near}}\`?`)
}
