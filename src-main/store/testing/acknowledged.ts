import { join } from 'node:path'
import { openReader } from '../sqlite.ts'
import { openStore } from '../store.ts'
import { verifyChain } from '../verify-chain.ts'
import { storeOptions } from './fixtures.ts'

export interface Aftermath {
  readonly acknowledged: number
  /** Acknowledged, but not there after opening again. */
  readonly lost: readonly string[]
  /** What is wrong with journal or chain; empty when they are whole. */
  readonly broken: string
}

/** Opens a folder that a `store-child` left behind and holds it against what that one said. */
export async function aftermath(folder: string, said: readonly string[]): Promise<Aftermath> {
  const acknowledged = said.filter((line) => line.startsWith('ack') || line.startsWith('emergency'))
  const store = openStore(storeOptions(folder))
  try {
    if (store.problem() !== '') return { acknowledged: acknowledged.length, lost: acknowledged, broken: store.problem() }
    const reader = openReader(join(folder, 'journal.db'))
    try {
      const hashAt = reader.db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck()
      const emergencies = new Set(reader.db.prepare<[], string>("SELECT json_extract(body, '$.summary') FROM journal WHERE json_extract(header, '$.emergency')").pluck().all())
      const lost = acknowledged.filter((line) => {
        const [kind, seq, hash] = line.split(' ')
        if (kind === 'emergency') {
          const reason = line.slice('emergency '.length)
          return !emergencies.has(reason) || store.release(`rel-e-${reason.split(' ')[1]}`)?.reason !== reason
        }
        const stored = hashAt.get(Number(seq))
        return hash ? stored?.toString('hex') !== hash : !stored
      })
      const { problem } = await verifyChain(reader.db, null)
      return { acknowledged: acknowledged.length, lost, broken: problem ? `entry ${problem.seq}: ${problem.what}` : '' }
    } finally {
      reader.close()
    }
  } finally {
    await store.close()
  }
}
