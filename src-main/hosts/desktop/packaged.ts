import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { localPaths } from '../../providers/local/paths.ts'
import { isClaimed } from '../../providers/local/supervisor/lock.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { installRuntime, runtimeManifestSchema } from './runtime.ts'

/**
 * For an installed app: puts Node, supervisor, router, flag server and demo where they outlive it, and says so to the core.
 * `manifestFile` is inside the app's archive, `source` beside it.
 */
export async function withInstalledRuntime(compose: ComposeOptions, manifestFile: string, source: string): Promise<ComposeOptions> {
  const folders = await installRuntime({
    manifest: runtimeManifestSchema.parse(JSON.parse(readFileSync(manifestFile, 'utf8'))),
    source,
    target: join(compose.dataFolder, 'runtime'),
    inUse: isClaimed(localPaths(compose.dataFolder).lock),
  })
  const nodePath = join(folders.node, process.platform === 'win32' ? 'node.exe' : 'node')
  // Last: a Node of the operator's own comes first. For the demo, and for workspaces that say `node` where none is installed.
  process.env['PATH'] = [process.env['PATH'], dirname(nodePath)].filter((part) => part !== undefined && part !== '').join(delimiter)
  return {
    ...compose,
    nodePath,
    localEntries: { supervisor: join(folders.local, 'supervisor.mjs'), router: join(folders.local, 'router.mjs'), flagServer: join(folders.local, 'flag-server.mjs') },
    demoFile: join(folders.demo, 'signalbox.yaml'),
  }
}
