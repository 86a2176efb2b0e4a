import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import type { VerifyProgress } from '../../contract/journal.ts'
import type { SimulationOptions } from '../../engine/sim/simulation.ts'
import type { CoreApi } from '../../rpc/core-api.ts'
import { coreDouble, statusDouble } from '../../rpc/testing/core-double.ts'
import { COMMANDS } from './arguments.ts'
import { runTerminal } from './run.ts'
import { type EngineUnderTerminal, engineUnderTerminal } from './testing/engine-link.ts'
import { HELP } from './usage.ts'

let under: EngineUnderTerminal
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-terminal-'))
})
afterEach(() => {
  under.stop()
  rmSync(folder, { recursive: true })
})

async function start(options: SimulationOptions = {}, overrides: Partial<CoreApi> = {}): Promise<void> {
  under = await engineUnderTerminal(options, overrides)
}

async function terminal(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  let out = ''
  let error = ''
  const code = await runTerminal([...argv, '--data', folder], {
    streams: { out: { write: (text: string) => (out += text) }, error: { write: (text: string) => (error += text) }, columns: null },
    linkTo: () => under.openLink,
    ask: null,
  })
  return { code, out, error }
}

/** Until the release is in the phase, in the simulated time that runs along. */
async function phase(wanted: string): Promise<void> {
  for (let i = 0; i < 2000; i += 1) {
    const release = under.sim.current()?.release
    if (release?.phase === wanted && !release.shiftPending) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`never ${wanted}, but ${under.sim.current()?.release.phase ?? 'none'}`)
}

const manual = {
  plan: {
    steps: [
      { weightPercent: 25, hold: { kind: 'manual' as const }, approvals: 0 },
      { weightPercent: 100, hold: { kind: 'manual' as const }, approvals: 0 },
    ],
    criteria: [],
    rollbackWindowMs: 3_600_000,
    bakeMs: 3_600_000,
  },
}

describe('acts', () => {
  test('deploy, promote and roll back, each told in the words of what was read back', async () => {
    await start(manual)
    const deployed = await terminal('deploy', 'checkout', '2.0.0', '--reason', 'faster', '--follow')
    expect(deployed).toMatchObject({ code: 0, out: expect.stringMatching(/^green \(2\.0\.0\) has 25 % of live requests, read back after \d/) as unknown })
    expect(deployed.error).toContain('green (2.0.0): deploying.')
    expect(under.sim.weights()).toEqual({ blue: 75, green: 25 })

    const promoted = await terminal('promote', 'checkout')
    expect(promoted).toMatchObject({ code: 0, out: expect.stringMatching(/^green \(2\.0\.0\) has 100 % of live requests/) as unknown })
    expect(under.sim.weights()).toEqual({ blue: 0, green: 100 })

    const back = await terminal('rollback', 'checkout', '--reason', 'errors')
    expect(back).toMatchObject({ code: 0, out: expect.stringMatching(/^Rolled back to blue \(1\.0\.0\) after \d+(\.\d+)? s\n/) as unknown, error: '' })
    expect(under.sim.weights()).toEqual({ blue: 100, green: 0 })
    expect(under.sim.disk.entries.some((entry) => entry.action === 'release.rollBack' && entry.reason === 'errors')).toBe(true)
    expect(new Set(under.scopes)).toEqual(new Set(['leverOnly']))
  })

  test('promote --fully goes straight to 100 %', async () => {
    await start({ plan: { ...manual.plan, steps: [manual.plan.steps[0]!, { weightPercent: 50, hold: { kind: 'manual' }, approvals: 0 }, manual.plan.steps[1]!] } })
    await terminal('deploy', 'checkout', '2.0.0')
    await phase('shifting')
    expect((await terminal('promote', 'checkout', '--fully')).out).toContain('100 %')
    expect(under.sim.weights()).toEqual({ blue: 0, green: 100 })
  })

  test('a roll back without a reason owes one, and explain gives it', async () => {
    await start(manual)
    await terminal('deploy', 'checkout', '2.0.0', '--follow')
    const back = await terminal('rollback', 'checkout')
    expect(back.code).toBe(0)
    expect(back.error).toContain('A reason is owed: signalbox explain checkout --reason TEXT')
    expect((await terminal('explain', 'checkout')).code).toBe(2)
    expect((await terminal('explain', 'checkout', '--reason', 'it was the cache')).code).toBe(0)
    expect(under.sim.disk.entries.some((entry) => entry.reason === 'it was the cache')).toBe(true)
  })

  test('pause and resume', async () => {
    await start({ plan: { ...manual.plan, steps: [{ weightPercent: 25, hold: { kind: 'timed', ms: 3_600_000 }, approvals: 0 }, manual.plan.steps[1]!] } })
    await terminal('deploy', 'checkout', '2.0.0')
    await phase('shifting')
    expect((await terminal('pause', 'checkout')).code).toBe(0)
    expect(under.sim.current()?.release.paused).not.toBeNull()
    expect((await terminal('resume', 'checkout')).code).toBe(0)
    expect(under.sim.current()?.release.paused).toBeNull()
  })

  test('what a rule refuses exits with 1, says why and what next, and moves nothing', async () => {
    await start(manual)
    const unknown = await terminal('deploy', 'checkout', '9.9.9')
    expect(unknown).toMatchObject({ code: 1, out: '' })
    expect(unknown.error).toMatch(/9\.9\.9[\s\S]*Next step: /)
    expect((await terminal('promote', 'checkout')).code).toBe(1)
    expect((await terminal('rollback', 'ghost')).code).toBe(1)
    expect(under.sim.weights()).toEqual({ blue: 100, green: 0 })
  })

  test('while a rollback window is open: what is live already is said first, and else what ends the window', async () => {
    await start({ plan: { steps: [{ weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 }], criteria: [], bakeMs: 0, rollbackWindowMs: 437_000 } })
    await terminal('deploy', 'checkout', '2.0.0')
    await phase('completed')
    for (const options of [[], ['--end-window'], ['--queue']]) {
      const same = await terminal('deploy', 'checkout', '2.0.0', ...options)
      expect(same).toMatchObject({ code: 1, error: expect.stringContaining('2.0.0 with this configuration is live already, on green.') as unknown })
    }
    const other = await terminal('deploy', 'checkout', '3.0.0')
    expect(other).toMatchObject({ code: 1, error: expect.stringMatching(/way back from 2\.0\.0 for \d:\d\d more\.\nNext step: .*signalbox deploy checkout 3\.0\.0 --end-window/) as unknown })
  })

  test('a command that does not apply is refused in words, not identifiers', async () => {
    await start({ plan: { ...manual.plan, steps: [{ weightPercent: 25, hold: { kind: 'manual' }, approvals: 1 }, manual.plan.steps[1]!] } })
    await terminal('deploy', 'checkout', '2.0.0')
    await phase('awaitingApproval')
    const refused = await terminal('promote', 'checkout', '--fully')
    expect(refused).toMatchObject({ code: 1, error: expect.stringMatching(/is awaiting approval: promote fully does not apply there[\s\S]*roll back/) as unknown })
    expect(refused.error).not.toMatch(/awaitingApproval|promoteFully|rollBack/)
  })

  test('what breaks exits with 3', async () => {
    await start({ ...manual, providerFault: (method) => (method === 'deploy' ? { when: 'before', fault: new Fault('commandNotFound', 'There is no program ./gone.', 'Check the command.') } : null), initialVersion: null })
    const failed = await terminal('deploy', 'checkout', '2.0.0', '--follow')
    expect(failed.code).toBe(3)
    expect(failed.out + failed.error).toContain('There is no program ./gone.')
  })

  test('an act that is not verified in time says that it goes on, and exits with 3', async () => {
    await start({ ...manual, latencyMs: (method) => (method === 'setWeights' ? 3_600_000 : 0), initialVersion: null })
    await terminal('deploy', 'checkout', '2.0.0')
    const late = await terminal('rollback', 'checkout', '--timeout', '1')
    expect(late.code).toBe(3)
    expect(late.error).toContain('Not verified after 1 s')
  })

  test('nobody to ask exits with 4', async () => {
    await start()
    for (const code of ['disconnected', 'dataFolderBusy'] as const) {
      const refused = await runTerminal(['status', '--data', folder], {
        streams: { out: { write: () => true }, error: { write: () => true }, columns: null },
        linkTo: () => () => Promise.reject(new Fault(code, 'Nobody is there.', 'Start a console.')),
        ask: null,
      })
      expect(refused).toBe(4)
    }
  })

  test('stop wants --all', async () => {
    await start()
    expect((await terminal('stop')).code).toBe(2)
    expect(await terminal('stop', '--all')).toMatchObject({ code: 0, out: 'Stopped: checkout blue, router\n' })
  })
})

describe('looking', () => {
  test('status is aligned, in words, and opens nothing for writing', async () => {
    await start(manual)
    const { code, out } = await terminal('status')
    expect(code).toBe(0)
    const [headings, row] = out.split('\n').slice(2)
    expect(headings).toMatch(/^SERVICE {3}LIVE {8,}IDLE/)
    expect(row).toMatch(/^checkout {2}blue 1\.0\.0 {2,}green, empty {2,}blue 100 %, green 0 %/)
    expect(headings?.indexOf('TRAFFIC')).toBe(row?.indexOf('blue 100 %'))
    expect(under.scopes).toEqual(['readOnly'])
  })

  test('a workspace with problems: they come first, trust is not offered, and it exits with 1', async () => {
    const place = { file: 'bad.yaml', line: 3, column: 5 }
    const problems = [{ place, message: 'unknown key `prt`.', expected: 'port' }]
    const watched = (workspace: Partial<typeof statusDouble.workspace>) => ({
      system: coreDouble({
        system: {
          async *watch() {
            yield { kind: 'status', status: { ...statusDouble, workspace: { ...statusDouble.workspace, trusted: false, ...workspace } } }
            yield { kind: 'waiting', items: [{ id: 'window:app', service: 'app', releaseId: null, kind: 'window', title: 'Rollback window', detail: 'app can go back.', since: 0, expiresAt: null }] }
            yield { kind: 'ready' }
          },
        },
      }).system,
    })
    await start({}, watched({ problems }))
    const answer = await terminal('status')
    expect(answer.code).toBe(1)
    expect(answer.out).toMatch(/^bad\.yaml:3:5 unknown key `prt`\. Expected: port\n/)
    expect(answer.out).not.toContain('signalbox trust')
    expect(answer.out).toContain('  app: Rollback window: app can go back.\n')
    expect((await terminal('status', '--json')).code).toBe(1)
    under.stop()
    await start({}, watched({}))
    expect(await terminal('status')).toMatchObject({ code: 0, out: expect.stringContaining('signalbox trust') as unknown })
  })

  test('versions and log', async () => {
    await start()
    expect((await terminal('versions', 'checkout')).out).toMatch(/2\.0\.0 +Faster +a; b/)
    const logged = await terminal('log', 'checkout', 'blue')
    expect(logged.out).toMatch(/ listening\n.* stderr: a warning\n$/)
    expect((await terminal('log', 'checkout', 'red')).code).toBe(2)
  })

  test('--json puts one document on stdout, for results and for faults', async () => {
    await start(manual)
    expect(JSON.parse((await terminal('status', '--json')).out)).toMatchObject({ services: [{ name: 'checkout' }], waiting: [] })
    expect(JSON.parse((await terminal('log', 'checkout', 'blue', '--json')).out)).toHaveLength(2)
    const refused = await terminal('promote', 'checkout', '--json')
    expect(refused.code).toBe(1)
    expect(JSON.parse(refused.out)).toMatchObject({ fault: { code: 'illegalCommand', cause: 'refused' } })
    await terminal('deploy', 'checkout', '2.0.0', '--json', '--follow')
    const back = await terminal('rollback', 'checkout', '--reason', 'x', '--json')
    expect(JSON.parse(back.out)).toMatchObject({ release: { release: { phase: 'rolledBack' } }, tookMs: expect.any(Number) as unknown })
  })
})

describe('journal', () => {
  const journal = (overrides: Partial<CoreApi['journal']>) => ({ journal: coreDouble({ journal: overrides }).journal })

  test('audit hands its filters on', async () => {
    let asked: unknown
    await start({}, journal({ search: (input) => ((asked = input), Promise.resolve({ entries: [], nextBeforeSeq: null, total: 0, tookMs: 0 })) }))
    const answer = await terminal('audit', '--text', 'roll back', '--service', 'checkout', '--kind', 'outcome', '--since', '2026-01-01T00:00:00Z', '--limit', '7')
    expect(asked).toEqual({ limit: 7, filter: { text: 'roll back', service: 'checkout', kind: 'outcome', fromAt: Date.UTC(2026, 0, 1) } })
    expect(answer).toMatchObject({ code: 0, out: 'No entries match.\n' })
  })

  test('verify exits with 3 when the chain is broken, and says where', async () => {
    const result = (ok: boolean): VerifyProgress => ({ kind: 'result', ok, count: 9, head: 'abc', problem: ok ? null : { seq: 5, what: 'its body was changed' }, checkpoint: 'The checkpoint covers all of it.', tookMs: 12 })
    let ok = true
    await start({}, journal({ verify: async function* verify() { yield result(ok) } }))
    expect(await terminal('verify')).toMatchObject({ code: 0, out: 'The chain holds: 9 entries in 0.01 s, head abc\nThe checkpoint covers all of it.\n' })
    ok = false
    expect(await terminal('verify')).toMatchObject({ code: 3, out: expect.stringContaining('BROKEN at entry 5: its body was changed') as unknown })
  })

  test('verify exits with 3 for a checkpoint that was not met, although the chain holds now', async () => {
    await start({}, journal({ verify: async function* verify() { yield { kind: 'result', ok: true, count: 9, head: 'abc', problem: null, checkpoint: 'Covers all of it.', tookMs: 12 } } }))
    writeFileSync(join(folder, 'checkpoint.json'), '{}')
    expect((await terminal('verify')).code).toBe(0)
    const kept = join(folder, 'checkpoint.unmet-12.json')
    writeFileSync(kept, '{}')
    const answer = await terminal('verify')
    expect(answer.code).toBe(3)
    expect(answer.out).toContain('The chain holds: 9 entries')
    expect(answer.out).toContain('1 CHECKPOINT WAS NOT MET')
    expect(answer.out).toContain(kept)
    expect(JSON.parse((await terminal('verify', '--json')).out)).toMatchObject({ ok: true, unmetCheckpoints: [kept] })
  })

  test('export writes a file of its own and never replaces one', async () => {
    await start(
      {},
      journal({
        async *export({ format }) {
          yield { kind: 'chunk', text: `${format} 1\n` }
          yield { kind: 'chunk', text: `${format} 2\n` }
          yield { kind: 'result', count: 2, checkpoint: { count: 2, head: 'abc', at: 0 }, fileName: 'x' }
        },
      }),
    )
    const file = join(folder, 'journal.csv')
    expect((await terminal('export', '--format', 'csv', '--out', file)).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('csv 1\ncsv 2\n')
    writeFileSync(file, 'mine')
    expect((await terminal('export', '--out', file)).code).toBe(1)
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect((await terminal('export', '--json')).code).toBe(2)
  })
})

describe('command line', () => {
  test.each([['no-such'], ['rollback'], ['rollback', 'a', 'b'], ['status', '--reason', 'x'], ['status', '--nonsense'], ['audit', '--limit', '0'], ['audit', '--since', 'someday'], ['audit', '--kind', 'x'], ['pause', 'checkout', '--timeout', '1e9']])(
    'not understood exits with 2: %j',
    async (...argv) => {
      await start()
      const answer = await terminal(...argv)
      expect(answer).toMatchObject({ code: 2, out: '' })
      expect(answer.error).toContain('Next step: signalbox --help')
    },
  )

  test('help names every command', async () => {
    await start()
    expect((await terminal('--help')).out).toContain('Exit codes')
    for (const command of Object.keys(COMMANDS)) expect(HELP).toMatch(new RegExp(`\\b${command}\\b`))
  })
})
