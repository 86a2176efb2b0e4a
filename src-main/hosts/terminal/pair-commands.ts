import { randomUUID } from 'node:crypto'
import type { PairAct, PairView } from '../../contract/pair.ts'
import { ENVIRONMENTS } from '../../contract/vocabulary.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { EXIT, UsageError } from './usage.ts'

const ACTS: Readonly<Record<string, PairAct>> = { 'set-up': 'setUp', switch: 'switch', cancel: 'cancelSwitch', 'tear-down': 'tearDown' }

function say({ output }: CommandContext, view: PairView): void {
  output.document(view)
  output.say(view.words)
  if (view.lagMs !== null) output.say(`${Math.round(view.lagMs)} ms behind, ${view.behindBytes ?? 0} bytes not confirmed.`)
}

/** The two databases of a service: what they are, whether they can follow each other, and what makes them. */
export const pair: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client }) => {
    const { output, invocation } = context
    const [service, what] = [argument(context, 0), argument(context, 1)]
    const side = ENVIRONMENTS.find((name) => name === (invocation.options.side ?? 'blue'))
    if (side === undefined) throw new UsageError('--side is blue or green.')
    if (what === 'status') {
      say(context, await client.pair.get({ service }))
      return EXIT.ok
    }
    if (what === 'check') {
      const checks = await client.pair.check({ service, from: side })
      output.document(checks)
      const found = checks.filter(({ state }) => state !== 'ok')
      for (const check of found) output.say(`${check.state.toUpperCase().padEnd(8)} ${check.name}: ${check.detail}\n         ${check.fix}`)
      if (found.length === 0) output.say(`Nothing stands in the way (${checks.length} checks).`)
      return found.some(({ state }) => state === 'blocker') ? EXIT.refused : EXIT.ok
    }
    if (what === 'compare') {
      const result = await client.pair.compare({ service })
      output.document(result)
      for (const table of result.tables) output.say(`${table.table}: ${table.sourceRows} rows on ${result.from}, ${table.targetRows} on ${result.to}${table.inFlight > 0 ? `, ${table.inFlight} were in flight` : ''}`)
      for (const each of result.mismatches) output.say(`${each.class.padEnd(12)} ${each.table} ${JSON.stringify(each.key)} ${each.columns.join(', ')}  ${result.from} ${JSON.stringify(each.source)}  ${result.to} ${JSON.stringify(each.target)}`)
      output.say(result.same ? 'Both sides hold the same rows.' : `${result.mismatchCount} rows differ.`)
      return result.same ? EXIT.ok : EXIT.refused
    }
    const act = ACTS[what]
    if (act === undefined) throw new UsageError(`There is no act ${what}. One of: status, check, compare, ${Object.keys(ACTS).join(', ')}.`)
    if ((act === 'setUp' || act === 'switch') && invocation.options.side === undefined) throw new UsageError(`signalbox pair ${service} ${what} needs --side: the one that takes the writes.`)
    say(context, await client.pair.act({ service, act, side, copy: invocation.options['no-copy'] !== true, reason: invocation.options.reason ?? '', operationId: randomUUID() }))
    return EXIT.ok
  })
