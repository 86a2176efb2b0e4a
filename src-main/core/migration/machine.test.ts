import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MIGRATION_PHASES, type MigrationState } from '../../contract/migration.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { SAMPLE_DEFINITION, everyInput, explore, tryMove } from './exploration.ts'
import { MIGRATION_MACHINE, legalCommands, transition } from './machine.ts'
import { planMigration } from './state.ts'

const reached = explore()
const at = 5
const back = { kind: 'command', command: 'rollBack', by: SYSTEM_OPERATOR, reason: 'because', at } as const

test('every phase is reached, and the table says of each the same every time', () => {
  expect(new Set(reached.map(({ state }) => state.phase))).toEqual(new Set(MIGRATION_PHASES))
  const grid = reached
    .map(({ state, moves }) => {
      const where = `${state.phase} ${state.readsPercent} % ${state.writes}${state.paused ? ' paused' : ''}${state.failure ? ' failed' : ''} [${state.done.join(' ')}]`
      return moves.map(({ input, move }) => `${where} + ${input.kind === 'command' ? input.command : `(${input.signal.type}${input.signal.type === 'workDone' ? ` ${input.signal.work}` : ''}${input.signal.type === 'judged' ? ` ${input.signal.verdict}` : ''})`} -> ${move.next.phase} ${move.next.readsPercent} % ${move.next.writes} by ${move.step}`)
    })
    .flat()
    .toSorted()
  expect(grid).toMatchSnapshot()
})

test('wherever something was made, roll back is legal, puts reads and writes on old at once, and ends in at most one further step', () => {
  for (const { state } of reached) {
    if (!MIGRATION_MACHINE[state.phase].madeSomething) continue
    expect(legalCommands(state), state.phase).toContain('rollBack')
    const first = transition(state, back)
    expect(first?.next).toMatchObject({ phase: 'rollingBack', readsPercent: 0, writes: 'old' })
    const second = tryMove(first?.next ?? state, { kind: 'signal', signal: { type: 'unused' }, at })
    expect(second).toMatchObject({ step: 'collapse', next: { phase: 'rolledBack' } })
  }
})

test('the only phase without a way back is the one past the point of no return', () => {
  const without = MIGRATION_PHASES.filter((phase) => !MIGRATION_MACHINE[phase].lossless)
  expect(without).toEqual(['completed'])
  for (const { state, moves } of reached) {
    const loses = moves.filter(({ move }) => move.next.phase === 'completed')
    expect(loses.every(({ input, move }) => state.phase === 'tombstoned' && input.kind === 'command' && input.command === 'advance' && move.step === 'drop')).toBe(true)
  }
})

test('nothing but a command of a person ever takes readers or writers to the new side', () => {
  for (const { state, moves } of reached) {
    for (const { input, move } of moves) {
      const forward = move.next.readsPercent > state.readsPercent || (state.writes === 'old' && move.next.writes === 'new')
      if (forward) expect(input).toMatchObject({ kind: 'command' })
    }
  }
})

test('each change of readers, writers or structure is a step, and each step is a change', () => {
  for (const { state, moves } of reached) {
    for (const { move } of moves) {
      const switched = move.next.readsPercent !== state.readsPercent || move.next.writes !== state.writes
      if (switched) expect(move.step).not.toBe('none')
      if (move.step === 'setReads' || move.step === 'setWrites') expect(switched).toBe(true)
      expect(move.next.revision).toBe(state.revision + 1)
    }
  }
})

test('harm once users are on the new side takes them back by itself and asks; before, it stops the work and asks', () => {
  const failed = everyInput(at).find((input) => input.kind === 'signal' && input.signal.type === 'judged' && input.signal.verdict === 'fail')
  if (!failed) throw new Error('no such signal')
  for (const { state } of reached) {
    const move = tryMove(state, failed)
    if (state.phase === 'switchingReads' || state.phase === 'switchedWrites') expect(move?.next).toMatchObject({ phase: 'dualWrites', readsPercent: 0, writes: 'old', paused: { why: expect.stringContaining('limit') } })
    else if (move) expect(move.next).toMatchObject({ phase: state.phase, readsPercent: state.readsPercent, writes: state.writes })
  }
})

test('a command the phase does not know is refused with what it is', () => {
  const planned: MigrationState = planMigration({ definition: SAMPLE_DEFINITION, digest: '', by: SYSTEM_OPERATOR, reason: '', at: 0, attempts: 0, revision: 0 })
  expect(() => transition(planned, back)).toThrow('split_full_name is planned: there is nothing to roll back.')
})

test('the diagram in the documents is the table', () => {
  const lines = new Set<string>()
  for (const { state, moves } of reached) {
    for (const { input, move } of moves) {
      if (move.next.phase === state.phase) continue
      lines.add(`  ${state.phase} --> ${move.next.phase}: ${input.kind === 'command' ? input.command : `(${input.signal.type})`}`)
    }
  }
  const drawn = readFileSync(new URL('../../../docs/migration-machine.md', import.meta.url), 'utf8')
  const inFile = drawn.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'))
  expect(inFile.toSorted()).toEqual([...lines].toSorted())
})
