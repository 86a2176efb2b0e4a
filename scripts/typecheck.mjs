// Type-checks every layer with the types it may know, so that the compiler holds the layering.
import { spawnSync } from 'node:child_process'

const projects = ['src-main/contract', 'src-main/core', 'src-main', 'e2e', 'src-renderer', 'src-renderer/tsconfig.test.json']
let failed = 0
for (const project of projects) {
  const { status } = spawnSync('tsc', ['-p', project], { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) failed += 1
}
console.log(`typecheck: ${projects.length - failed} of ${projects.length} projects clean`)
process.exit(failed === 0 ? 0 : 1)
