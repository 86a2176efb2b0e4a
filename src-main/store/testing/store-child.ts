/**
 * A process to be killed, starved or traced: opens the store of a folder and reports on stdout what was acknowledged.
 *     node store-child.ts write FOLDER [NORMAL] [early] [checkpoints] [--commits N]    commits until killed (or N times)
 *     node store-child.ts probe FOLDER       opens, commits one, records one emergency, reports both as JSON
 *     node store-child.ts fill FOLDER        commits until it is refused, then as probe
 */
import { writeSync } from 'node:fs'
import { Fault } from '../../contract/fault.ts'
import { dataFolderFiles } from '../data-folder.ts'
import { openWriter } from '../sqlite.ts'
import { openStore } from '../store.ts'
import { batch, draft, release, storeOptions } from './fixtures.ts'

const [mode = '', folder = '', ...rest] = process.argv.slice(2)
const say = (line: string) => void writeSync(1, `${line}\n`)
const codeOf = (error: unknown) => (error instanceof Fault ? error.code : String(error))

if (mode === 'write') {
  const limit = rest.includes('--commits') ? Number(rest[rest.indexOf('--commits') + 1]) : Infinity
  const store = openStore({ ...storeOptions(folder), synchronous: rest.includes('NORMAL') ? 'NORMAL' : 'FULL', reserveLogBytes: rest.includes('checkpoints') ? 64 * 1024 : 0 })
  const isEarly = rest.includes('early')
  // What the reader's thread does beside the writer.
  const log = rest.includes('checkpoints') ? openWriter(dataFolderFiles(folder).journal) : null
  say('open')
  for (let turn = 0; turn < limit; turn++) {
    const size = 1 + (turn % 5)
    const commits = Array.from({ length: size }, async (_, i) => {
      const summary = `turn ${turn} commit ${i}`
      const row = release({ id: `rel-${turn}-${i}`, reason: summary })
      const committed = store.commit(batch({ entries: [draft({ summary }), draft({ kind: 'outcome', summary })], releases: [row] }))
      if (isEarly) say(`ack ${(store.checkpoint().count + i * 2 + 1).toString()}`)
      const entries = await committed
      if (!isEarly) for (const entry of entries) say(`ack ${entry.seq} ${entry.hash}`)
    })
    await Promise.all(commits)
    if (log && turn % 3 === 2) log.pragma('wal_checkpoint(PASSIVE)')
    if (turn % 7 === 3) {
      const reason = `emergency ${turn}`
      await store.commitEmergency(batch({ entries: [draft({ summary: reason })], releases: [release({ id: `rel-e-${turn}`, reason })] }))
      say(`emergency ${reason}`)
    }
  }
  // Leaves as a crash would: nothing is closed.
  process.exit(0)
} else if (mode === 'probe' || mode === 'fill') {
  let acknowledged = 0
  let refused = ''
  let openProblem = ''
  let emergency = ''
  let emergencyRow = ''
  let entriesBefore = 0
  try {
    const store = openStore(storeOptions(folder))
    openProblem = store.problem()
    entriesBefore = store.checkpoint().count
    do {
      try {
        await store.commit(batch({ entries: [draft({ evidence: 'x'.repeat(2000) })], releases: [release({ id: `rel-${acknowledged}` })] }))
        acknowledged += 1
      } catch (error) {
        refused = codeOf(error)
      }
    } while (mode === 'fill' && refused === '')
    try {
      await store.commitEmergency(batch({ entries: [draft({ summary: 'rolled back in an emergency' })], releases: [release({ id: 'rel-e', phase: 'rollingBack' })] }))
      emergency = 'recorded'
      emergencyRow = store.release('rel-e')?.phase ?? ''
    } catch (error) {
      emergency = codeOf(error)
    }
    say(JSON.stringify({ openProblem, problem: store.problem(), entriesBefore, acknowledged, refused, emergency, emergencyRow }))
    await store.close()
  } catch (error) {
    say(JSON.stringify({ thrown: codeOf(error) }))
  }
} else {
  throw new Error(`no mode ${mode}`)
}
