// A whole console in a process of its own, for tests that kill it. It is asked over the channel of child_process.fork.
import { composeCore } from '../../compose.ts'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import type { Answer, Ask } from './child-console.ts'

const options = JSON.parse(process.argv[2] ?? '') as ComposeOptions
const tell = (answer: Answer) => process.send?.(answer)
const startedMs = performance.now()
const startedCpu = process.cpuUsage()
const core = await composeCore(options)
const composeMs = performance.now() - startedMs
const { user, system } = process.cpuUsage(startedCpu)
const aborter = new AbortController()
const context = { signal: aborter.signal }

async function watch(): Promise<void> {
  for await (const item of core.dispatch.system.watch({ metrics: false }, context)) {
    if (item.kind === 'journal') tell({ kind: 'entry', entry: item.entry })
    if (item.kind === 'waiting') tell({ kind: 'waiting', items: item.items })
  }
}

type Method = (input: unknown, context: { readonly signal: AbortSignal }) => unknown

async function answer({ id, noun, verb, input }: Extract<Ask, { kind: 'call' }>): Promise<void> {
  try {
    const method = (core.dispatch as unknown as Record<string, Record<string, Method>>)[noun]?.[verb]
    if (!method) throw new Error(`no ${noun}.${verb}`)
    const result = method(input, context)
    if (isStream(result)) {
      const items: unknown[] = []
      for await (const item of result) items.push(item)
      tell({ kind: 'result', id, value: items })
    } else tell({ kind: 'result', id, value: (await result) ?? null })
  } catch (error) {
    tell(error instanceof Fault ? { kind: 'fault', id, fault: error.data } : { kind: 'broken', id, message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

process.on('message', (ask: Ask) => {
  if (ask.kind === 'arm') process.env['SIGNALBOX_CRASH_AT'] = ask.at
  else if (ask.kind === 'call') void answer(ask)
  else {
    aborter.abort()
    void core.close().then(() => process.exit(0))
  }
})
// Whoever tests it went away.
process.on('disconnect', () => process.exit(1))
void watch()
tell({ kind: 'open', composeMs, composeCpuMs: (user + system) / 1000 })
