import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface WorkspaceOnDisk {
  readonly file: string
  remove(): void
}

/** A workspace with one small real service, `checkout`, in versions 1.0.0 to 3.0.0, on ports that are picked. */
export function oneServiceWorkspace(): WorkspaceOnDisk {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-workspace-'))
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) {
    mkdirSync(join(folder, 'releases', version), { recursive: true })
    writeFileSync(
      join(folder, 'releases', version, 'server.mjs'),
      `import { createServer } from 'node:http'\ncreateServer((_request, response) => response.end(process.env.VERSION)).listen(process.env.PORT, '127.0.0.1')\n`,
    )
  }
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
services:
  checkout:
    run: "'${process.execPath}' server.mjs"
    versions: ./releases
    ready: /
    initial: 1.0.0
    plan:
      steps: [{weight: 25, hold: manual}, 100]
      bake: 1h
      rollback-window: 1h
      drain: 1s
`,
  )
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
