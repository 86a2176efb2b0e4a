import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FlagRollout, FlagView } from '../contract/flag.ts'
import { emptyDocument, putFlag, writeDocument } from '../core/flags/flag-set.ts'
import { booleanFlag } from '../core/flags/testing/flags.ts'
import { operationId, refusalOf } from './testing/acts.ts'
import type { ChildConsole } from './testing/child-console.ts'
import { createShop, type Shop } from './testing/shop.ts'

const FLAG = { source: 'shop', flag: 'new-checkout' }
const WORKSPACE = `flags:
  shop:
    file: ./flags
    criteria: []
    stages: [{percent: 25, hold: 1s}, {percent: 100, hold: 1s}]`

const plan = (holdMs: number) => ({
  flag: FLAG.flag,
  variants: [{ variant: 'on', share: 100 }],
  baseline: 'off',
  stages: [25, 100].map((percent) => ({ audience: { kind: 'everyone' as const }, percent, holdMs, approval: false, criteria: null })),
})

async function withFlags(work: (shop: Shop, file: string) => Promise<void>): Promise<void> {
  const shop = createShop({ workspace: WORKSPACE })
  const file = join(shop.folder, 'flags', 'dev.json')
  try {
    await work(shop, file)
  } finally {
    await shop.dispose()
  }
}

async function until(console: ChildConsole, what: string, holds: (view: FlagView) => boolean): Promise<FlagView> {
  const end = Date.now() + 30_000
  for (;;) {
    const view = await console.flag.get(FLAG)
    if (holds(view)) return view
    if (Date.now() > end) throw new Error(`never ${what}: ${JSON.stringify(view.rollout?.rollout.phase)} ${view.rollout?.next}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const phaseOf = (view: FlagView): FlagRollout['phase'] | undefined => view.rollout?.rollout.phase

/** What an app gets over OFREP. */
async function valueAt(address: string, targetingKey: string): Promise<unknown> {
  const response = await fetch(`${address}/ofrep/v1/evaluate/flags/${FLAG.flag}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ context: { targetingKey } }) })
  return ((await response.json()) as { value: unknown }).value
}

async function makeFlag(console: ChildConsole): Promise<FlagView> {
  return console.flag.define({ ...FLAG, definition: booleanFlag(FLAG.flag), expectedVersion: null, reason: 'for the test', operationId: operationId() })
}

test('a flag is made, rolled out and served, taken over by a restarted console on the way; the journal has it all', { timeout: 120_000 }, () =>
  withFlags(async (shop, file) => {
    const first = await shop.open()
    const made = await makeFlag(first)
    expect(made).toMatchObject({ summary: { exposure: 'off', rollout: null }, kill: { variant: 'off', blocks: [] } })
    const [source] = await first.flag.sources()
    const ofrep = source?.addresses.find(({ way }) => way.startsWith('OFREP'))?.address ?? ''
    expect(await valueAt(ofrep, 'ada')).toBe(false)

    const started = await first.flag.startRollout({ ...FLAG, plan: plan(2000), expectedVersion: made.version, reason: 'the test', operationId: operationId() })
    expect(started.rollout).toMatchObject({ phase: 'exposing', number: 1 })
    const held = await until(first, 'holding', (view) => phaseOf(view) === 'holding')
    expect(held).toMatchObject({ summary: { exposure: '25 %', percent: 25, lifecycle: 'rollingOut' }, rollout: { headline: '25 % of users' } })
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ flags: { [FLAG.flag]: { targeting: expect.anything(), defaultVariant: 'off' } } })
    await first.kill()

    const second = await shop.open()
    const done = await until(second, 'finished', (view) => phaseOf(view) === 'finished')
    expect(done.summary).toMatchObject({ lifecycle: 'fullyOn', settledOn: 'on', exposure: 'on for everyone' })
    expect(await valueAt(ofrep, 'ada')).toBe(true)
    const { entries } = await second.journal.search({ filter: { text: '', flag: 'shop/new-checkout' }, limit: 50 })
    expect(entries.map(({ kind, action }) => `${kind} ${action}`).toReversed()).toEqual([
      'intent flag.define',
      'outcome flag.define',
      'intent rollout.start',
      'outcome rollout.verified',
      'intent rollout.advance',
      'outcome rollout.verified',
      'intent rollout.advance',
      'outcome rollout.verified',
    ])
    expect(entries[0]?.after).toMatchObject({ exposure: 'on for everyone' })
    expect((await second.journal.search({ filter: { text: '', flag: 'shop/other' }, limit: 50 })).entries).toEqual([])
    const back = await second.flag.command({ rollout: done.rollout?.rollout.id ?? '', command: 'rollBack', reason: 'second thoughts', operationId: operationId() })
    expect(back.rollout.phase).toBe('rollingBack')
    await until(second, 'rolled back', (view) => phaseOf(view) === 'rolledBack')
    expect(await valueAt(ofrep, 'ada')).toBe(false)
  }),
)

test('an edit of the file by hand pauses a rollout with the difference; a half-written file stops nothing; kill wins over both, and a second console only looks on', { timeout: 120_000 }, () =>
  withFlags(async (shop, file) => {
    const first = await shop.open()
    const made = await makeFlag(first)
    const { rollout } = await first.flag.startRollout({ ...FLAG, plan: plan(600_000), expectedVersion: made.version, reason: '', operationId: operationId() })
    const second = await shop.open()
    const seen = await until(second, 'holding', (view) => phaseOf(view) === 'holding')
    expect(seen.kill.blocks).toMatchObject([{ rule: 'readOnly' }])
    expect(seen.rollout?.actions.every(({ blocks }) => blocks.some(({ rule }) => rule === 'readOnly'))).toBe(true)
    for (const command of ['advance', 'rollBack', 'kill'] as const) expect((await refusalOf(second.flag.command({ rollout: rollout.id, command, reason: 'x', operationId: operationId() }))).code).toBe('readOnly')

    writeFileSync(file, writeDocument(putFlag(emptyDocument(), { ...booleanFlag(FLAG.flag), defaultVariant: 'on' })))
    const drifted = await until(first, 'drift', (view) => view.rollout?.rollout.drift !== null)
    expect(drifted.rollout?.rollout.drift?.difference[0]).toBe('Exposure: 25 % became on for everyone.')
    writeFileSync(file, '{"flags": {"new-ch')
    const killed = await first.flag.kill({ ...FLAG, reason: 'now', operationId: operationId() })
    expect(killed.rollout?.rollout.rollback).toMatchObject({ to: 'safe' })
    await until(second, 'killed', (view) => phaseOf(view) === 'rolledBack')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ flags: { [FLAG.flag]: { state: 'ENABLED', defaultVariant: 'off' } } })
  }),
)
