import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localSettingsSchema } from '../providers/local/config.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'
import type { WorkspaceLoad } from './load.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-workspace-')))
  for (const version of ['1.8.0', '1.10']) mkdirSync(join(folder, 'releases', version), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(content: string | Buffer, variables: Record<string, string> = {}): WorkspaceLoad {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables })
}

function workspaceOf(content: string, variables: Record<string, string> = {}) {
  const result = load(content, variables)
  if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 1))
  return result.workspace
}

/** `line:column message => expected`, as a person would read them. */
function problemsOf(content: string | Buffer, variables: Record<string, string> = {}): readonly string[] {
  const result = load(content, variables)
  if (!('problems' in result)) return []
  return result.problems.map(({ place, message, expected }) => `${place.line}:${place.column} ${message} => ${expected}`)
}

const TEN_LINES = `workspace: shop
tier: dev
services:
  checkout:
    run: node server.js          # PORT and VERSION are in its environment
    folder: ./releases/\${version}
    versions: ./releases
    port: 8080
    ready: /healthz
`

/** A file whose services differ from a good one in one line under \`checkout\`, which is line 8. */
const withLine = (line: string) => `workspace: shop
tier: dev
services:
  checkout:
    run: node server.js
    versions: ./releases
    port: 8080
    ${line}
`

describe('a good file', () => {
  it('needs no more than ten lines for a service', () => {
    const workspace = workspaceOf(TEN_LINES)
    expect(workspace).toMatchObject({ name: 'shop', tier: 'dev', roles: {}, demo: false, idleStopMs: null })
    expect(workspace.services).toHaveLength(1)
    expect(workspace.services[0]).toMatchObject({ name: 'checkout', provider: 'local', data: { kind: 'shared' }, initialVersion: null })
    expect(workspace.services[0]?.plan.steps.map((step) => step.weightPercent)).toEqual([10, 50, 100])
    const settings = localSettingsSchema.parse(workspace.services[0]?.settings)
    expect(settings).toMatchObject({
      folder: join(folder, 'releases/${version}'),
      versions: { kind: 'folder', path: join(folder, 'releases') },
      address: { host: '127.0.0.1', port: 8080 },
      preview: { port: 0 },
      ready: { kind: 'http', path: '/healthz', expectStatus: null },
      drainMs: workspace.services[0]?.plan.drainMs,
    })
  })

  it('says everything a plan can say', () => {
    const plan = workspaceOf(`workspace: shop
tier: prod
services:
  checkout:
    run: node server.js
    versions: ./releases
    plan:
      steps:
        - {weight: 10, hold: 30s}
        - {weight: 25%, hold: manual}
        - {weight: 50, hold: {analysis: 1m}}
        - {weight: 100, approvals: 1}
      smoke:
        - {get: /health, status: 204, body: ok, header: {X-Cache: y}, within: 300ms, times: 5}
        - {run: ./smoke.sh, timeout: 90s}
        - /plain
      criteria:
        - {metric: error-ratio, limit: 0.5%, window: 30s, min-requests: 10, consecutive: 2}
        - {metric: p99, limit: 400ms}
      bake: 5m
      drain: 10s
      rollback-window: 1h30m
      lease: {ttl: 20s, on-expiry: revert}
`).services[0]?.plan
    expect(plan).toEqual({
      steps: [
        { weightPercent: 10, hold: { kind: 'timed', ms: 30_000 }, approvals: 0 },
        { weightPercent: 25, hold: { kind: 'manual' }, approvals: 0 },
        { weightPercent: 50, hold: { kind: 'analysis', ms: 60_000 }, approvals: 0 },
        { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 1 },
      ],
      gates: [
        { kind: 'http', name: 'GET /health', method: 'GET', path: '/health', expectStatus: 204, expectBody: 'ok', expectHeaders: { 'x-cache': 'y' }, maxLatencyMs: 300, timeoutMs: 5000, times: 5 },
        { kind: 'command', name: './smoke.sh', command: './smoke.sh', timeoutMs: 90_000 },
        { kind: 'http', name: 'GET /plain', method: 'GET', path: '/plain', expectStatus: 200, expectBody: null, expectHeaders: {}, maxLatencyMs: null, timeoutMs: 5000, times: 1 },
      ],
      criteria: [
        { name: 'Error ratio', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.005, harm: 'above', windowMs: 30_000, minRequests: 10, consecutive: 2 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } },
        { name: 'Latency p99', metric: { source: 'router', of: 'latency', quantile: 'p99' }, judge: { kind: 'threshold', limit: 400, harm: 'above', windowMs: 30_000, minRequests: 20, consecutive: 3 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } },
      ],
      bakeMs: 300_000,
      drainMs: 10_000,
      rollbackWindowMs: 5_400_000,
      lease: { ttlMs: 20_000, onExpiry: 'revert' },
    })
  })

  it('says everything a local service can say', () => {
    const { services, roles, idleStopMs } = workspaceOf(
      `workspace: shop
tier: staging
idle-stop: 10m
roles: {ada: admin, eve@example.com: viewer}
services:
  checkout:
    provider: local
    run: ./serve --port \${port} \${version}
    folder: .
    versions: [1.10, 1.9]
    initial: 1.10
    port: 8080
    host: 0.0.0.0
    preview: 8081
    ready: {get: /up, status: 204, within: 1m, every: 100ms}
    live: {every: 5s, timeout: 1s, failures: 5}
    env: {MODE: no, LEVEL: 08, EMPTY: "", DB_PASSWORD: "\${env:DB_PASSWORD}", SIDE: "\${environment}-\${version}"}
    blue: {env: {COLOUR: b}}
    green: {env: {COLOUR: g}}
    sticky: {cookie: side, for: 2h}
    stop-grace: 20s
    restart: {max: 2, window: 30s, pause: 1s, longest-pause: 8s}
    timeouts: {connect: 1s, headers: 30s, idle: 1m}
    on-live-death: switch
    memory-limit: 512MiB
    data: {per-environment: {sync: {run: ./lag.sh}, max-lag: 1500ms}}
`,
      { DB_PASSWORD: 'hunter2' },
    )
    expect({ roles, idleStopMs }).toEqual({ roles: { ada: 'admin', 'eve@example.com': 'viewer' }, idleStopMs: 600_000 })
    expect(services[0]).toMatchObject({ initialVersion: '1.10', data: { kind: 'perEnvironment', sync: { url: null, command: './lag.sh' }, maxLagMs: 1500 } })
    expect(services[0]?.settings).toEqual({
      run: './serve --port ${port} ${version}',
      folder,
      env: { MODE: 'no', LEVEL: '08', EMPTY: '', DB_PASSWORD: '${env:DB_PASSWORD}', SIDE: '${environment}-${version}' },
      envBlue: { COLOUR: 'b' },
      envGreen: { COLOUR: 'g' },
      databases: {},
      flags: {},
      address: { host: '0.0.0.0', port: 8080 },
      preview: { host: '127.0.0.1', port: 8081 },
      ready: { kind: 'http', path: '/up', expectStatus: 204, timeoutMs: 60_000, intervalMs: 100 },
      live: { intervalMs: 5000, timeoutMs: 1000, failures: 5 },
      stopGraceMs: 20_000,
      drainMs: 30_000,
      restart: { maxInWindow: 2, windowMs: 30_000, backoffMs: 1000, maxBackoffMs: 8000 },
      sticky: { cookie: 'side', ttlMs: 7_200_000 },
      versions: { kind: 'list', versions: ['1.10', '1.9'] },
      timeouts: { connectMs: 1000, headersMs: 30_000, idleMs: 60_000 },
      onLiveDeath: 'switch',
      memoryLimitBytes: 512 * 1024 * 1024,
    })
  })

  it('lays defaults and named plans under each service', () => {
    const { services } = workspaceOf(`workspace: shop
tier: dev
defaults:
  run: node server.js
  versions: ./releases
  env: {LEVEL: info, MODE: shop}
  plan: {bake: 1m, lease: {ttl: 10s}, smoke: [/health]}
plans:
  careful:
    steps: [{weight: 1, hold: manual}, 100]
    lease: {on-expiry: revert}
services:
  a: {env: {LEVEL: debug}}
  b: {plan: careful}
  c: {plan: {bake: 2m}}
`)
    const [a, b, c] = services
    expect(a?.settings).toMatchObject({ run: 'node server.js', env: { LEVEL: 'debug', MODE: 'shop' } })
    expect(a?.plan).toMatchObject({ bakeMs: 60_000, lease: { ttlMs: 10_000, onExpiry: 'hold' } })
    expect(b?.plan.steps.map((step) => step.weightPercent)).toEqual([1, 100])
    expect(b?.plan).toMatchObject({ bakeMs: 60_000, lease: { ttlMs: 10_000, onExpiry: 'revert' } })
    expect(c?.plan).toMatchObject({ bakeMs: 120_000, lease: { ttlMs: 10_000 } })
    expect(c?.plan.gates).toHaveLength(1)
  })

  it('finds versions from a folder that ends with ${version}, and the folder from versions', () => {
    const [fromFolder, fromVersions] = workspaceOf(`workspace: shop
tier: dev
services:
  a: {run: x, folder: "./releases/\${version}"}
  b: {run: x, versions: ./releases}
`).services.map(({ settings }) => localSettingsSchema.parse(settings))
    expect(fromFolder?.versions).toEqual({ kind: 'folder', path: join(folder, 'releases') })
    expect(fromVersions?.folder).toBe(join(folder, 'releases/${version}'))
  })

  it('keeps no value of a referenced variable', () => {
    const file = withLine('env: {DB_PASSWORD: "${env:DB_PASSWORD}"}')
    expect(JSON.stringify(load(file, { DB_PASSWORD: 'hunter2' }))).not.toContain('hunter2')
    expect(problemsOf(file)).toHaveLength(1)
  })

  it('is the demo only when it is the shipped file', () => {
    const file = join(folder, 'demo.yaml')
    writeFileSync(file, TEN_LINES)
    symlinkSync(file, join(folder, 'link.yaml'))
    const other = join(folder, 'other.yaml')
    writeFileSync(other, TEN_LINES)
    const isDemo = (path: string) => {
      const result = loadWorkspace(path, { providers: { local: localWorkspaceShape }, demoFile: file })
      return 'workspace' in result && result.workspace.demo
    }
    expect([file, join(folder, 'link.yaml'), other].map(isDemo)).toEqual([true, true, false])
  })

  it('takes a thousand services, and no longer than a blink', () => {
    const services = Array.from({ length: 1000 }, (_, n) => `  service-${n}: {run: node server.js, versions: ./releases, port: ${2000 + n}, plan: {bake: 1m}}`)
    expect(workspaceOf(`workspace: shop\ntier: dev\nservices:\n${services.join('\n')}\n`).services).toHaveLength(1000)
  })
})

describe('what is no text', () => {
  const only = (path: string) => {
    const result = loadWorkspace(path, { providers: { local: localWorkspaceShape } })
    return 'problems' in result ? result.problems.map(({ place, message }) => `${place.line}:${place.column} ${message}`) : []
  }

  it('is told apart', () => {
    expect(only(join(folder, 'nowhere.yaml'))).toEqual(['1:1 there is no such file'])
    expect(only(folder)).toEqual(['1:1 this is a folder'])
    const huge = join(folder, 'huge.yaml')
    writeFileSync(huge, '')
    truncateSync(huge, 3_000_000)
    expect(only(huge)).toEqual(['1:1 the file has 3.0 MB'])
    const loop = join(folder, 'loop.yaml')
    symlinkSync(loop, loop)
    expect(only(loop)).toEqual(['1:1 the path is a circle of links'])
    const pipe = join(folder, 'pipe.yaml')
    execFileSync('mkfifo', [pipe])
    expect(only(pipe)).toEqual(['1:1 this is not a regular file'])
  })

  it('is located', () => {
    expect(problemsOf(Buffer.from('workspace: shop\ntier: \u0000dev\n'))).toEqual(['2:7 a control character (0x00): this is not a text file => a YAML file in UTF-8'])
    expect(problemsOf(Buffer.from([0x61, 0x3a, 0x0a, 0x62, 0xff, 0x62]))).toEqual(['2:2 these bytes are not text (not UTF-8) => a YAML file in UTF-8'])
    expect(problemsOf(Buffer.from('\uFEFFa: 1', 'utf16le'))).toEqual(['1:1 the file is encoded as UTF-16 => UTF-8: save it again with that encoding'])
  })

  it('does not mind a byte order mark or Windows line ends', () => {
    expect(workspaceOf(`\uFEFF${TEN_LINES.replaceAll('\n', '\r\n')}`).name).toBe('shop')
    expect(problemsOf('\uFEFFworkspcae: shop\r\ntier: dev\r\nservices: {a: {run: x, versions: ./releases}}\r\n')[0]).toMatch(/^1:1 unknown key `workspcae`/)
  })
})

describe('what it would run', () => {
  it('is every command, with its variables and its folder', () => {
    const { commands } = workspaceOf(
      `workspace: shop
tier: dev
services:
  checkout:
    run: node server.js \${port}
    folder: ./releases/\${version}
    versions: {run: ls}
    env: {LEVEL: info, TEXT: "it's", KEY: "\${env:KEY}"}
    green: {env: {LEVEL: debug}}
    data: {per-environment: {sync: {run: ./lag.sh}}}
    plan: {smoke: [/health, {name: buys, run: ./smoke.sh}]}
`,
      { KEY: 'hunter2' },
    )
    const at = (path: string) => join(folder, path)
    expect(commands).toEqual([
      { service: 'checkout', purpose: 'run in blue', command: `KEY='\${env:KEY}' LEVEL=info TEXT='it'\\''s' node server.js \${port}`, folder: at('releases/${version}') },
      { service: 'checkout', purpose: 'run in green', command: `KEY='\${env:KEY}' LEVEL=debug TEXT='it'\\''s' node server.js \${port}`, folder: at('releases/${version}') },
      { service: 'checkout', purpose: 'list versions', command: 'ls', folder: at('releases') },
      { service: 'checkout', purpose: 'smoke test “buys”', command: './smoke.sh', folder },
      { service: 'checkout', purpose: 'how far its data is behind', command: './lag.sh', folder },
    ])
  })

  it('has a digest that changes with a variable, and not with a plan', () => {
    const digestOf = (line: string) => workspaceOf(withLine(line)).commandsDigest
    expect(digestOf('env: {A: "1"}')).not.toBe(digestOf('env: {A: "2"}'))
    expect(digestOf('plan: {bake: 1m}')).toBe(digestOf('plan: {bake: 2m}'))
  })
})
