// npm run bench -- NAME [--json]: runs src-main/**/NAME.bench.ts. Without a name, lists them.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename } from 'node:path'

const [name, ...rest] = process.argv.slice(2)
const benches = new Map(globSync('{src-main,src-renderer,e2e,scripts}/**/*.bench.ts').map((file) => [basename(file, '.bench.ts'), file]))
const file = name && benches.get(name)
if (!file) {
  console.error(`${name ? `No bench called ${name}. ` : ''}Benches: ${[...benches.keys()].toSorted().join(', ') || 'none'}`)
  process.exit(name ? 2 : 0)
}
process.exit(spawnSync(process.execPath, ['--expose-gc', file, ...rest], { stdio: 'inherit' }).status ?? 1)
