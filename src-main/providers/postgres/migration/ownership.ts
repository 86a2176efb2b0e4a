import { Fault } from '../../../contract/fault.ts'
import type { Ownership } from '../../../core/migration/ports.ts'
import { installControl } from './structure/install.ts'
import { rowsOf } from './session.ts'
import type { Dedicated, Session, Sessions } from './session.ts'

export interface Owners {
  /** Faults: `interlocked` when another console drives it, with its name. */
  acquire(migration: string, consoleName: string): Promise<Ownership>
  release(ownership: Ownership): Promise<void>
  /** Takes the lock again when its connection was lost meanwhile. Faults: `staleFence` when someone else has it. */
  ensure(ownership: Ownership): Promise<void>
  holds(migration: string, epoch: number): boolean
  close(): Promise<void>
}

interface Held {
  readonly epoch: number
  readonly lock: Dedicated
}

/** Key of the lock that says a migration is being driven. */
export const OWNER_LOCK = `hashtextextended('signalbox ' || $1, 0)`

/**
 * Who drives a migration: an advisory lock on a session of its own, only ever tried (a blocking wait would be a
 * snapshot that CREATE INDEX CONCURRENTLY waits for), and an epoch in the row, which everything that writes checks.
 */
export function createOwners(sessions: Sessions): Owners {
  const held = new Map<string, Held>()

  async function tryLock(migration: string): Promise<Dedicated | null> {
    const lock = await sessions.dedicated()
    try {
      for (let tries = 0; tries < 3; tries++) {
        const [locked] = await rowsOf(lock.session, `SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS locked`, [migration], (row) => row['locked'] === true)
        if (locked === true) return lock
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await lock.end()
      return null
    } catch (error) {
      await lock.end()
      throw sessions.fault(error)
    }
  }

  return {
    async acquire(migration, consoleName) {
      const mine = held.get(migration)
      if (mine && !mine.lock.lost() && (await sessions.use((session) => epochOf(session, migration))) === mine.epoch) return { migration, epoch: mine.epoch }
      if (mine) {
        held.delete(migration)
        await mine.lock.end()
      }
      await installControl(sessions)
      const lock = await tryLock(migration)
      if (!lock) {
        const [owner] = await sessions.use((session) => rowsOf(session, 'SELECT owner FROM signalbox.migrations WHERE id = $1', [migration], (row) => row['owner']))
        throw new Fault('interlocked', `${typeof owner === 'string' ? `The console ${owner}` : 'Another console'} drives migration ${migration}.`, 'Work with it there, or end that console; this one takes over when its connection is gone.')
      }
      try {
        const [epoch] = await rowsOf(
          lock.session,
          `INSERT INTO signalbox.migrations (id, revision, state, epoch, owner, owner_since) VALUES ($1, 0, '{}', 1, $2, clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET epoch = signalbox.migrations.epoch + 1, owner = EXCLUDED.owner, owner_since = EXCLUDED.owner_since RETURNING epoch::float8 AS epoch`,
          [migration, consoleName],
          (row) => Number(row['epoch']),
        )
        if (epoch === undefined) throw new Error('no epoch was given')
        held.set(migration, { epoch, lock })
        return { migration, epoch }
      } catch (error) {
        await lock.end()
        throw sessions.fault(error)
      }
    },
    async release({ migration, epoch }) {
      const mine = held.get(migration)
      if (!mine || mine.epoch !== epoch) return
      held.delete(migration)
      await mine.lock.end()
    },
    async ensure({ migration, epoch }) {
      const mine = held.get(migration)
      if (!mine || mine.epoch !== epoch || !mine.lock.lost()) return
      const lock = await tryLock(migration)
      const now = lock ? await sessions.use((session) => epochOf(session, migration)) : null
      if (!lock || now !== epoch) {
        await lock?.end()
        held.delete(migration)
        throw new Fault('staleFence', `Another console took over migration ${migration} while this one had lost its connection.`, 'Look at what it did; take it over again when it should be driven from here.')
      }
      held.set(migration, { epoch, lock })
    },
    holds: (migration, epoch) => held.get(migration)?.epoch === epoch,
    async close() {
      const all = [...held.values()]
      held.clear()
      await Promise.all(all.map(({ lock }) => lock.end()))
    },
  }
}

async function epochOf(session: Session, migration: string): Promise<number | null> {
  const [epoch] = await rowsOf(session, 'SELECT epoch::float8 AS epoch FROM signalbox.migrations WHERE id = $1', [migration], (row) => Number(row['epoch']))
  return epoch ?? null
}
