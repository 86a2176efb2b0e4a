import { expect, test } from 'vitest'
import { openLoop, targetOf } from '../bench/load.ts'
import { quantile } from '../bench/measure.ts'
import type { JournalEntry } from '../contract/journal.ts'
import type { ServiceView } from '../contract/service.ts'
import type { OutboxItem } from '../core/ports.ts'
import { openStore } from '../store/store.ts'
import { command, generationOf, halfway, holding, release, rolledBack, settled, weightsOf } from './testing/acts.ts'
import { type ChildConsole, ConsoleGone } from './testing/child-console.ts'
import { type Shop, withShop } from './testing/shop.ts'

const POINTS = ['commit.before', 'commit.after', 'effect.before', 'effect.accepted', 'effect.after']
const RATE = 100

/** Each point again and again at its next passing, until an act goes through without passing it so often. */
function createPlan() {
  let point = 0
  let nth = 1
  return {
    next: (): string | null => (POINTS[point] === undefined ? null : `${POINTS[point]}:${nth}`),
    crashed: () => void (nth += 1),
    survived: () => {
      point += 1
      nth = 1
    },
  }
}

/** Effects without a committed outcome. */
async function outboxOf(shop: Shop): Promise<readonly OutboxItem[]> {
  const store = openStore({ folder: shop.dataFolder, appVersion: '', hostId: '', workspaceDigest: '', wallMs: Date.now, nextId: () => '', readOnly: true })
  try {
    return store.load().outbox
  } finally {
    await store.close()
  }
}

interface Act {
  readonly name: string
  readonly plan: ReturnType<typeof createPlan>
  press(console: ChildConsole, view: ServiceView, operationId: string): Promise<unknown>
  /** What the world is like once it is done. */
  readonly ended: (view: ServiceView) => boolean
  readonly weights: { readonly blue: number; readonly green: number }
  readonly starts: number
}

const createActs = (): readonly Act[] => [
  {
    name: 'deploy',
    plan: createPlan(),
    press: (console, _view, operationId) => release(console, 'good-2', { operationId, endRollbackWindow: true }),
    ended: ({ release }) => release?.release.phase === 'shifting' && !release.release.shiftPending,
    weights: { blue: 50, green: 50 },
    starts: 1,
  },
  { name: 'promote', plan: createPlan(), press: (console, view, operationId) => command(console, view, 'promote', { operationId }), ended: ({ release }) => release?.release.phase === 'completed', weights: { blue: 0, green: 100 }, starts: 0 },
  { name: 'rollBack', plan: createPlan(), press: (console, view, operationId) => command(console, view, 'rollBack', { operationId }), ended: ({ release }) => release?.release.phase === 'rolledBack', weights: { blue: 100, green: 0 }, starts: 0 },
]

test(
  'killed at every point of a deploy, a promote and a roll back: nothing lost, nothing done twice, nothing to mend',
  withShop({}, async (shop) => {
    let console = await shop.open()
    const acknowledged = new Map<number, JournalEntry>()
    const startsMs: number[] = []
    const composesMs: number[] = []
    const composesCpuMs: number[] = []
    const kills: Record<string, number> = { deploy: 0, promote: 0, rollBack: 0 }
    let operations = 0
    const acts = createActs()
    let view = await settled(console)
    const load = openLoop(targetOf(await shop.live()), RATE)

    async function perform(act: Act): Promise<void> {
      const at = act.plan.next()
      const before = { generation: generationOf(view), starts: shop.starts().length, view }
      const operationId = `operation-${(operations += 1)}`
      console.arm(at ?? '')
      const pressed = act.press(console, view, operationId).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof ConsoleGone)) throw error
          return false
        },
      )
      const goesThrough = async () => {
        if (!(await pressed)) return false
        await console.until(act.name, act.ended)
        await quiet()
        console.arm('')
        // Calls and arming arrive in order: once this is answered, nothing is armed any more.
        await console.system.status()
        return true
      }
      const survived = await goesThrough().catch((error: unknown) => {
        if (error instanceof ConsoleGone) return false
        throw error
      })
      if (survived) act.plan.survived()
      else {
        act.plan.crashed()
        kills[act.name] = (kills[act.name] ?? 0) + 1
        await reopen(act, before.view, operationId, await pressed)
      }
      // Asked again, as a client does that never got its answer: the same act, not a second one.
      await act.press(console, before.view, operationId)
      view = await console.until(`${act.name} at ${at}`, act.ended)
      await quiet()
      view = await console.until('it is read', ({ observed }) => observed.kind === 'known')
      expect({ at, name: act.name, weights: weightsOf(view), generations: generationOf(view) - before.generation, starts: shop.starts().length - before.starts }).toEqual({
        at,
        name: act.name,
        weights: act.weights,
        generations: 1,
        starts: act.starts,
      })
    }

    /** Once its intent is in the journal, an act is finished by whoever comes next, without being asked again. */
    async function reopen(act: Act, before: ServiceView, operationId: string, answered: boolean): Promise<void> {
      for (const entry of console.entries) acknowledged.set(entry.seq, entry)
      console = await shop.open()
      startsMs.push(console.startMs)
      composesMs.push(console.composeMs)
      composesCpuMs.push(console.composeCpuMs)
      const { entries } = await console.journal.search({ filter: { text: '', operationId }, limit: 10 })
      if (entries.length > 0) {
        await console.until(`${act.name} finished by itself`, act.ended)
        return
      }
      expect(answered).toBe(false)
      const now = await console.until('it is read', ({ observed }) => observed.kind === 'known')
      expect([now.release?.release.phase, now.release?.release.revision, weightsOf(now)]).toEqual([before.release?.release.phase, before.release?.release.revision, weightsOf(before)])
    }

    async function quiet(): Promise<void> {
      for (let waited = 0; waited < 10_000 && console.alive && (await outboxOf(shop)).length > 0; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20))
      if (console.alive) expect(await outboxOf(shop)).toEqual([])
    }

    while (acts.some((act) => act.plan.next() !== null)) {
      for (const act of acts) {
        if (act.name !== 'promote' || act.plan.next() !== null) await perform(act)
      }
    }
    for (const entry of console.entries) acknowledged.set(entry.seq, entry)

    const { errors, sent } = await load.stop()
    const lost: number[] = []
    for (const [seq, entry] of acknowledged) if ((await console.journal.get({ seq })).hash !== entry.hash) lost.push(seq)
    const verified = (await console.journal.verify()).at(-1)
    process.stdout.write(
      `killed ${JSON.stringify(kills)}; ${acknowledged.size} acknowledged entries, ${lost.length} lost; ${sent} requests, errors ${JSON.stringify(errors)}; the core answers ${Math.round(quantile(composesMs, 0.5))} ms after it was called (worst ${Math.round(Math.max(...composesMs))}; ${Math.round(quantile(composesCpuMs, 0.5))} ms of processor time), ${Math.round(quantile(startsMs, 0.5))} ms after its process was started\n`,
    )
    expect(kills['deploy']).toBeGreaterThanOrEqual(20)
    expect(kills['promote']).toBeGreaterThanOrEqual(5)
    expect(kills['rollBack']).toBeGreaterThanOrEqual(8)
    expect(lost).toEqual([])
    expect(verified).toMatchObject({ kind: 'result', ok: true })
    expect(errors).toEqual({})
    expect(sent).toBeGreaterThan(500)
    // Of processor time, because the machine may have other things to do; what the clock said is printed.
    expect(quantile(composesCpuMs, 0.9)).toBeLessThan(1000)
  }),
  240_000,
)

test.each(['hold', 'revert'] as const)('killed in the middle of a shift and not started again: the supervisor lets the lease run out and does as the plan says (%s); the next console says so', async (onExpiry) => {
  const plan = `
      steps: [{weight: 50, hold: manual}, 100]
      criteria: []
      bake: 0s
      drain: 1s
      rollback-window: 1h
      lease: {ttl: 1500ms, on-expiry: ${onExpiry}}`
  await withShop({ plan }, async (shop) => {
    const first = await shop.open()
    const before = await halfway(first)
    const load = openLoop(targetOf(await shop.live()), RATE)
    // A console that watches keeps the lease alive for longer than it lasts.
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(weightsOf(await first.service.get({ service: 'web' }))).toEqual({ blue: 50, green: 50 })
    await first.kill()
    const observe = () => shop.provider.observe('web')
    for (let waited = 0; waited < 6000 && !(await observe()).lease?.expired; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50))
    const alone = await observe()
    expect([alone.lease?.expired, alone.weights, alone.generation]).toEqual(onExpiry === 'hold' ? [true, { blue: 50, green: 50 }, generationOf(before)] : [true, { blue: 100, green: 0 }, generationOf(before) + 1])

    const next = await shop.open()
    const find = async (action: string) => (await next.journal.search({ filter: { text: '', action, releaseId: 'web-2' }, limit: 5 })).entries
    if (onExpiry === 'hold') {
      const view = await holding(next)
      for (let waited = 0; waited < 3000 && (await find('lease.expired')).length === 0; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50))
      expect((await find('lease.expired'))[0]?.summary).toContain('held traffic where it was')
      await command(next, view, 'promote')
      await next.until('it went on', ({ release: found }) => found?.release.phase === 'completed')
    } else {
      const back = await rolledBack(next)
      expect(back.release?.release.rollback).toMatchObject({ by: { known: 'system' }, reason: expect.stringContaining('No console renewed the lease') })
      expect((await find('release.rollBack'))[0]).toMatchObject({ operator: { id: 'system' } })
      expect(weightsOf(back)).toEqual({ blue: 100, green: 0 })
    }
    expect((await load.stop()).errors).toEqual({})
  })()
})
