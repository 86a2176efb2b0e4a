import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Audience, JsonObject } from '../../contract/flag-definition.ts'
import { emptyDocument, putFlag, putSegment, readFlagSet, writeDocument } from '../../core/flags/flag-set.ts'
import { parseJson } from '../../core/flags/parse-json.ts'
import { isJsonObject } from '../../core/flags/json.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { describeFlagSource } from '../flag-source-conformance.ts'
import { openFlagSource } from '../flag-sources.ts'
import { openEvaluator } from './evaluator.ts'
import { startFlagServer } from './flag-server/start-flag-server.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

const AUDIENCE: Audience = { kind: 'segments', anyOf: ['internal'] }

describeFlagSource('a flag set in a file, with its flag server', async () => {
  const folder = await temporaryFolder()
  const file = join(folder.path, 'dev.json')
  const internal = { name: 'internal', rule: { kind: 'conditions' as const, match: 'all' as const, conditions: [{ test: 'is' as const, attribute: 'staff', value: true }] } }
  await writeFile(file, writeDocument(putFlag(putFlag(putSegment(emptyDocument(), internal), booleanFlag('new-checkout')), booleanFlag('other'))))
  const server = await startFlagServer({ folder: folder.path, host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'dev' })
  const source = openFlagSource(
    { name: 'shop', kind: 'file', sets: [{ tier: 'dev', set: 'dev' }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { folder: folder.path, defaultSet: 'dev' } },
    { readSecret: () => null, wallMs: Date.now, flagServer: { start: async () => ({ httpPort: server.httpPort, syncPort: server.syncPort }) } },
  )
  const document = async (): Promise<JsonObject> => {
    const { value } = parseJson(await readFile(file, 'utf8'))
    return isJsonObject(value) ? value : {}
  }
  return {
    source,
    set: 'dev',
    flag: 'new-checkout',
    on: 'on',
    off: 'off',
    audience: AUDIENCE,
    async changeElsewhere() {
      const now = await document()
      const flag = readFlagSet(now).flags.find(({ key }) => key === 'new-checkout')
      if (flag) await writeFile(file, JSON.stringify(putFlag(now, { ...flag, targeting: { kind: 'rules', rules: [] }, defaultVariant: 'on' })))
    },
    async breakDown() {
      const good = await readFile(file)
      await writeFile(file, '{"flags": {')
      return () => writeFile(file, good)
    },
    async usersWith(users) {
      const evaluator = openEvaluator(await document())
      return new Set(users.filter((targetingKey) => evaluator.evaluate('new-checkout', { targetingKey }).variant === 'on'))
    },
    async dispose() {
      await source.close()
      await server.close()
      await folder.remove()
    },
  }
})
