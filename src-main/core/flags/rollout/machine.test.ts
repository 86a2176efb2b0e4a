import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ROLLOUT_PHASES, flagRolloutSchema } from '../../../contract/flag.ts'
import { SYSTEM_OPERATOR } from '../../../contract/release.ts'
import { SAMPLE_TEST_PLAN, explore, nameOf, sampleRollout, tryMove } from './exploration.ts'
import { ROLLOUT_MACHINE, legalCommands, transition } from './machine.ts'
import { mayBeExposed, wantedChange } from './state.ts'

const plain = explore()
const test2 = explore(SAMPLE_TEST_PLAN)
const reached = [...plain, ...test2]
const at = 5000
const command = (name: 'rollBack' | 'kill' | 'resume' | 'finish' | 'pause', variant?: string) => ({ kind: 'command', command: name, by: SYSTEM_OPERATOR, reason: 'because', variant, at }) as const

test('every phase is reached, and every state is what the contract says', () => {
  expect(new Set(plain.map(({ rollout }) => rollout.phase))).toEqual(new Set(ROLLOUT_PHASES))
  for (const { rollout } of reached) flagRolloutSchema.parse(rollout)
  expect(reached.length).toBeGreaterThan(80)
})

test('wherever somebody may be exposed there is a roll back and a kill switch, and each is one read back from its end', () => {
  let exposed = 0
  for (const { rollout } of reached) {
    if (!mayBeExposed(rollout)) continue
    exposed += 1
    expect(legalCommands(rollout), rollout.phase).toEqual(expect.arrayContaining(['rollBack', 'kill']))
    for (const [name, kind] of [['rollBack', 'restore'], ['kill', 'kill']] as const) {
      const move = transition(rollout, command(name))
      expect(move?.next.phase).toBe('rollingBack')
      if (rollout.phase !== 'rollingBack') expect(move?.effect?.kind).toBe(kind)
      const end = tryMove(move?.next ?? rollout, { kind: 'signal', signal: { type: 'verified', version: 'v9' }, at })
      expect(end?.next).toMatchObject({ phase: 'rolledBack', drift: null, paused: null })
    }
  }
  expect(exposed).toBeGreaterThan(60)
})

test('the kill switch is stronger than a roll back that is under way, and never the other way round', () => {
  const held = transition(sampleRollout(), { kind: 'command', command: 'start', by: SYSTEM_OPERATOR, reason: '', at })?.next
  if (!held) throw new Error('not started')
  const back = transition(held, command('rollBack'))?.next ?? held
  const killed = transition(back, command('kill'))
  expect(killed?.effect).toEqual({ kind: 'kill', variant: 'off' })
  const again = transition(killed?.next ?? back, command('rollBack'))
  expect(wantedChange(again?.next ?? back)).toEqual({ kind: 'kill', variant: 'off' })
})

test('nothing exposes more people but a stage that was read back and whose hold is over, or a person', () => {
  for (const { rollout, moves } of reached) {
    for (const { input, move } of moves) {
      const more = move.next.stageIndex > rollout.stageIndex || (move.next.phase === 'finishing' && rollout.phase !== 'finishing')
      if (!more || input.kind === 'command') continue
      expect(nameOf(input)).toBe('(due)')
      expect(rollout).toMatchObject({ phase: 'holding', paused: null, drift: null })
      expect(rollout.verifiedStage).toBe(rollout.stageIndex)
      expect(rollout.plan.stages[rollout.stageIndex]?.approval).toBe(false)
    }
  }
})

test('a stage is in force only once it was read back', () => {
  for (const { rollout, moves } of reached) for (const { input, move } of moves) if (move.next.verifiedStage !== rollout.verifiedStage) expect(nameOf(input)).toBe('(verified)')
})

test('while it is paused, nothing that the plan does by itself exposes anybody', () => {
  for (const { rollout, moves } of reached) if (rollout.paused) for (const { input, move } of moves) if (input.kind === 'signal') expect(move.next.stageIndex).toBe(rollout.stageIndex)
})

test('harm takes it back by itself wherever a stage is in force; a warning pauses and asks', () => {
  for (const { rollout, moves } of reached) {
    const fail = moves.find(({ input }) => nameOf(input) === '(judged fail)')
    if (fail) expect(fail.move.next).toMatchObject({ phase: 'rollingBack', rollback: { byGuard: true, to: 'before', reason: 'error ratio 4 %, limit 1 %' } })
    const active = ['holding', 'awaitingApproval'].includes(rollout.phase)
    if (active) expect(fail).toBeDefined()
    const warn = moves.find(({ input }) => nameOf(input) === '(judged warn)')
    if (warn && !rollout.paused && !rollout.acknowledged?.includes('error ratio')) expect(warn.move.next.paused?.why).toBe('error ratio 4 %, limit 1 %')
  }
})

test('after drift, going on writes the stage again; until then nothing is written', () => {
  let drifted = 0
  for (const { rollout } of reached) {
    if (!rollout.drift) continue
    drifted += 1
    expect(rollout.paused).not.toBeNull()
    const move = transition(rollout, command('resume'))
    expect(move?.next).toMatchObject({ drift: null, paused: null })
    expect(['expose', 'finish']).toContain(wantedChange(move?.next ?? rollout)?.kind)
  }
  expect(drifted).toBeGreaterThan(3)
})

test('a pause keeps what is left of the hold', () => {
  const held = plain.find(({ rollout }) => rollout.phase === 'holding' && rollout.dueAt !== null && !rollout.paused)?.rollout
  if (!held?.dueAt) throw new Error('no such state')
  const paused = transition({ ...held, dueAt: at + 700 }, command('pause'))?.next
  expect(paused).toMatchObject({ dueAt: null, paused: { remainingMs: 700 } })
  expect(transition(paused ?? held, { ...command('resume'), at: at + 10_000 })?.next.dueAt).toBe(at + 10_700)
})

test('several variants end where a person says', () => {
  for (const { rollout, moves } of test2) for (const { input, move } of moves) if (move.next.phase === 'finishing' && rollout.phase === 'holding') expect(nameOf(input)).toBe('finish')
  const last = test2.find(({ rollout }) => rollout.phase === 'holding' && rollout.stageIndex === 1 && !rollout.paused)?.rollout
  if (!last) throw new Error('no such state')
  expect(transition(last, command('finish', 'b'))?.effect).toEqual({ kind: 'finish', variant: 'b' })
  expect(() => transition(last, command('finish', 'c'))).toThrow('finish does not apply')
})

test('a command the phase does not know is refused with what it is, and what applies', () => {
  expect(() => transition(sampleRollout(), command('rollBack'))).toThrow('The rollout of new-checkout is planned: roll back does not apply there.')
})

test('revisions grow by one with every move', () => {
  for (const { rollout, moves } of reached) for (const { move } of moves) expect(move.next.revision).toBe(rollout.revision + 1)
})

test('the diagram in the documents is the table', () => {
  const lines = new Map<string, Set<string>>()
  for (const { rollout, moves } of reached) {
    for (const { input, move } of moves) {
      if (move.next.phase === rollout.phase) continue
      const key = `${rollout.phase} --> ${move.next.phase}`
      const names = lines.get(key) ?? new Set()
      lines.set(key, names.add(input.kind === 'command' ? input.command : `(${input.signal.type})`))
    }
  }
  const drawn = [...lines].map(([key, names]) => `  ${key}: ${[...names].toSorted().join(', ')}`)
  const file = readFileSync(new URL('../../../../docs/flag-machine.md', import.meta.url), 'utf8')
  const inFile = file.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'))
  expect(inFile.toSorted()).toEqual(drawn.toSorted())
})

test('what has ended says so, and nothing follows by itself', () => {
  for (const { rollout, moves } of reached) if (ROLLOUT_MACHINE[rollout.phase].ended) expect(moves.every(({ input }) => input.kind === 'command')).toBe(true)
})
