import { describe, expect, it } from 'vitest'
import { makeMigration, makeProgress, makeVerification } from '../../lib/test-migrations.ts'
import { MIGRATION_CASES } from '../../lib/test-migration-cases.ts'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { bandFacts } from './band-facts.ts'
import { headlineRest, ifNothing, openTotal, stateWord } from './migration-words.ts'
import { placeMigrationActions } from './slots.ts'
import { sortMigrations } from './sort-migrations.ts'
import { stageFraction } from './stage-progress.ts'
import { mergeSamples, waitedStretches, withGaps } from './use-migration-samples.ts'

const NOW = 1_790_000_000_000
const caseOf = (name: string): MigrationView => {
  const view = MIGRATION_CASES[name]?.(NOW)
  if (!view) throw new Error(name)
  return view
}
const readingOf = (view: MigrationView) => (view.observed.kind === 'known' ? view.observed.value : null)
const factsOf = (view: MigrationView) => bandFacts(view, readingOf(view), NOW)

describe('the band under the phases', () => {
  it('says how far, how fast and until when while it works', () => {
    const view = makeMigration({ now: NOW, phase: 'backfilling', reading: { progress: makeProgress({ rowsDone: 25, rowsTotal: 100 }) } })
    expect(factsOf(view)).toMatchObject({ title: 'Backfill', big: '25.0', under: '25 of 100 rows', waits: null })
    expect(factsOf(view).facts.map(({ label, value }) => `${label} ${value}`)).toEqual(['rate, 1 min mean 3,940', 'ETA 20:14', 'batch p90 21', 'batch 840'])
  })

  it('says why it waits, and adds the running wait to the sum', () => {
    const view = makeMigration({ now: NOW, phase: 'backfilling', reading: { progress: makeProgress({ waitsFor: 'replica lag 340 ms, limit 300 ms', waitingSince: NOW - 10_000, waits: 2, waitedMs: 60_000, etaMs: null }) } })
    expect(factsOf(view).waits).toEqual({ why: 'waiting: replica lag 340 ms, limit 300 ms', since: NOW - 10_000 })
    expect(factsOf(view).line).toBe('2 waits so far, 1:10 in all.')
    expect(factsOf(view).facts[1]).toMatchObject({ label: 'ETA', value: 'unknown' })
  })

  it('counts down what is watched, and says when that is over', () => {
    expect(factsOf(caseOf('dualWrites'))).toMatchObject({ title: 'Watched', big: '12:08', under: 'until switching may begin' })
    expect(factsOf(caseOf('tombstoned'))).toMatchObject({ title: 'Set aside', big: 'over', under: 'the hold of 1 d is over' })
    expect(factsOf(caseOf('switchingReads'))).toMatchObject({ big: '25', unit: '%', under: 'held for 0:41' })
    expect(factsOf(caseOf('switchingReads')).bars[0]?.ticks).toEqual([0.01, 0.05, 0.25, 0.5, 1])
  })

  it('claims nothing where nothing was read', () => {
    expect(bandFacts(caseOf('unreachable'), null, NOW)).toMatchObject({ title: 'Not read', big: 'unknown', bars: [], facts: [] })
  })
})

describe('where the train stands', () => {
  it('never goes back from phase to phase of one stage', () => {
    const fractions = (['backfilling', 'verifying', 'dualWrites'] as const).map((name) => stageFraction('dualWrites', readingOf(caseOf(name)), NOW))
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    expect(fractions[0]).toBeCloseTo(0.61 * 0.61)
  })

  it('stays on the line whatever the numbers say', () => {
    const view = makeMigration({ now: NOW, phase: 'backfilling', reading: { progress: makeProgress({ rowsDone: 500, rowsTotal: 0 }) } })
    expect(stageFraction('dualWrites', readingOf(view), NOW)).toBe(0.1)
    const over = makeMigration({ now: NOW, phase: 'tombstoned', state: { phaseSince: NOW - 10, dueAt: NOW - 5 } })
    expect(stageFraction('cleanup', readingOf(over), NOW)).toBe(0.96)
  })
})

describe('words', () => {
  it('does not repeat in the sentence what the title says', () => {
    expect(headlineRest(caseOf('backfilling'))).toBe('14 open mismatches')
    expect(headlineRest(caseOf('dualWrites'))).toBe('')
    expect(headlineRest(caseOf('planned'))).toBe('')
    expect(headlineRest({ ...caseOf('planned'), headline: 'started by another console.' })).toBe('Started by another console')
  })

  it('prefixes what happens by itself, and leaves what does not', () => {
    expect(ifNothing('It goes on by itself until every row is there.')).toBe('If you do nothing: it goes on by itself until every row is there.')
    expect(ifNothing('It waits: replica lag 340 ms. It goes on by itself.')).toBe('It waits: replica lag 340 ms. If you do nothing: it goes on by itself.')
    expect(ifNothing('Nothing: it is only declared.')).toBe('Nothing: it is only declared.')
  })

  it('counts what keeps it from going on, not text that differs alone', () => {
    const open = { missing: 1, extra: 0, differs: 2, rejected: 0, lossy: 0, conflict: 0, textOnly: 40, unverifiable: 0 }
    expect(openTotal(makeVerification(NOW, { open }))).toBe(3)
  })

  it('tells whether it waits for a person by what the core offers', () => {
    expect(stateWord(caseOf('switchingReads'), readingOf(caseOf('switchingReads')))).toBe('waits for you')
    expect(stateWord(caseOf('dualWrites'), readingOf(caseOf('dualWrites')))).toBe('runs')
    expect(stateWord(caseOf('failed'), readingOf(caseOf('failed')))).toBe('stopped')
  })
})

describe('places', () => {
  it('keeps one act per place, the one that can be pressed, and roll back for the corner', () => {
    const { places, rest } = placeMigrationActions(caseOf('backfilling').actions)
    expect(places.map((action) => action?.command)).toEqual(['advance', 'repair', 'pause'])
    expect(rest.map((action) => action.command)).toEqual(['preflight'])
    expect(placeMigrationActions(caseOf('planned').actions).rest.map((action) => action.command)).toEqual(['rehearse'])
  })

  it('sorts by who needs a person', () => {
    const names = ['completed', 'planned', 'dualWrites', 'backfilling', 'unreachable', 'rollingBack', 'failed']
    const views = names.map((name) => ({ ...caseOf(name), id: name }))
    expect(sortMigrations(views).map(({ id }) => id)).toEqual(['failed', 'rollingBack', 'unreachable', 'backfilling', 'dualWrites', 'planned', 'completed'])
  })
})

describe('samples', () => {
  const sample = (at: number, waiting = false) => ({ at, rowsPerSecond: 1, waiting, replicaLagMs: null, probeMs: null, openMismatches: 0, lockWaitMs: 0 })

  it('joins what was kept and what streams, once each, and half an hour of it', () => {
    const merged = mergeSamples([sample(1000), sample(2000), sample(3000)], [sample(3000, true), sample(4000)])
    expect(merged.map(({ at, waiting }) => [at, waiting])).toEqual([[1000, false], [2000, false], [3000, true], [4000, false]])
    expect(mergeSamples([sample(1000)], [sample(1000 + 31 * 60_000)])).toHaveLength(1)
  })

  it('leaves a hole where nothing was measured', () => {
    expect(withGaps([sample(1000), sample(2000), sample(60_000)]).map(({ at, sample: point }) => [at, point === null])).toEqual([[1000, false], [2000, false], [3000, true], [60_000, false]])
  })

  it('makes stretches of where it waited', () => {
    expect(waitedStretches([sample(1000), sample(2000, true), sample(3000, true), sample(4000), sample(9000, true)])).toEqual([{ fromMs: 1000, toMs: 3000 }, { fromMs: 8000, toMs: 9000 }])
  })
})
