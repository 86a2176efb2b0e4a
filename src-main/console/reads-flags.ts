import { Fault } from '../contract/fault.ts'
import type { MigrationDefinition } from '../contract/migration-definition.ts'
import { readsVariant } from '../core/flags/reads-variant.ts'
import type { FlagReads } from '../core/interlocks/migration-rules.ts'
import type { Clock } from '../core/ports.ts'
import type { Flags } from '../engine/flags/flags.ts'
import type { ReadsFlag, ReadsFlags } from '../engine/migrations/deps.ts'

const LOOK_MS = 1000
/** After it was rolled back it is looked at so often before the safe variant is served instead. */
const LOOKS = 8
const BETWEEN_LOOKS_MS = 250

const keyOf = ({ source, flag, variant }: ReadsFlag) => `${source}/${flag}/${variant}`

/** Flags that migrations' reads follow: looked at once a second, taken back by the flags' own procedure. */
export function createReadsFlags(flags: () => Pick<Flags, 'get' | 'command' | 'kill' | 'exposedOn'>, definitions: readonly MigrationDefinition[], clock: Clock): ReadsFlags & { start(): void; stop(): void } {
  const followed = definitions.flatMap(({ readsFlag }) => readsFlag ?? [])
  const known = new Map<string, FlagReads>()
  let cancel: () => void = () => undefined
  let stopped = false

  async function look(of: ReadsFlag): Promise<FlagReads> {
    try {
      const { definition } = await flags().get(of.source, of.flag)
      const reads = readsVariant(definition, of.variant)
      known.set(keyOf(of), reads)
      return reads
    } catch (error) {
      // A flag that is not there gives nobody anything; one that cannot be read may give anything.
      const reads: FlagReads = error instanceof Fault && error.code === 'notFound' ? { given: 'nobody', words: 'there is no such flag' } : { given: 'unknown', words: error instanceof Error ? error.message : String(error) }
      known.set(keyOf(of), reads)
      return reads
    }
  }

  const pause = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve))

  return {
    given: (of) => known.get(keyOf(of)) ?? { given: 'unknown', words: 'it was not read yet' },
    needing: (migration) => flags().exposedOn(migration),
    async takeBack(of, operator, reason, operationId) {
      const { rollout } = await flags().get(of.source, of.flag)
      if (rollout && !rollout.ended) {
        await flags().command({ rollout: rollout.rollout.id, command: 'rollBack', reason, operationId }, operator)
        for (let looks = 0; looks < LOOKS && (await look(of)).given !== 'nobody'; looks += 1) await pause(BETWEEN_LOOKS_MS)
      }
      if ((await look(of)).given !== 'nobody') await flags().kill({ source: of.source, flag: of.flag, reason, operationId: `${operationId}-kill` }, operator)
      const reads = await look(of)
      if (reads.given !== 'nobody') throw new Fault('interlocked', `The flag ${of.flag} of ${of.source} still sends readers to the new side: ${reads.words}.`, `Serve another variant than ${of.variant}; its safe variant may be the very one.`)
    },
    start() {
      const beat = (): void => {
        if (stopped) return
        void Promise.all(followed.map(look)).finally(() => {
          cancel = clock.setTimer(LOOK_MS, beat)
        })
      }
      if (followed.length > 0) beat()
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
