import { afterAll, describe, expect, test } from 'vitest'
import { serverOrWhy, startServer } from '../../testing/servers.ts'
import type { ServerVersion, TestServer } from '../../testing/servers.ts'
import { SAMPLES } from '../testing/changes.ts'
import { openStepWalk, WALK_PHASES } from '../testing/step-walk.ts'

const servers = new Map<ServerVersion, TestServer>()
afterAll(async () => {
  for (const server of servers.values()) await server.stop()
})

async function serverFor(version: ServerVersion): Promise<TestServer> {
  const server = servers.get(version) ?? (await startServer(version))
  servers.set(version, server)
  return server
}

for (const version of ['14', '15', '18'] as const) {
  const why = serverOrWhy(version)
  describe.skipIf(why)(`PostgreSQL ${version}${why ? ` (${why})` : ''}`, () => {
    test.each(Object.keys(SAMPLES))('%s: there, back, there again and to the end', async (kind) => {
      const { tables, change } = SAMPLES[kind]!
      const walk = await openStepWalk(await serverFor(version), tables, change)
      try {
        const before = await walk.catalog()
        // From each phase in turn on the main version; from the last one on the others.
        for (const phase of version === '15' ? WALK_PHASES.filter((one) => one !== 'planned' && one !== 'completed') : (['tombstoned'] as const)) {
          await walk.to(phase)
          expect(await walk.catalog(), 'control: something stands there').not.toBe(before)
          await walk.collapse()
          expect(await walk.catalog(), `rolled back from ${phase}`).toBe(before)
        }
        await walk.to('switchedWrites')
        const switched = (await walk.catalog()).replaceAll('NOT VALID valid false', 'valid true')
        await walk.to('tombstoned')
        await walk.step('untombstone', { phase: 'switchedWrites' })
        // A constraint carried over stays one; the checks are there again, to be validated again.
        const back = (await walk.catalog()).replaceAll('NOT VALID valid false', 'valid true').split('\n').filter((line) => !line.startsWith('constraint public.tickets sb_mig_tickets_serial '))
        expect(back.join('\n')).toBe(switched)
        await walk.step('tombstone', { phase: 'tombstoned' })
        await walk.to('completed')
        const after = await walk.catalog()
        expect(after).not.toMatch(/sb_|signalbox_/)
        expect(after).not.toBe(before)
      } finally {
        await walk.close()
      }
    }, 30_000)
  })
}
