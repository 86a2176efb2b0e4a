import { createRoot } from 'react-dom/client'
import type { JournalPage } from '../../../src-main/contract/journal.ts'
import type { WatchItem } from '../../../src-main/contract/system.ts'
import { App } from '../../app/app.tsx'
import { startConsole } from '../../app/console.ts'
import { createAppRouter } from '../../app/router.tsx'
import '../../app/theme.css'
import { CASES } from '../../dev/cases.ts'
import { directClient } from '../../dev/direct-client.ts'
import { createTestCore } from '../../lib/test-core.ts'
import { makeEntry, makeSample } from '../../lib/test-fixtures.ts'
import { followTheme } from '../../lib/theme.ts'
import { record, type Recorded } from './recorder.ts'

const SERVICES = 500
const PAGE = 200

followTheme()
const world = CASES['many']?.()
if (!world) throw new Error('no world of 500 services')
const core = createTestCore(world)
const running = startConsole(async () => ({ client: directClient(core.api), closed: new Promise<string>(() => undefined), close: () => undefined }))
const router = createAppRouter()
const element = document.getElementById('root')
if (element) createRoot(element).render(<App running={running} router={router} />)

/** Items as they come over the wire: text. Each service has one of its own and one of its metrics. */
const wire = [...core.world.services.values()].flatMap((service, index): string[] => [
  JSON.stringify({ kind: 'service', service: { ...service, health: index % 50 === 3 ? 'watch' : service.health } } satisfies WatchItem),
  JSON.stringify({ kind: 'metrics', service: service.name, blue: makeSample(0, 400), green: null } satisfies WatchItem),
])
let next = 0
/** Each item is a task of its own, as each message of a socket is. */
const socket = new MessageChannel()
function push(count: number): void {
  for (let index = 0; index < count; index += 1) {
    socket.port1.postMessage(wire[next % wire.length] ?? '')
    next += 1
  }
}
socket.port2.addEventListener('message', (message: MessageEvent<string>) => {
  const item = JSON.parse(message.data) as WatchItem
  const at = Date.now()
  if (item.kind === 'metrics') core.push({ ...item, blue: item.blue && { ...item.blue, at, requests: 380 + (at % 40) } })
  if (item.kind !== 'service') return
  const { service } = item
  // Some come and go from watch, so that the list is sorted anew.
  const health = service.health === 'watch' && Math.floor(at / 1000) % 2 === 0 ? 'healthy' : service.health
  core.push({ ...item, service: { ...service, health, observed: service.observed.kind === 'known' ? { ...service.observed, observedAt: at } : service.observed } })
})
socket.port2.start()

/** So many updates in a second, in so many portions. */
async function updates(perSecond: number, portions: number, ms: number): Promise<Recorded> {
  const timer = setInterval(() => push(perSecond / portions), 1000 / portions)
  try {
    return await record(ms)
  } finally {
    clearInterval(timer)
  }
}

/** Puts so many entries where the screen keeps what it has fetched. */
function fillJournal(count: number): void {
  const entry = makeEntry(1, Date.now())
  const key = running.queries.getQueryCache().getAll().map((query) => query.queryKey).find((each) => each[0] === 'journal.pages')
  if (!key) throw new Error('the journal is not on screen')
  const pages: JournalPage[] = []
  for (let seq = count; seq > 0; seq -= PAGE) {
    const entries = Array.from({ length: Math.min(PAGE, seq) }, (_, index) => ({ ...entry, seq: seq - index, id: `e-${seq - index}`, at: entry.at - (count - seq + index) * 700, summary: `Send ${(seq - index) % 100} % to green (1.9.0)` }))
    pages.push({ entries, nextBeforeSeq: seq > PAGE ? seq - PAGE + 1 : null, total: count, tookMs: 3 })
  }
  running.queries.setQueryData(key, { pages, pageParams: pages.map((_, index) => (index === 0 ? null : index)) })
}

/** Scrolls the grid by so many pixels a frame, down and back up again. */
async function scroll(pixelsPerFrame: number, ms: number): Promise<Recorded & { readonly scrolledRows: number }> {
  const grid = document.querySelector('[role=grid]')
  if (!grid) throw new Error('no list on screen')
  let direction = 1
  let going = true
  let travelled = 0
  const step = () => {
    const before = grid.scrollTop
    grid.scrollTop += direction * pixelsPerFrame
    travelled += Math.abs(grid.scrollTop - before)
    if (grid.scrollTop === before) direction = -direction
    if (going) requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
  const recorded = await record(ms)
  going = false
  return { ...recorded, scrolledRows: Math.round(travelled / 29) }
}

const bench = { services: SERVICES, updates, fillJournal, scroll, record, openAudit: () => router.navigate({ to: '/audit', search: {} as never }) }
export type ListsBench = typeof bench
Object.assign(window, { bench })
