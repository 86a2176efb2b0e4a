import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Plan } from '../../contract/plan.ts'
import type { Release } from '../../contract/release.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { RELEASE_COMMANDS, RELEASE_PHASES } from '../../contract/vocabulary.ts'
import { diagram, explore, shapeOf, tryTransition } from './exploration.ts'
import { RELEASE_MACHINE, legalCommands, transition } from './machine.ts'
import { sameWeights, stableWeights } from './state.ts'

const PLAN: Plan = {
  steps: [
    { weightPercent: 10, hold: { kind: 'manual' }, approvals: 0 },
    { weightPercent: 50, hold: { kind: 'analysis', ms: 10 }, approvals: 1 },
    { weightPercent: 100, hold: { kind: 'timed', ms: 10 }, approvals: 0 },
  ],
  gates: [{ kind: 'command', name: 'smoke', command: 'true', timeoutMs: 1000 }],
  criteria: [{ name: 'error ratio', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.01, harm: 'above', windowMs: 1000, minRequests: 1, consecutive: 1 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 0 } }],
  bakeMs: 10,
  drainMs: 10,
  rollbackWindowMs: 10,
  lease: { ttlMs: 1000, onExpiry: 'hold' },
}
const worlds = [
  ['a release beside a stable version', explore(PLAN, false)],
  ['a first release', explore(PLAN, true)],
] as const

const by = { kind: 'command' as const, by: SYSTEM_OPERATOR, reason: '', force: false, digest: '', at: 2 }

/** What the world answers when it does as it is told. */
function obey(release: Release): Release {
  for (const type of ['weightsVerified', 'deployed', 'ready'] as const) {
    const next = tryTransition(release, { kind: 'signal', signal: { type }, at: 3 })
    if (next && shapeOf(next) !== shapeOf(release)) return next
  }
  return release
}

describe('the release machine', () => {
  it('allows exactly these commands in each phase', () => {
    const grid = Object.fromEntries(
      RELEASE_PHASES.map((phase) => {
        const states = worlds.flatMap(([, world]) => world.states).filter((state) => state.phase === phase)
        return [phase, RELEASE_COMMANDS.filter((command) => states.some((state) => legalCommands(state).includes(command))).join(' ')]
      }),
    )
    expect(grid).toMatchInlineSnapshot(`
      {
        "abandoned": "",
        "awaitingApproval": "approve pause resume rollBack suspendGuard restoreGuard",
        "baking": "promote pause resume rollBack suspendGuard restoreGuard",
        "completed": "pause resume rollBack retire suspendGuard restoreGuard",
        "deploying": "pause resume rollBack abandon",
        "failed": "rollBack retry abandon suspendGuard restoreGuard",
        "planned": "start abandon",
        "retired": "rollBack",
        "rolledBack": "",
        "rollingBack": "rollBack",
        "shifting": "promote promoteFully pause resume rollBack suspendGuard restoreGuard",
        "verifying": "pause resume rollBack abandon",
      }
    `)
  })

  it('reaches every phase, and leaves every one that has not ended', () => {
    const { states, edges } = worlds[0][1]
    expect(new Set(states.map((state) => state.phase))).toEqual(new Set(RELEASE_PHASES))
    for (const phase of RELEASE_PHASES) {
      const leaves = edges.some(({ from, to }) => from.phase === phase && to.phase !== phase)
      expect(leaves, phase).toBe(!RELEASE_MACHINE[phase].ended || phase === 'retired')
    }
  })

  describe.each(worlds)('%s', (_name, { states, edges }) => {
    it(`has a way back from each of its ${states.length} reachable states where traffic may be off the stable side (R6)`, () => {
      expect(states.length).toBeGreaterThan(50)
      for (const state of states) {
        const off = !sameWeights(state.desiredWeights, stableWeights(state)) || state.shiftPending
        const stableNow = RELEASE_MACHINE[state.phase].ended && state.stable === null
        if (off && !stableNow) expect(legalCommands(state), shapeOf(state)).toContain('rollBack')
        if (off) expect(RELEASE_MACHINE[state.phase].trafficMayBeOff, state.phase).toBe(true)
      }
    })

    it('ends every roll back with all traffic on the stable side, in at most five steps of an obedient world', () => {
      for (const state of states.filter((candidate) => legalCommands(candidate).includes('rollBack'))) {
        const move = transition(state, { ...by, command: 'rollBack' })
        expect(move?.effects).toContainEqual(expect.objectContaining({ type: 'setWeights', back: true, weights: stableWeights(state) }))
        let now = move?.next ?? state
        for (let step = 0; step < 5 && now.phase !== 'rolledBack'; step += 1) now = obey(now)
        expect(now.phase, shapeOf(state)).toBe('rolledBack')
        expect(sameWeights(now.desiredWeights, stableWeights(state))).toBe(true)
      }
    })

    it('is never trapped by a failed effect', () => {
      const fault = { code: 'providerUnavailable' as const, message: 'x', next: 'y', cause: 'errored' as const, retryable: true }
      for (const state of states) {
        const next = tryTransition(state, { kind: 'signal', signal: { type: 'effectFailed', effect: 'setWeights', fault }, at: 3 })
        if (!next || RELEASE_MACHINE[next.phase].ended) continue
        expect(legalCommands(next).some((command) => command === 'rollBack' || command === 'abandon'), shapeOf(next)).toBe(true)
      }
    })

    it('moves forward only by an input that says so, and never while paused except by a person', () => {
      for (const { from, input, to } of edges) {
        expect(to.revision).toBe(from.revision + 1)
        if (from.paused && input.kind === 'signal' && to.phase !== 'rollingBack') expect(to.stepIndex, shapeOf(from)).toBe(from.stepIndex)
        if (input.kind === 'signal' && input.signal.type === 'judged' && input.signal.verdict === 'inconclusive') expect(to.phase).toBe(from.phase)
      }
    })

    it('asks for weights only together with a phase that says they are pending', () => {
      for (const { from, input } of edges) {
        const move = transition(from, input)
        for (const effect of move?.effects ?? []) if (effect.type === 'setWeights') expect(move?.next.shiftPending).toBe(true)
      }
    })
  })

  it('is drawn in ARCHITECTURE.md as it is', () => {
    const page = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`mermaid\n${diagram(PLAN)}\n\`\`\``)
  })
})
