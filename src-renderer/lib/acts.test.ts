import { describe, expect, it } from 'vitest'
import type { ReleaseView } from '../../src-main/contract/release.ts'
import type { ServiceView } from '../../src-main/contract/service.ts'
import { createActs, seenAfterMs } from './acts.ts'
import { DISCONNECTED, FaultError } from './session.ts'
import { makeEntry, makeRelease, makeService, makeShiftingService } from './test-fixtures.ts'

const NOW = 1_790_000_000_000

function openActs() {
  let view: ServiceView = makeShiftingService(NOW)
  const acts = createActs({ wallMs: () => NOW, service: () => view })
  const sent: string[] = []
  let answer: (release: ReleaseView) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const press = (command: 'promote' | 'pause' | 'rollBack') =>
    acts.press({
      service: 'checkout',
      command,
      label: command,
      send: (operationId) => {
        sent.push(operationId)
        return new Promise<ReleaseView>((resolve, reject) => {
          answer = resolve
          fail = reject
        })
      },
    })
  return { acts, sent, press, stage: () => acts.state.get().get('checkout')?.stage, answer: (release: ReleaseView) => answer(release), fail: (error: unknown) => fail(error), setView: (next: ServiceView) => (view = next) }
}

const pending = makeRelease({ now: NOW, changes: { shiftPending: true, stepIndex: 2, desiredWeights: { blue: 50, green: 50 } } })

describe('acts', () => {
  it('sends one act for two presses, and a new id for a later press', async () => {
    const { press, sent, answer } = openActs()
    const first = press('promote')
    expect(await press('promote')).toBeNull()
    expect(sent).toHaveLength(1)
    answer(pending)
    await first
    void press('promote')
    expect(sent).toHaveLength(2)
    expect(sent[0]).not.toBe(sent[1])
  })

  it('lets a roll back pass an act that is not answered, and only once', async () => {
    const { press, sent } = openActs()
    void press('promote')
    void press('rollBack')
    expect(await press('rollBack')).toBeNull()
    expect(sent).toHaveLength(2)
  })

  it('follows an act from sent over accepted to read back', async () => {
    const { acts, press, sent, answer, stage, setView } = openActs()
    const promise = press('promote')
    expect(stage()).toBe('sending')
    setView({ ...makeShiftingService(NOW), release: pending })
    answer(pending)
    await promise
    expect(stage()).toBe('sent')
    acts.onEntry(makeEntry(10, NOW, { operationId: sent[0]!, outcome: 'accepted', kind: 'outcome' }))
    expect(stage()).toBe('accepted')
    // Not pending any more, but the router still has the old weights: not verified.
    const settled = makeRelease({ now: NOW, changes: { stepIndex: 2, desiredWeights: { blue: 50, green: 50 } } })
    acts.onService({ ...makeShiftingService(NOW), release: settled })
    expect(stage()).toBe('accepted')
    acts.onService(makeService('checkout', { now: NOW, green: '1.9.0', weights: { blue: 50, green: 50 }, release: settled }))
    expect(stage()).toBe('verified')
  })

  it('says the time the journal has between sent and read back, whenever it is heard of', async () => {
    const { acts, press, sent } = openActs()
    void press('rollBack')
    const act = () => acts.state.get().get('checkout')!
    acts.onEntry(makeEntry(10, NOW, { operationId: sent[0]!, action: 'release.rollBack', kind: 'intent', outcome: 'sent' }))
    expect(seenAfterMs(act())).toBeNull()
    acts.onEntry(makeEntry(11, NOW + 20, { operationId: 'op-of-another', action: 'effect.setWeights', kind: 'outcome', outcome: 'verified' }))
    expect(seenAfterMs(act())).toBeNull()
    acts.onEntry(makeEntry(12, NOW + 33, { operationId: sent[0]!, action: 'effect.setWeights', kind: 'outcome', outcome: 'verified' }))
    expect(seenAfterMs(act())).toBe(33)
  })

  it('never calls a roll back verified while it waits for an environment to be ready', async () => {
    const { press, answer, stage, setView } = openActs()
    const waits = makeRelease({ now: NOW, changes: { phase: 'rollingBack', desiredWeights: { blue: 75, green: 25 }, rollback: { by: { id: 'a', name: 'a', email: '', known: 'osUser' }, reason: '', at: NOW, forced: false, waitingForReady: true } } })
    setView({ ...makeShiftingService(NOW), release: waits })
    const promise = press('rollBack')
    answer(waits)
    await promise
    expect(stage()).toBe('sent')
  })

  it('is not misled by a view from before the act', async () => {
    const { press, answer, stage } = openActs()
    // The newest view here still shows the step before, settled: nothing pending, read back.
    const promise = press('promote')
    answer(makeRelease({ now: NOW, changes: { revision: 10, shiftPending: true, stepIndex: 2, desiredWeights: { blue: 50, green: 50 } } }))
    await promise
    expect(stage()).toBe('sent')
  })

  it('keeps the fault of an act that did not go through', async () => {
    const { press, fail, acts } = openActs()
    const promise = press('pause')
    fail(new FaultError(DISCONNECTED))
    expect(await promise).toBeNull()
    expect(acts.state.get().get('checkout')).toMatchObject({ stage: 'failed', fault: { code: 'disconnected' } })
  })
})
