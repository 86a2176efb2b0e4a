import { describe, expect, it } from 'vitest'
import { Fault } from '../contract/fault.ts'
import type { FlagDefinition } from '../contract/flag-definition.ts'
import type { Operator } from '../contract/release.ts'
import { SAMPLE_DEFINITION } from '../core/migration/exploration.ts'
import { createReadsFlags } from './reads-flags.ts'
import { SYSTEM_CLOCK } from './system-ports.ts'

const ADA: Operator = { id: 'ada@host', name: 'Ada', email: '', known: 'osUser' }
const OF = { source: 'shop', flag: 'read-new-names', variant: 'new' }
type Port = Parameters<typeof createReadsFlags>[0]

/** A flag that gives what it is told to, with or without a rollout, and what was asked of it. */
function flagOf(start: { readonly default: string; readonly rollout: boolean; readonly rollBackTo?: string; readonly safe?: string; readonly missing?: boolean }) {
  let gives = start.default
  let rollout = start.rollout
  const asked: string[] = []
  const definition = (): Pick<FlagDefinition, 'variants' | 'state' | 'targeting' | 'defaultVariant' | 'facts'> => ({
    variants: ['old', 'new'].map((name) => ({ name, value: name })),
    state: 'ENABLED',
    targeting: { kind: 'rules', rules: [] },
    defaultVariant: gives,
    facts: { owner: null, description: null, safeVariant: null, permanent: false, createdAt: null, changedAt: null, archived: false },
  })
  const flags = {
    async get() {
      if (start.missing) throw new Fault('notFound', 'There is no flag.', 'Look at the list.')
      return { definition: definition(), rollout: rollout ? { ended: false, rollout: { id: 'r1' } } : null }
    },
    async command({ rollout: id, command, reason }: { rollout: string; command: string; reason: string }) {
      asked.push(`${command} ${id}: ${reason}`)
      rollout = false
      gives = start.rollBackTo ?? 'old'
    },
    async kill({ flag, reason }: { flag: string; reason: string }) {
      asked.push(`kill ${flag}: ${reason}`)
      gives = start.safe ?? 'old'
    },
  } as unknown as ReturnType<Port>
  return { reads: createReadsFlags(() => flags, [{ ...SAMPLE_DEFINITION, readsFlag: OF }], SYSTEM_CLOCK), asked }
}

describe('taking back the flag that reads follow', () => {
  it('rolls its rollout back', async () => {
    const { reads, asked } = flagOf({ default: 'new', rollout: true })
    expect(reads.given(OF).given).toBe('unknown')
    await reads.takeBack(OF, ADA, 'because', 'operation-1')
    expect(asked).toEqual(['rollBack r1: because'])
    expect(reads.given(OF)).toEqual({ given: 'nobody', words: 'nobody gets new' })
  })

  it('serves the safe variant where there is no rollout, or where it began with the new side', async () => {
    const finished = flagOf({ default: 'new', rollout: false })
    await finished.reads.takeBack(OF, ADA, 'because', 'operation-1')
    expect(finished.asked).toEqual(['kill read-new-names: because'])
    const began = flagOf({ default: 'new', rollout: true, rollBackTo: 'new' })
    await began.reads.takeBack(OF, ADA, 'because', 'operation-1')
    expect(began.asked).toEqual(['rollBack r1: because', 'kill read-new-names: because'])
  })

  it('does nothing to a flag that gives nobody the new side', async () => {
    const { reads, asked } = flagOf({ default: 'old', rollout: false })
    await reads.takeBack(OF, ADA, 'because', 'operation-1')
    expect(asked).toEqual([])
  })

  it('says so when its safe variant is the new side', async () => {
    const { reads } = flagOf({ default: 'new', rollout: false, safe: 'new' })
    await expect(reads.takeBack(OF, ADA, 'because', 'operation-1')).rejects.toMatchObject({ code: 'interlocked', message: expect.stringContaining('still sends readers') as string })
  })

  it('looks by itself: a flag that is not there sends nobody anywhere', async () => {
    const { reads } = flagOf({ default: 'old', rollout: false, missing: true })
    reads.start()
    await expect.poll(() => reads.given(OF)).toEqual({ given: 'nobody', words: 'there is no such flag' })
    reads.stop()
  })
})
