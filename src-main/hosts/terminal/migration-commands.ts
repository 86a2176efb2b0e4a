import { randomUUID } from 'node:crypto'
import type { ConsoleClient } from '../../contract/client.ts'
import { Fault } from '../../contract/fault.ts'
import type { MigrationCommand, MigrationView } from '../../contract/migration.ts'
import { numberOption } from './arguments.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { EXIT, UsageError } from './usage.ts'

/** Acts as they are typed. */
const ACTS: Readonly<Record<string, MigrationCommand>> = { start: 'start', advance: 'advance', approve: 'approve', pause: 'pause', resume: 'resume', 'step-back': 'stepBack', 'roll-back': 'rollBack', retry: 'retry' }

function row(view: MigrationView): string {
  const reading = view.observed.kind === 'known' ? view.observed.value : null
  const progress = reading?.progress && view.stage !== null && reading.progress.rowsTotal > 0 && !reading.state.done.includes(reading.progress.work) ? `, ${Math.min(100, (100 * reading.progress.rowsDone) / reading.progress.rowsTotal).toFixed(1)} %` : ''
  const unknown = view.observed.kind === 'unknown' ? `  UNKNOWN: ${view.observed.why}` : ''
  return `${view.id.padEnd(28)} ${view.database.padEnd(12)} ${view.headline}${progress}${unknown}`
}

export const migrations: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const views = await client.migration.list()
    context.output.document(views)
    if (views.length === 0) context.output.say('The workspace declares no migration.')
    for (const view of views) context.output.say(row(view))
    return EXIT.ok
  })

function describeView(context: CommandContext, view: MigrationView): void {
  const { output } = context
  output.say(row(view))
  output.say(view.next)
  const reading = view.observed.kind === 'known' ? view.observed.value : null
  if (reading?.progress?.waitsFor) output.say(`Waits: ${reading.progress.waitsFor}`)
  for (const gate of view.gates) output.say(`  ${gate.state.padEnd(8)} ${gate.name}: ${gate.detail}`)
  for (const action of view.actions) {
    output.say(`  ${action.blocks.length === 0 ? 'can' : 'cannot'} ${action.label}. ${action.effect}`)
    for (const block of action.blocks) output.say(`      ${block.reason} ${block.unblocks}`)
  }
  output.say(`If rolled back: ${view.rollBackWords}`)
}

export const migration: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const view = await client.migration.get({ migration: argument(context, 0) })
    context.output.document(view)
    describeView(context, view)
    return EXIT.ok
  })

/** Looks that read the database; acts are sent below. */
async function look(context: CommandContext, client: ConsoleClient, id: string, what: string): Promise<number | null> {
  const { output } = context
  switch (what) {
    case 'preflight': {
      const report = await client.migration.preflight({ migration: id })
      output.document(report)
      for (const check of report.checks) if (check.state !== 'ok' || output.json) output.say(`${check.state.toUpperCase().padEnd(8)} ${check.name}: ${check.detail}${check.fix ? `\n         ${check.fix}` : ''}`)
      output.say(report.ok ? `Nothing stands in the way (${report.checks.length} checks, ${report.rowsScanned} rows read).` : 'It cannot start before the blockers are mended.')
      return report.ok ? EXIT.ok : EXIT.refused
    }
    case 'sql': {
      const steps = await client.migration.sql({ migration: id })
      output.document(steps)
      for (const step of steps) output.say(`-- ${step.title}\n-- ${step.lock}\n${step.sql}\n`)
      return EXIT.ok
    }
    case 'mismatches': {
      const found = await client.migration.mismatches({ migration: id, status: 'open', limit: numberOption('limit', context.invocation.options.limit, 100, 1, 1000) })
      output.document(found)
      for (const each of found) output.say(`${each.class.padEnd(13)} ${each.table} ${JSON.stringify(each.key)}  old ${JSON.stringify(each.old)}  new ${JSON.stringify(each.new)}  ${each.detail}`)
      if (found.length === 0) output.say('No mismatch is open.')
      return EXIT.ok
    }
    case 'repair': {
      const outcome = await client.migration.repair({ migration: id, ids: 'all', reason: context.invocation.options.reason ?? '', operationId: randomUUID() })
      output.document(outcome)
      output.say(`Repaired ${outcome.repaired}, ${outcome.left} left.`)
      return outcome.left === 0 ? EXIT.ok : EXIT.refused
    }
    case 'rehearse': {
      const view = await client.migration.rehearse({ migration: id, operationId: randomUUID() })
      output.document(view)
      output.say(view.rehearsal ? `Rehearsed on ${view.rehearsal.database}: ${view.rehearsal.summary}` : 'Rehearsed.')
      return EXIT.ok
    }
    default:
      return null
  }
}

/** Sends an act and says what came of it; a running console goes on with the work. */
export const migrate: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client, carriesCore }) => {
    const [id, what] = [argument(context, 0), argument(context, 1)]
    const looked = await look(context, client, id, what)
    if (looked !== null) return looked
    const command = ACTS[what]
    if (!command) throw new UsageError(`There is no act ${what}. One of: ${[...Object.keys(ACTS), 'preflight', 'rehearse', 'sql', 'mismatches', 'repair'].join(', ')}.`)
    const before = await client.migration.get({ migration: id })
    if (before.observed.kind === 'unknown') throw new Fault('providerUnavailable', `The database ${before.database} cannot be read: ${before.observed.why}`, 'Nothing was changed.')
    const startedAt = performance.now()
    const revision = before.observed.value?.state.revision
    const view = await client.migration.command({ migration: id, command, ...(revision === undefined ? {} : { expectedRevision: revision }), reason: context.invocation.options.reason ?? '', typed: context.invocation.options.confirm ?? '', operationId: randomUUID() })
    context.output.document(view)
    context.output.say(`${view.headline}, after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    context.output.say(view.next)
    if (carriesCore) context.output.note('No console is running, so copying and comparing wait until one is: signalbox serve')
    return EXIT.ok
  })
