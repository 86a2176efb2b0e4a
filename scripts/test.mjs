// npm test: types, lint, build, unit tests (some start the built console) and browser tests; goes on after a failure and ends with the sum of them all.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from '../e2e/find-chromium.ts'

const LINTED = ['src-main', 'src-renderer', 'e2e', 'scripts', 'resources']
const reports = mkdtempSync(join(tmpdir(), 'signalbox-test-'))
/** @type {{ name: string, passed: number, failed: number, skipped: number }[]} */
const results = []
const add = (name, passed, failed, skipped = 0) => results.push({ name, passed, failed, skipped })

/** Runs a program with its output shown; returns its exit code, and what it printed when asked to keep it. */
function run(command, args, { env = {}, keep = false } = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    stdio: ['ignore', keep ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  })
  if (keep && stdout) process.stdout.write(stdout)
  if (error) console.error(`${command}: ${error.message}`)
  return { code: status ?? 1, stdout: stdout ?? '' }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

function heading(text) {
  console.log(`\n== ${text}`)
}

function typecheck() {
  heading('types')
  const { code, stdout } = run(process.execPath, ['scripts/typecheck.mjs'], { keep: true })
  const [, clean, all] = /(\d+) of (\d+) projects clean/.exec(stdout) ?? []
  if (clean === undefined) add('types', 0, 1)
  else add('types', Number(clean), Math.max(Number(all) - Number(clean), code === 0 ? 0 : 1))
}

function lint() {
  heading('lint')
  const { code } = run('oxlint', ['--type-aware', ...LINTED])
  add('lint', code === 0 ? 1 : 0, code === 0 ? 0 : 1)
}

function unit() {
  heading('unit tests')
  const file = join(reports, 'vitest.json')
  const { code } = run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`])
  const report = readReport(file)
  if (!report) return add('unit tests', 0, 1)
  // A file that could not be loaded has no failed test in it, and has failed all the same.
  const broken = report.testResults.filter((suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed')).length
  const failed = report.numFailedTests + broken
  add('unit tests', report.numPassedTests, Math.max(failed, code === 0 ? 0 : 1), report.numPendingTests + (report.numTodoTests ?? 0))
}

function build() {
  heading('build')
  const { code } = run(process.execPath, ['scripts/build.mjs'])
  add('build', code === 0 ? 1 : 0, code === 0 ? 0 : 1)
}

/** A browser for the browser tests, fetched if need be; null when none can be had. */
function browser() {
  const found = findChromium()
  if (found) return found
  console.log('no Chromium found; trying to get one')
  const root = process.platform === 'linux' && process.getuid?.() === 0
  const apt = root && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0
  if (apt) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    if (run('apt-get', ['update', '-q'], { env }).code === 0) run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { env })
  } else {
    spawnSync('playwright', ['install', 'chromium'], { stdio: 'inherit', timeout: 300_000, shell: process.platform === 'win32' })
  }
  return findChromium()
}

function endToEnd() {
  heading('browser tests')
  const chromium = browser()
  if (!chromium) {
    console.log('SKIPPED: there is no Chromium here and none could be fetched. Install one and run `npm run e2e`.')
    return add('browser tests', 0, 0, 1)
  }
  const file = join(reports, 'playwright.json')
  const { code } = run('playwright', ['test', '-c', 'e2e/playwright.config.ts', '--reporter=list,json'], { env: { PLAYWRIGHT_JSON_OUTPUT_FILE: file, SIGNALBOX_CHROMIUM: chromium } })
  const stats = readReport(file)?.stats
  if (!stats) return add('browser tests', 0, 1)
  add('browser tests', stats.expected + stats.flaky, Math.max(stats.unexpected, code === 0 ? 0 : 1), stats.skipped)
}

for (const step of [typecheck, lint, build, unit, endToEnd]) step()
rmSync(reports, { recursive: true, force: true })

const sum = (key) => results.reduce((total, result) => total + result[key], 0)
heading('result')
for (const { name, passed, failed, skipped } of results) console.log(`${name}: ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')]
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
