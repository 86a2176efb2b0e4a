import { randomUUID } from 'node:crypto'
import type { ConsoleClient } from '../../contract/client.ts'
import { Fault, faultFromData } from '../../contract/fault.ts'
import type { FlagSummary, FlagView, RolloutCommand, RolloutView } from '../../contract/flag.ts'
import type { Block } from '../../contract/release.ts'
import { jsonObjectSchema, type JsonObject } from '../../contract/flag-definition.ts'
import { numberOption } from './arguments.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { EXIT, UsageError } from './usage.ts'
import { seconds } from './words.ts'

/** Acts as they are typed. */
const ACTS: Readonly<Record<string, RolloutCommand>> = { start: 'start', advance: 'advance', approve: 'approve', pause: 'pause', resume: 'resume', rollback: 'rollBack', 'roll-back': 'rollBack', finish: 'finish', abandon: 'abandon', retry: 'retry' }
/** The source is being changed, and has not been read back yet. */
const MOVING: readonly string[] = ['exposing', 'finishing', 'rollingBack']
const LOOK_AGAIN_MS = 100
const CANNOT_ASK = new Set(['providerUnavailable', 'timeout'])

/** The source that has the flag: the one that is named, the only one, or the only one that knows it. */
async function sourceOf(context: CommandContext, client: ConsoleClient, flag: string): Promise<string> {
  const { source } = context.invocation.options
  if (source !== undefined) return source
  const names = (await client.flag.sources()).map(({ name }) => name)
  const [only] = names
  if (only === undefined) throw new Fault('notFound', 'The workspace declares no flags.', 'Declare a source under `flags` in the workspace file.')
  if (names.length === 1) return only
  const found: string[] = []
  for (const name of names) {
    const view = await client.flag.get({ source: name, flag }).catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'notFound') return null
      // Whether it has the flag cannot be said; another one may.
      if (error instanceof Fault && CANNOT_ASK.has(error.code)) return context.output.note(error.message)
      throw error
    })
    if (view) found.push(name)
  }
  const [first] = found
  if (first === undefined) throw new Fault('notFound', `No source has a flag ${flag} (${names.join(', ')}).`, 'See signalbox flags.')
  if (found.length > 1) throw new UsageError(`${flag} is in ${found.join(' and ')}: say which with --source.`)
  return first
}

function rolloutWords({ rollout }: FlagSummary): string {
  if (!rollout) return ''
  const due = rollout.dueAt === null || rollout.paused ? '' : `, next at ${new Date(rollout.dueAt).toLocaleTimeString('en-GB')}`
  return `stage ${rollout.stage + 1} of ${rollout.stages}, ${rollout.paused ? 'paused' : rollout.phase}${due}`
}

async function references(context: CommandContext, client: ConsoleClient): Promise<number> {
  const { output, invocation } = context
  const names = invocation.options.source === undefined ? (await client.flag.sources()).map(({ name }) => name) : [invocation.options.source]
  const reports = []
  for (const source of names) reports.push({ source, ...(await client.flag.references({ source })) })
  output.document(reports)
  for (const report of reports) {
    for (const [key, places] of Object.entries(report.byFlag)) {
      output.say(`${key}  ${places.length === 0 ? 'nowhere' : `${places.length} ${places.length === 1 ? 'place' : 'places'}`}`)
      for (const { file, line, column, text } of places) output.say(`  ${file}:${line}:${column}  ${text.trim()}`)
    }
    for (const problem of report.problems) output.note(problem)
    output.note(report.folders.length === 0 ? `${report.source} names no folders of code.` : `${report.source}: ${report.files} files, ${report.lines} lines in ${seconds(report.tookMs)}`)
  }
  return EXIT.ok
}

export const flags: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const { output, invocation } = context
    const named = argument(context, 0)
    if (named === 'references') return await references(context, client)
    const asked = named !== '' ? named : invocation.options.source
    const sources = (await client.flag.sources()).filter(({ name }) => asked === undefined || name === asked)
    if (asked !== undefined && sources.length === 0) throw new Fault('notFound', `The workspace has no flag source ${asked}.`, 'See signalbox flags.')
    const listed = []
    for (const source of sources) {
      // One that does not answer hides no other.
      const found = await client.flag.list({ source: source.name }).catch((error: unknown) => (error instanceof Fault && CANNOT_ASK.has(error.code) ? error : Promise.reject(error)))
      listed.push({ source, flags: found instanceof Fault ? [] : found, problem: found instanceof Fault ? found.message : source.problem })
    }
    output.document(listed)
    if (sources.length === 0) output.say('The workspace declares no flags.')
    for (const { source, flags: found, problem } of listed) {
      if (listed.length > 1) output.say(`${source.name} (${source.kind}, ${source.set})`)
      if (source.broken) output.note(`${source.name}: the last good version is served. ${source.broken.why}`)
      if (problem !== '') output.note(`${source.name}: ${problem}`)
      if (found.length > 0) output.table(['Flag', 'Users', 'State', 'Rollout', 'Owner'], found.map((flag) => [flag.key, flag.exposure, flag.lifecycle, rolloutWords(flag), flag.owner ?? '']))
    }
    return EXIT.ok
  })

/** What stands in the way of an act. A look without a console acts on nothing, but an act would open the folder by itself. */
function blocksOf(blocks: readonly Block[], carriesCore: boolean): readonly Block[] {
  return carriesCore ? blocks.filter(({ rule }) => rule !== 'readOnly' && rule !== 'journal') : blocks
}

function describeAct({ output }: Pick<CommandContext, 'output'>, indent: string, act: { readonly label: string; readonly effect: string; readonly blocks: readonly Block[] }, carriesCore: boolean): void {
  const blocks = blocksOf(act.blocks, carriesCore)
  output.say(`${indent}${blocks.length === 0 ? 'can' : 'cannot'} ${act.label}. ${act.effect}`)
  for (const block of blocks) output.say(`${indent}    ${block.reason} ${block.unblocks}`)
}

function describeFlag({ output }: CommandContext, view: FlagView, carriesCore: boolean): void {
  const { summary, definition, rollout } = view
  output.say(`${summary.key}: ${summary.exposure}. ${summary.why}`)
  output.say(`Variants: ${definition.variants.map(({ name, value }) => `${name}${name === view.kill.variant ? ' (safe)' : ''} = ${JSON.stringify(value)}`).join(', ')}; default ${definition.defaultVariant ?? "the caller's own"}`)
  if (definition.targeting.kind === 'handwritten') output.say('Its targeting is written by hand.')
  for (const tier of view.tiers) if (view.tiers.length > 1) output.say(`  ${tier.tier.padEnd(8)} ${tier.set}: ${tier.present ? tier.exposure : 'not there'}`)
  if (view.references) output.say(`Code names it in ${view.references.length} ${view.references.length === 1 ? 'place' : 'places'}.`)
  if (rollout) describeRollout({ output }, rollout, carriesCore)
  if (!rollout || rollout.ended) describeAct({ output }, '', view.kill, carriesCore)
}

function describeRollout({ output }: Pick<CommandContext, 'output'>, view: RolloutView, carriesCore: boolean): void {
  output.say(`Rollout ${view.rollout.number}: ${view.headline}. ${view.next}`)
  for (const stage of view.stages) {
    const detection = stage.detectionMs === null ? '' : `, harm shows within ${seconds(stage.detectionMs)}`
    output.say(`  ${stage.state.padEnd(8)} ${stage.percent} % of ${stage.audienceWords}${detection}${stage.tooShort ? ' (longer than its hold)' : ''}`)
  }
  if (view.ended) return
  for (const action of view.actions) describeAct({ output }, '  ', action, carriesCore)
}

function contextOf(text: string | undefined): JsonObject {
  const form = `signalbox flag FLAG preview --context '{"targetingKey": "user-1"}'`
  if (text === undefined) throw new UsageError(form)
  try {
    return jsonObjectSchema.parse(JSON.parse(text))
  } catch {
    throw new UsageError(`--context takes a JSON object: ${form}`)
  }
}

export const flag: Command = (context) => {
  const { output, invocation } = context
  const [key, what] = [argument(context, 0), argument(context, 1)]
  if (what !== '' && what !== 'preview') throw new UsageError(`signalbox flag FLAG shows a flag, signalbox flag FLAG preview what a user gets; there is no ${what}.`)
  const asked = what === 'preview' ? contextOf(invocation.options.context) : null
  return withLink(context, 'readOnly', async ({ client, carriesCore }) => {
    if (asked) {
      const shown = await client.flag.preview({ source: await sourceOf(context, client, key), flag: key, context: asked })
      output.document(shown)
      output.say(shown.error === '' ? `${shown.variant ?? 'no variant'} = ${JSON.stringify(shown.value)} (${shown.reason})` : `No value (${shown.reason}): ${shown.error}`)
      for (const rule of shown.rules) output.say(`  ${rule.decided ? 'decided' : rule.matched ? 'matches' : 'no'.padEnd(7)} ${rule.words}`)
      for (const segment of shown.segments) if (segment.matched) output.say(`  in segment ${segment.name}`)
      return EXIT.ok
    }
    const view = await client.flag.get({ source: await sourceOf(context, client, key), flag: key })
    output.document(view)
    describeFlag(context, view, carriesCore)
    return EXIT.ok
  })
}

function timeoutMs(context: CommandContext): number {
  return numberOption('timeout', context.invocation.options.timeout, 120, 1, 86_400) * 1000
}

/** Until what was asked of the source is read back, waits for somebody, or failed. */
async function settled(client: ConsoleClient, source: string, key: string, rollout: string | null, deadline: number): Promise<FlagView> {
  for (;;) {
    const view = await client.flag.get({ source, flag: key })
    const now = view.rollout?.rollout
    const moves = now && (rollout === null || now.id === rollout) && MOVING.includes(now.phase) && now.submitted === null
    // A source that refuses for good leads to another phase; one that does not answer is asked again without end.
    if (!moves) return view
    if (performance.now() > deadline) throw new Fault('timeout', `${key} was not read back yet${now.failure ? `: ${now.failure.fault.message}` : '.'} It goes on while a console runs.`, `Look again: signalbox flag ${key}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

function reportRollout(context: CommandContext, view: FlagView, startedAt: number, carriesCore: boolean): number {
  const { output } = context
  const { rollout } = view
  output.document(view)
  if (!rollout) return EXIT.ok
  const { submitted, failure, phase } = rollout.rollout
  output.say(`${view.summary.key}: ${rollout.headline}, after ${seconds(performance.now() - startedAt)}`)
  if (submitted) output.say(`${submitted.what}: ${submitted.url}`)
  output.say(rollout.next)
  if (carriesCore && !rollout.ended) output.note('No console is running, so holds, guards and the next stage wait until one is: signalbox serve')
  if (phase !== 'failed' || !failure) return EXIT.ok
  output.note(`${failure.fault.message}\nNext step: ${failure.fault.next}`)
  return faultFromData(failure.fault).data.cause === 'refused' ? EXIT.refused : EXIT.errored
}

/** Sends one act and waits until what it did to the flag was read back. */
export const rollout: Command = (context) => {
  const [key, what] = [argument(context, 0), argument(context, 1)]
  const { options } = context.invocation
  const command = ACTS[what]
  if (!command) throw new UsageError(`There is no act ${what}. One of: ${Object.keys(ACTS).filter((name) => name !== 'roll-back').join(', ')}.`)
  const waitMs = timeoutMs(context)
  return withLink(context, 'leverOnly', async ({ client, carriesCore }) => {
    const source = await sourceOf(context, client, key)
    const startedAt = performance.now()
    const before = await client.flag.get({ source, flag: key })
    const reason = options.reason ?? ''
    const running = before.rollout && !before.rollout.ended ? before.rollout.rollout : null
    let id: string
    if (command === 'start' && running?.phase !== 'planned') {
      const { suggestedPlan: plan } = before
      const variants = options.variant === undefined ? plan.variants : [{ variant: options.variant, share: 100 }]
      const started = await client.flag.startRollout({ source, flag: key, plan: { ...plan, variants }, expectedVersion: before.version, reason, operationId: randomUUID() })
      id = started.rollout.id
    } else {
      const meant = running ?? before.rollout?.rollout
      if (!meant) throw new Fault('illegalCommand', `${key} has no rollout to act on. Nothing was changed.`, `Start one: signalbox rollout ${key} start`)
      const sent = await client.flag.command({ rollout: meant.id, command, ...(options.variant === undefined ? {} : { variant: options.variant }), ...(command === 'rollBack' ? {} : { expectedRevision: meant.revision }), reason, operationId: randomUUID() })
      id = sent.rollout.id
    }
    return reportRollout(context, await settled(client, source, key, id, startedAt + waitMs), startedAt, carriesCore)
  })
}

/** Needs no console, no revision and no reason: everyone gets the safe variant now. */
export const kill: Command = (context) => {
  const key = argument(context, 0)
  const { options } = context.invocation
  const waitMs = timeoutMs(context)
  return withLink(context, 'leverOnly', async ({ client }) => {
    const source = await sourceOf(context, client, key)
    const startedAt = performance.now()
    await client.flag.kill({ source, flag: key, reason: options.reason ?? '', operationId: randomUUID() })
    const view = await settled(client, source, key, null, startedAt + waitMs)
    const { output } = context
    const submitted = view.rollout?.rollout.submitted
    output.document(view)
    // The kill of a rollout may have to be approved first, as one without is refused with.
    if (submitted && view.rollout?.ended === false) {
      output.say(`${key}: ${view.summary.exposure}, still. ${submitted.what}: ${submitted.url}`)
      return EXIT.refused
    }
    if (view.summary.percent !== 0) throw new Fault('notVerified', `${key} is ${view.summary.exposure} by what was read back after the kill switch.`, `Look at it: signalbox flag ${key}`)
    output.say(`${key}: ${view.summary.exposure}, read back after ${seconds(performance.now() - startedAt)}`)
    if (!options.reason) output.note(`A reason is owed: signalbox kill ${key} --reason TEXT`)
    return EXIT.ok
  })
}
