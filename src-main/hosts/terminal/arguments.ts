import { parseArgs } from 'node:util'
import { UsageError } from './usage.ts'

const OPTIONS = {
  workspace: { type: 'string' },
  data: { type: 'string' },
  audit: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  timeout: { type: 'string' },
  reason: { type: 'string' },
  ticket: { type: 'string' },
  queue: { type: 'boolean' },
  'end-window': { type: 'boolean' },
  follow: { type: 'boolean' },
  fully: { type: 'boolean' },
  force: { type: 'boolean' },
  all: { type: 'boolean' },
  yes: { type: 'boolean' },
  minutes: { type: 'string' },
  confirm: { type: 'string' },
  lines: { type: 'string' },
  limit: { type: 'string' },
  text: { type: 'string' },
  service: { type: 'string' },
  operator: { type: 'string' },
  action: { type: 'string' },
  kind: { type: 'string' },
  release: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  format: { type: 'string' },
  out: { type: 'string' },
  port: { type: 'string' },
  trust: { type: 'boolean' },
  'no-open': { type: 'boolean' },
  side: { type: 'string' },
  'no-copy': { type: 'boolean' },
  source: { type: 'string' },
  variant: { type: 'string' },
  context: { type: 'string' },
} as const

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']
export type OptionName = keyof typeof OPTIONS

const EVERYWHERE: readonly OptionName[] = ['workspace', 'data', 'json', 'help', 'timeout']
const FILTERS: readonly OptionName[] = ['text', 'service', 'operator', 'action', 'kind', 'release', 'since', 'until']

/** Per command: its arguments by name (one in brackets may be left out), and its own options. */
export const COMMANDS = {
  status: { arguments: [], options: [] },
  versions: { arguments: ['SERVICE'], options: [] },
  log: { arguments: ['SERVICE', 'ENVIRONMENT'], options: ['lines', 'follow'] },
  audit: { arguments: [], options: [...FILTERS, 'limit', 'audit'] },
  deploy: { arguments: ['SERVICE', 'VERSION'], options: ['reason', 'ticket', 'queue', 'end-window', 'follow'] },
  promote: { arguments: ['SERVICE'], options: ['fully', 'reason'] },
  approve: { arguments: ['SERVICE'], options: ['reason'] },
  pause: { arguments: ['SERVICE'], options: ['reason'] },
  resume: { arguments: ['SERVICE'], options: ['reason'] },
  retry: { arguments: ['SERVICE'], options: ['reason'] },
  abandon: { arguments: ['SERVICE'], options: ['reason'] },
  rollback: { arguments: ['SERVICE'], options: ['reason', 'force'] },
  explain: { arguments: ['SERVICE'], options: ['reason'] },
  'suspend-guard': { arguments: ['SERVICE'], options: ['reason', 'minutes'] },
  'restore-guard': { arguments: ['SERVICE'], options: ['reason'] },
  migrations: { arguments: [], options: [] },
  migration: { arguments: ['MIGRATION'], options: [] },
  pair: { arguments: ['SERVICE', 'ACT'], options: ['side', 'no-copy', 'reason'] },
  migrate: { arguments: ['MIGRATION', 'ACT'], options: ['reason', 'confirm', 'limit'] },
  flags: { arguments: ['[SOURCE or references]'], options: ['source'] },
  flag: { arguments: ['FLAG', '[preview]'], options: ['source', 'context'] },
  rollout: { arguments: ['FLAG', 'ACT'], options: ['source', 'variant', 'reason'] },
  kill: { arguments: ['FLAG'], options: ['source', 'reason'] },
  trust: { arguments: [], options: ['yes'] },
  start: { arguments: ['SERVICE'], options: ['reason'] },
  upgrade: { arguments: [], options: ['reason'] },
  stop: { arguments: [], options: ['all', 'reason'] },
  verify: { arguments: [], options: ['audit'] },
  export: { arguments: [], options: [...FILTERS, 'format', 'out', 'audit'] },
  backup: { arguments: ['FILE'], options: [] },
  restore: { arguments: ['FILE'], options: [] },
  open: { arguments: [], options: ['no-open'] },
  serve: { arguments: [], options: ['port', 'trust'] },
} as const satisfies Record<string, { readonly arguments: readonly string[]; readonly options: readonly OptionName[] }>
export type CommandName = keyof typeof COMMANDS

export interface Invocation {
  readonly command: CommandName
  /** As many as the command names; those in brackets may be missing. */
  readonly arguments: readonly string[]
  readonly options: Values
}

/** Null asks for help. Throws `UsageError`. */
export function parseInvocation(argv: readonly string[]): Invocation | null {
  const { values, positionals } = parse(argv)
  const [name, ...given] = positionals
  if (values.help === true || name === undefined || name === 'help') return null
  if (!isCommand(name)) throw new UsageError(`There is no command ${name}.`)
  const command = COMMANDS[name]
  const needed = command.arguments.filter((each) => !each.startsWith('['))
  if (given.length < needed.length || given.length > command.arguments.length) throw new UsageError(`signalbox ${[name, ...command.arguments].join(' ')}: ${given.length} arguments given.`)
  const allowed: readonly string[] = [...EVERYWHERE, ...command.options]
  const stray = Object.keys(values).find((option) => !allowed.includes(option))
  if (stray !== undefined) throw new UsageError(`signalbox ${name} has no option --${stray}.`)
  return { command: name, arguments: given, options: values }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

/** A whole number in a range, or the default when it was not given. */
export function numberOption(name: string, value: string | undefined, standard: number, min: number, max: number): number {
  if (value === undefined) return standard
  const number = Number(value)
  if (value.trim() === '' || !Number.isInteger(number) || number < min || number > max) throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not "${value}".`)
  return number
}

/** A date or date and time, in any form ECMAScript's Date reads; without a zone it is local time. */
export function timeOption(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const at = Date.parse(value)
  if (Number.isNaN(at)) throw new UsageError(`--${name} takes a date such as 2026-03-01 or 2026-03-01T14:00:00Z, not "${value}".`)
  return at
}

/** One word of a closed list. */
export function choiceOption<T extends string>(name: string, value: string | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((each) => each === value)
  if (choice === undefined) throw new UsageError(`--${name} takes ${choices.join(', ')}, not "${value}".`)
  return choice
}
