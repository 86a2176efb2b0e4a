import { Fault } from '../../../../contract/fault.ts'
import { CONTROL_SQL } from '../control-schema.ts'
import { rowsOf } from '../session.ts'
import type { Session, Sessions } from '../session.ts'

/** Version of the control schema this console understands. */
const KNOWN_VERSION = 1
const LOCK_KEY = `hashtextextended('signalbox control schema', 0)`

/** What views and applications need to read the switch with their own rights. Nothing of it tells of rows. */
const GRANTS_SQL = `
GRANT USAGE ON SCHEMA signalbox TO PUBLIC;
GRANT SELECT ON signalbox.switches TO PUBLIC;
GRANT INSERT ON signalbox.reported TO PUBLIC;`

/** Version of the control schema that is there, or null. Faults: `unsupported` when a newer console made it. */
export async function controlVersion(session: Session): Promise<number | null> {
  const [found] = await rowsOf(session, `SELECT to_regclass('signalbox.versions') IS NOT NULL AND to_regclass('signalbox.switches') IS NOT NULL AS there`, [], (row) => row['there'] === true)
  if (found !== true) return null
  const [version] = await rowsOf(session, 'SELECT max(version)::int AS version FROM signalbox.versions', [], (row) => Number(row['version']))
  if (version !== undefined && version > KNOWN_VERSION) throw new Fault('unsupported', `The database was prepared by a newer Signalbox (control schema ${version}; this one knows ${KNOWN_VERSION}).`, 'Update this console.')
  return version ?? null
}

/** Makes the control schema when it is not there. Two consoles at once: one makes it, the other finds it. */
export async function installControl(sessions: Sessions): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if ((await sessions.use(controlVersion)) !== null) return
    const made = await sessions.transaction({}, async (session) => {
      const [locked] = await rowsOf(session, `SELECT pg_try_advisory_xact_lock(${LOCK_KEY}) AS locked`, [], (row) => row['locked'] === true)
      if (locked !== true) return false
      await session.query(CONTROL_SQL + GRANTS_SQL)
      return true
    })
    if (made) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Fault('timeout', 'Another console has been preparing the database for five seconds.', 'Try again.')
}
