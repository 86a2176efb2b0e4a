import type { ConsoleClient } from '../../contract/client.ts'
import type { JournalFilter } from '../../contract/journal.ts'
import { subjectOf } from '../../contract/journal-subject.ts'
import type { LogLine, ServiceView, WaitingItem } from '../../contract/service.ts'
import type { SystemStatus } from '../../contract/system.ts'
import { ENVIRONMENTS } from '../../contract/vocabulary.ts'
import { choiceOption, numberOption, timeOption } from './arguments.ts'
import { problemLine } from '../web/opening-remarks.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { clockTime } from './output.ts'
import { EXIT, UsageError } from './usage.ts'
import { statusRow } from './words.ts'

interface Snapshot {
  readonly status: SystemStatus | null
  readonly services: readonly ServiceView[]
  readonly waiting: readonly WaitingItem[]
}

/** How long a core just composed may take to read the world for the first time, or to find that it cannot. */
const FIRST_READING_MS = 2000

/** One coherent picture: what `system.watch` starts with. A core carried by this process is given a moment to look first. */
async function takeSnapshot(client: ConsoleClient, fresh: boolean): Promise<Snapshot> {
  let status: SystemStatus | null = null
  let waiting: readonly WaitingItem[] = []
  let ready = false
  const services = new Map<string, ServiceView>()
  const enough = () => ready && (!fresh || [...services.values()].every((view) => view.observed.kind === 'known' || view.observed.since > 0))
  const patience = AbortSignal.timeout(FIRST_READING_MS)
  try {
    for await (const item of await client.system.watch({ metrics: false }, { signal: patience })) {
      if (item.kind === 'status') status = item.status
      if (item.kind === 'service') services.set(item.service.name, item.service)
      if (item.kind === 'waiting') waiting = item.items
      if (item.kind === 'ready') ready = true
      if (enough()) break
    }
  } catch (error) {
    if (!patience.aborted) throw error
  }
  return { status, waiting, services: [...services.values()].toSorted((a, b) => a.name.localeCompare(b.name)) }
}

export const status: Command = (context) =>
  withLink(context, 'readOnly', async ({ client, carriesCore }) => {
    const { output } = context
    const picture = await takeSnapshot(client, carriesCore)
    const now = picture.status?.now ?? 0
    output.document({ console: carriesCore ? 'none' : 'running', ...picture })
    const { status: system } = picture
    const problems = system?.workspace.problems ?? []
    const code = problems.length > 0 ? EXIT.refused : EXIT.ok
    if (output.json) return code
    for (const problem of problems) output.say(problemLine(problem))
    if (system) {
      const mode = system.mode === 'control' ? '' : `, ${system.mode === 'audit' ? 'audit' : 'read-only'}${system.modeReason ? `: ${system.modeReason}` : ''}`
      output.say(`${system.workspace.name} (${system.workspace.tier})${carriesCore ? ', no console running' : mode}`)
      if (!system.journal.writable && !carriesCore) output.say(`JOURNAL CANNOT BE WRITTEN: ${system.journal.problem} Only roll back goes on.`)
      // What trust would be given to is not known before the file can be read whole.
      if (!system.workspace.trusted && problems.length === 0) output.say('The workspace is not trusted yet: nothing is run. See `signalbox trust`.')
    }
    output.say('')
    if (picture.services.length === 0) output.say('No services.')
    else output.table(['SERVICE', 'LIVE', 'IDLE', 'TRAFFIC', 'HEALTH', 'RELEASE', 'NEXT'], picture.services.map((view) => statusRow(view, now)))
    for (const view of picture.services) if (view.health !== 'healthy' && view.healthReason) output.say(`${view.name}: ${view.healthReason}`)
    if (picture.waiting.length > 0) {
      output.say('\nWaiting for you:')
      for (const item of picture.waiting) output.say(`  ${item.service}: ${item.title}${item.detail ? `: ${item.detail}` : ''}`)
    }
    return code
  })

export const versions: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const options = await client.service.versions({ service: argument(context, 0) })
    context.output.document(options)
    if (options.length === 0) context.output.say('No versions were found.')
    else if (!context.output.json) {
      context.output.table(
        ['VERSION', 'ON', 'TITLE', 'CHANGES'],
        options.map((option) => [option.version, option.deployedOn ?? '', option.title, option.problem === null ? option.changes.join('; ') : `cannot be deployed: ${option.problem}`]),
      )
    }
    return EXIT.ok
  })

/** How long a log may be silent before its past counts as told. */
const LOG_SILENCE_MS = 300

export const log: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const { options } = context.invocation
    const environment = choiceOption('ENVIRONMENT', argument(context, 1), ENVIRONMENTS)
    if (environment === undefined) throw new UsageError('ENVIRONMENT is blue or green.')
    if (options.follow === true && context.output.json) throw new UsageError('--follow never ends, so it makes no JSON document.')
    const lines = numberOption('lines', options.lines, 100, 0, 5000)
    const stop = new AbortController()
    const seen: LogLine[] = []
    const show = (line: LogLine) => context.output.say(`${clockTime(line.at)} ${line.stream === 'stdout' ? '' : `${line.stream}: `}${line.text}`)
    let silence: NodeJS.Timeout | undefined
    const rest = () => {
      clearTimeout(silence)
      if (options.follow !== true) silence = setTimeout(() => stop.abort(), LOG_SILENCE_MS)
    }
    try {
      const stream = await client.service.tailLogs({ service: argument(context, 0), environment, lines }, { signal: stop.signal })
      rest()
      for await (const line of stream) {
        if (context.output.json) seen.push(line)
        else show(line)
        rest()
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    } finally {
      clearTimeout(silence)
    }
    context.output.document(seen)
    return EXIT.ok
  })

/** The filters that audit and export share. */
export function filterOf(context: CommandContext): JournalFilter {
  const { options } = context.invocation
  const kind = choiceOption('kind', options.kind, ['intent', 'outcome', 'event', 'refusal'] as const)
  const fromAt = timeOption('since', options.since)
  const toAt = timeOption('until', options.until)
  return {
    text: options.text ?? '',
    ...(options.service === undefined ? {} : { service: options.service }),
    ...(options.operator === undefined ? {} : { operator: options.operator }),
    ...(options.action === undefined ? {} : { action: options.action }),
    ...(options.release === undefined ? {} : { releaseId: options.release }),
    ...(kind === undefined ? {} : { kind }),
    ...(fromAt === undefined ? {} : { fromAt }),
    ...(toAt === undefined ? {} : { toAt }),
  }
}

export const audit: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const { output } = context
    const limit = numberOption('limit', context.invocation.options.limit, 50, 1, 500)
    const page = await client.journal.search({ filter: filterOf(context), limit })
    output.document(page)
    if (output.json) return EXIT.ok
    if (page.entries.length === 0) output.say('No entries match.')
    else {
      output.table(
        ['ENTRY', 'TIME', 'OPERATOR', 'ABOUT', 'WHAT', 'OUTCOME', 'REASON'],
        page.entries.map((entry) => [String(entry.seq), clockTime(entry.at), entry.operator.name, subjectOf(entry), entry.summary, entry.outcome, entry.reason]),
      )
    }
    return EXIT.ok
  })
