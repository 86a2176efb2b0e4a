/**
 * How fast keys are found in a million lines, beside ripgrep (where it is installed) and `grep -rF` on the same files.
 *     npm run bench -- flag-references [--lines 1000000] [--keys 1] [--pairs 7] [--json]
 * Both peers look for the keys anywhere; ours looks for them as string literals, respects `.gitignore`, and starts its
 * threads within the measured time, as the peers start their process.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bar, comparePairs, median, numberOption, report, seededRandom, timeMs } from '../bench/measure.ts'
import { scanFlagReferences } from './scan-flag-references.ts'

const lines = numberOption('lines', 1_000_000)
const keyCount = numberOption('keys', 1)
const pairs = numberOption('pairs', 7)
const LINES_PER_FILE = 250

const random = seededRandom(20_261_121)
const WORDS = ['const', 'result', 'await', 'client', 'order', "'pending'", '"application/json"', 'return', '=>', '{', '}', 'checkout', 'total', '(value)', "'new'", 'price * quantity', '// the total', 'if', '===', '`${name}`']
const keys = Array.from({ length: keyCount }, (_, index) => `new-checkout-${index}`)
const folder = mkdtempSync(join(tmpdir(), 'signalbox-references-bench-'))
let planted = 0
for (let file = 0; file < lines / LINES_PER_FILE; file += 1) {
  const text = Array.from({ length: LINES_PER_FILE }, () => `${'  '.repeat(Math.floor(random() * 4))}${Array.from({ length: 3 + Math.floor(random() * 6) }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ')}`)
  if (file % 10 === 0) {
    text[Math.floor(random() * LINES_PER_FILE)] = `  if (await client.getBooleanValue('${keys[planted % keyCount]}', false)) {`
    planted += 1
  }
  const place = join(folder, `package-${file % 40}`, `src-${file % 7}`)
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, `file-${file}.ts`), text.join('\n'))
}
writeFileSync(join(folder, 'keys.txt'), keys.join('\n'))

let found = 0
const product = {
  name: 'Signalbox',
  run: () =>
    timeMs(async () => {
      const { references } = await scanFlagReferences([folder], keys)
      found = [...references.values()].reduce((sum, list) => sum + list.length, 0)
    }),
}
const peer = (command: string, args: readonly string[]) => ({
  name: command,
  run: () =>
    timeMs(() => {
      const { status } = spawnSync(command, [...args, '-f', join(folder, 'keys.txt'), folder], { maxBuffer: 1 << 30 })
      if (status !== 0) throw new Error(`${command} ended with ${status}`)
    }),
})
const bars: Bar[] = []
const figures: Record<string, number | string> = { lines, keys: keyCount, planted }
for (const [command, args] of [
  ['grep', ['-rFn']],
  ['rg', ['-Fn', '--no-heading']],
] as const) {
  if (spawnSync(command, ['--version']).status !== 0) {
    figures[command] = 'not installed'
    continue
  }
  const { ratio, floor, product: ours } = await comparePairs(peer(command, args), product, { pairs })
  figures[`${command}, ms`] = median(floor)
  figures[`Signalbox beside ${command}, ms`] = median(ours)
  bars.push({ name: `time / ${command}`, value: ratio.median, limit: command === 'rg' ? 4 : 3, direction: 'atMost', interval: ratio })
}
if (bars.length === 0) figures['Signalbox, ms'] = await product.run()
figures['found'] = found
rmSync(folder, { recursive: true, force: true })
report('flag-references', figures, [...bars, { name: 'planted keys found', value: found, limit: planted, direction: 'atLeast' }])
