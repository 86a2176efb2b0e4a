import { expect, test } from 'vitest'
import type { ServiceView } from '../contract/service.ts'
import { matrixOf, openTestServer } from '../providers/prometheus/testing/lying-server.ts'
import type { ChildConsole } from './testing/child-console.ts'
import { createShop } from './testing/shop.ts'

type Mode = 'good' | 'greenIsBad' | 'hang' | 'NaN' | 'empty' | '500' | 'warning' | 'gone'

/** A Prometheus that dies and lies at a word: ten orders everywhere, or what the mode says. */
async function openLiar() {
  let mode: Mode = 'good'
  const server = await openTestServer((asked, response) => {
    const query = asked.parameters.get('query') ?? ''
    const count = Math.min(600, Math.round(Number(asked.parameters.get('end')) - Number(asked.parameters.get('start'))) + 1)
    const values = (value: string) => Array.from({ length: count }, () => value)
    if (mode === 'hang') return
    if (mode === 'gone') return void response.destroy()
    response.statusCode = mode === '500' ? 500 : 200
    if (query.includes('timestamp(up)') || mode === 'empty') response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}')
    else if (mode === '500') response.end('out of memory')
    else if (mode === 'warning') response.end(matrixOf(asked, values('10'), { warnings: ['a store is away'] }))
    else response.end(matrixOf(asked, values(mode === 'NaN' ? 'NaN' : mode === 'greenIsBad' && query.includes('green') ? '1' : '10')))
  })
  return { ...server, say: (next: Mode) => void (mode = next) }
}

const PLAN = `
      steps: [{weight: 50, hold: {analysis: 2s}}, 100]
      smoke: [/smoke]
      criteria:
        - {name: orders, query: 'sum(orders{environment="\${environment}"})', at-least: 5, window: 3s, grace: 0s}
        - {name: home, probe: home, limit: 10%, window: 10s, min-requests: 4, consecutive: 1}
      bake: 2s
      drain: 0s
      rollback-window: 1h`

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(console: ChildConsole, what: (view: ServiceView) => boolean, withinMs = 15_000): Promise<ServiceView> {
  const giveUpAt = Date.now() + withinMs
  for (;;) {
    const view = await console.service.get({ service: 'web' })
    if (what(view)) return view
    if (Date.now() > giveUpAt) throw new Error(`it never came to what was waited for: ${JSON.stringify(view.release?.release)}`)
    await sleep(50)
  }
}
const phaseOf = (view: ServiceView) => view.release?.release.phase
const weightsOf = (view: ServiceView) => (view.observed.kind === 'known' ? view.observed.value.weights : null)

test('metrics that die or lie hold a release, and neither promote it nor take it back; with metrics it goes on, or is taken back', async () => {
  const liar = await openLiar()
  const shop = createShop({ versions: ['good-1', 'good-2', 'good-3', 'broken-1'], workspace: `metrics: {prom: {prometheus: "${liar.url}", interval: 1s, timeout: 500ms}}`, service: '    probes: {home: {get: /, every: 250ms}}', plan: PLAN })
  let operations = 0
  const release = (console: ChildConsole, version: string) => console.release.create({ service: 'web', version, reason: 'try', ticket: '', notes: '', start: true, queue: false, endRollbackWindow: true, operationId: `metrics-lost-${(operations += 1)}` })
  try {
    const console = await shop.open()
    await until(console, (view) => view.release?.ended !== false && weightsOf(view)?.blue === 100)

    liar.say('hang')
    await release(console, 'good-2')
    await until(console, (view) => weightsOf(view)?.green === 50)
    for (const mode of ['hang', 'NaN', 'empty', '500', 'warning', 'gone'] as const) {
      liar.say(mode)
      await sleep(1500)
      const view = await console.service.get({ service: 'web' })
      expect({ mode, phase: phaseOf(view), weights: weightsOf(view) }).toEqual({ mode, phase: 'shifting', weights: { blue: 50, green: 50 } })
    }
    // Long after its hold; and somebody is told what is missing.
    expect((await console.service.verdicts({ service: 'web', fromAt: 0, toAt: Date.now() + 60_000 })).filter(({ name, verdict }) => name === 'orders' && verdict !== 'inconclusive')).toEqual([])
    await expect.poll(() => console.waiting().length, { timeout: 5000 }).toBeGreaterThan(0)

    liar.say('good')
    await until(console, (view) => phaseOf(view) === 'completed')

    // The control: the same criterion takes back what really is bad, and the probe what fails only there.
    liar.say('greenIsBad')
    await release(console, 'good-3')
    const kept = await until(console, (view) => phaseOf(view) === 'completed' || phaseOf(view) === 'rolledBack')
    // good-2 is on green, so good-3 is on blue and good; the bad one is the side it is compared with.
    expect(phaseOf(kept)).toBe('completed')
    liar.say('good')
    await release(console, 'broken-1')
    await until(console, (view) => phaseOf(view) === 'rolledBack')
    liar.say('greenIsBad')
    await release(console, 'good-2')
    await until(console, (view) => phaseOf(view) === 'rolledBack')
    // The journal's readers may be a moment behind.
    const failed = async () => (await console.journal.search({ filter: { text: '', action: 'analysis.failed' }, limit: 10 })).entries.map(({ summary }) => summary)
    await expect.poll(failed, { timeout: 5000 }).toEqual([expect.stringMatching(/query/), expect.stringMatching(/probe home/)])
  } finally {
    await shop.dispose()
    await liar.close()
  }
}, 90_000)
