import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-problems-')))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** `line:column message => expected`, in the order of the file. */
function problemsOf(content: string, variables: Record<string, string> = {}): readonly string[] {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  const result = loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables })
  if (!('problems' in result)) return []
  return result.problems.map(({ place, message, expected }) => `${place.line}:${place.column} ${message} => ${expected}`.replaceAll(folder, 'FOLDER'))
}

/** One key more under a good service, on line 8 from column 5. */
const service = (lines: string) => `workspace: shop
tier: dev
services:
  checkout:
    run: node server.js
    versions: ./releases
    port: 8080
    ${lines}
`
const plan = (text: string) => service(`plan: {${text}}`)
const DURATION = 'a duration with its unit: 250ms, 90s, 5m, 1h30m'

describe('every problem has its place and says what is expected', () => {
  it.each<[title: string, content: string, problem: RegExp | string]>([
    // YAML
    ['an empty file', '', '1:1 the file is empty => at least `workspace: NAME`, `tier: dev` and `services:`'],
    ['only comments', '# nothing\n', '1:1 the file is empty => at least `workspace: NAME`, `tier: dev` and `services:`'],
    ['a list', '- a\n', '1:1 this is not a mapping => `key: value` lines, the first one usually `workspace: NAME`'],
    ['a word', 'hello\n', '1:1 this is not a mapping => `key: value` lines, the first one usually `workspace: NAME`'],
    ['a tab', 'services:\n\ta: 1\n', '2:1 a tab is used to indent => spaces: YAML does not allow tabs in indentation'],
    ['an open bracket', 'a: [1,\n', /^1:7 the indentation does not fit, or a bracket is not closed =>/],
    ['an open quote', 'a: "x\n', /^1:6 not YAML: Missing closing "quote =>/],
    ['a missing colon', 'workspace shop\ntier: dev\n', /^1:1 a key must stand on one line => `key: value`; perhaps a `:` is missing/],
    ['two documents', 'a: 1\n---\nb: 2\n', '2:1 a second document begins here => one document in the file: remove `---`'],
    ['an alias', 'a: &x 1\nb: *x\n', /^1:7 an anchor, `&x` => the value written out/],
    ['a tag', 'workspace: !!js/function x\n', '1:12 a tag, `!!js/function` => the value without a tag'],
    ['a reserved character', 'a: @x\n', '1:4 a value cannot begin with `@` => the value in quotes'],
    ['a nested value', 'a: b: c\n', /^1:4 a mapping begins where a value already stands =>/],
    // The workspace
    ['an unknown key', service('').replace('tier: dev', 'tier: dev\nidle_stop: 5m'), '3:1 unknown key `idle_stop` in the workspace => did you mean `idle-stop`? Keys here: workspace, tier, services, defaults, plans, roles, metrics, notify, databases, migrations, flags, idle-stop'],
    ['a tier that is none', service('').replace('tier: dev', 'tier: production'), '2:7 unknown value `production` => one of dev, staging, prod'],
    ['a missing tier', service('').replace('tier: dev\n', ''), '1:1 `tier` is missing in the workspace => `tier:` with one of dev, staging, prod'],
    ['a tier with no value', service('').replace('tier: dev', 'tier:'), '2:1 nothing where a value is needed => one of dev, staging, prod'],
    ['no services', 'workspace: shop\ntier: dev\n', '1:1 nothing to control => what is released, `services:` with at least one service; or `migrations:`, or `flags:`'],
    ['services that are a list', 'workspace: shop\ntier: dev\nservices:\n  - checkout\n', '4:3 a list where services are needed => a mapping: `name: value` lines'],
    ['empty services', 'workspace: shop\ntier: dev\nservices: {}\n', '1:1 nothing to control => what is released, `services:` with at least one service; or `migrations:`, or `flags:`'],
    ['a service that is nothing', 'workspace: shop\ntier: dev\nservices:\n  checkout:\n', '4:3 nothing where a service is needed => a mapping, with at least `run` and `versions` for the local provider'],
    ['a service name that is none', 'workspace: shop\ntier: dev\nservices:\n  "check out": {run: x, versions: ./releases}\n', /^4:3 `check out` cannot be a name here => a name of letters/],
    ['plans that are a list', service('').replace('tier: dev', 'tier: dev\nplans: []'), '3:8 a list where a mapping is needed => `key: value` lines; leave the key out when there are none'],
    ['defaults that are nothing', service('').replace('tier: dev', 'tier: dev\ndefaults:'), '3:1 nothing where a mapping is needed => `key: value` lines; leave the key out when there are none'],
    ['a role that is none', service('').replace('tier: dev', 'tier: dev\nroles: {ada: root}'), '3:14 unknown value `root` => one of viewer, operator, admin'],
    // A service
    ['an unknown key of a service', service('reddy: /'), /^8:5 unknown key `reddy` in service `checkout` => did you mean `ready`\? Keys here: provider, plan/],
    ['a plan’s key in a service', service('bake: 5m'), /^8:5 unknown key `bake` in service `checkout` => `bake` belongs under `plan`\./],
    ['a key twice', service('port: 8081'), '8:5 `port` is given twice; the first is on line 7 => each key once'],
    ['an unknown provider', service('provider: locla'), '8:15 unknown value `locla` => one of local; did you mean `local`?'],
    ['a missing command', service('').replace('    run: node server.js\n', ''), /^4:3 `run` is missing in service `checkout` => the command that starts it/],
    ['missing versions', service('').replace('    versions: ./releases\n', ''), /^4:3 `versions` is missing => where versions are/],
    ['a folder that is not there', service('folder: ./relases/${version}'), '8:13 there is no folder FOLDER/relases => a folder that exists: absolute, or from where this file is'],
    ['a versions folder that is not there', service('').replace('./releases', './relases'), '6:15 there is no folder FOLDER/relases => a folder that exists: absolute, or from where this file is'],
    ['a home folder', service('folder: ~/shop'), '8:13 `~/shop`: `~` is not replaced => an absolute path, or one from where this file is'],
    ['an unknown template in a folder', service('folder: ./${VERSION}'), '8:13 `${VERSION}` is not replaced here => one of ${version}, ${environment}'],
    ['a misspelt template in a command', service('').replace('server.js', 'server.js ${verison}'), '5:10 `${verison}` is not replaced => did you mean `${version}`?'],
    ['a secret in a command', service('').replace('server.js', 'server.js ${env:KEY}'), /^5:10 `\$\{env:KEY\}` in a command => the reference as a value under `env`/],
    ['a first version that is not there', service('initial: 1.9.0'), '8:14 there is no version `1.9.0` in FOLDER/releases => the name of a folder in it'],
    ['a port that is a word', service('').replace('8080', 'http'), '7:11 `http` is not a whole number => a port from 1 to 65535, or 0 to have one picked'],
    ['a port out of range', service('').replace('8080', '80800'), '7:11 80800 is out of range => a port from 1 to 65535, or 0 to have one picked'],
    ['the port of another service', `${service('')}  search: {run: x, versions: ./releases, port: 8080}\n`, '9:48 port 8080 is taken by service `checkout` on line 7 => a port of its own for each address, or 0 to have one picked'],
    ['the preview on the live port', service('preview: 8080'), '8:14 port 8080 is taken by this service on line 7 => a port of its own for each address, or 0 to have one picked'],
    ['a readiness path without slash', service('ready: healthz'), '8:12 `healthz` does not fit => a path as `/healthz`, or `tcp`'],
    ['a readiness of two kinds', service('ready: {get: /, tcp: true}'), '8:5 `ready` with both `get` and `tcp` => exactly one of `get: /path` and `tcp: true`'],
    ['a variable that is a list', service('env: {A: [1]}'), '8:14 a list where a value is needed => a text; `""` for an empty one'],
    ['a variable with no value', service('env: {A: }'), '8:11 nothing where a value is needed => a text; `""` for an empty one'],
    ['a variable name that is none', service('env: {A-B: 1}'), '8:11 `A-B` cannot be a name here => a variable name: letters, digits and underscores'],
    ['a variable that is not set', service('env: {A: "${env:NOT_SET}"}'), '8:14 the variable NOT_SET is not set => NOT_SET in the environment Signalbox is started in'],
    ['a shell’s variable', service('env: {A: "${HOME}"}'), '8:14 `${HOME}` is not replaced in a variable => one of ${version}, ${environment}, ${port}, ${env:NAME}'],
    ['a secret', service('env: {API_TOKEN: hunter2}'), '8:22 `API_TOKEN` holds a secret in the file => a reference: `API_TOKEN: ${env:API_TOKEN}`, with the value in the environment Signalbox runs in'],
    ['a size without unit', service('memory-limit: 64'), '8:19 `64` has no unit => a size with its unit; perhaps 64MiB'],
    ['what only the provider’s schema refuses', service('memory-limit: 0B'), /^8:19 memoryLimitBytes: Too small.* => what docs\/workspace.md says of this key$/],
    ['data of no kind', service('data: both'), '8:11 unknown value `both` => one of shared'],
    ['a sync with nothing', service('data: {per-environment: {sync: {}}}'), '8:36 `sync` without a source => exactly one of `url: ADDRESS`, `run: COMMAND` and `postgres: {blue: DATABASE, green: DATABASE}`'],
    ['a sync with two sources', service('data: {per-environment: {sync: {run: ./lag.sh, url: http://127.0.0.1:1/}}}'), '8:36 `sync` with 2 sources => exactly one of `url: ADDRESS`, `run: COMMAND` and `postgres: {blue: DATABASE, green: DATABASE}`'],
    ['a pair with an unknown database', service('plan: {steps: [100]}\n    data: {per-environment: {sync: {postgres: {blue: shop_bleu, green: shop_green}}}}\ndatabases: {shop_blue: {practice: true}, shop_green: {practice: true}}'), '9:54 there is no database `shop_bleu` => did you mean `shop_blue`?'],
    ['a pair of one', service('plan: {steps: [100]}\n    data: {per-environment: {sync: {postgres: {blue: shop, green: shop}}}}\ndatabases: {shop: {practice: true}}'), '9:67 blue and green with the same database => a database each'],
    ['a pair without green', service('plan: {steps: [100]}\n    data: {per-environment: {sync: {postgres: {blue: shop}}}}\ndatabases: {shop: {practice: true}}'), '9:37 `green` is missing in `postgres` => `green:` with the name of a database under `databases`'],
    ['a pair switched in parts', service('plan: {steps: [{weight: 25, hold: 1m}, 100]}\n    data: {per-environment: {sync: {postgres: {blue: b, green: g}}}}\ndatabases: {b: {practice: true}, g: {practice: true}}'), '8:19 steps below 100 % with a database each => one step: `steps: [100]`. One of the two databases takes the writes, so traffic goes over at once'],
    // A plan
    ['an unknown plan', `plans: {careful: {bake: 1m}}\n${service('plan: carefull')}`, '9:11 there is no plan `carefull` => did you mean `careful`?'],
    ['a plan’s unknown key', plan('rollbackWindow: 5m'), /^8:12 unknown key `rollbackWindow` in a plan => did you mean `rollback-window`\?/],
    ['a wrong plan nobody uses', `plans: {careful: {bake: 1}}\n${service('')}`, `1:25 \`1\` has no unit => ${DURATION}; perhaps 1s`],
    ['a duration without unit', plan('bake: 90'), `8:18 \`90\` has no unit => ${DURATION}; perhaps 90s`],
    ['a duration that is none', plan('bake: soon'), `8:18 \`soon\` is not a duration => ${DURATION}`],
    ['a duration out of range', plan('bake: 31d'), '8:18 `31d` is out of range => a duration from 0s to 30d'],
    ['weights that fall', plan('steps: [50, 25, 100]'), '8:24 weight 25 follows weight 50 => weights that grow from step to step'],
    ['weights that end early', plan('steps: [10, 50%]'), '8:24 the last step has weight 50 => a last step with weight 100'],
    ['a weight beyond all', plan('steps: [101]'), '8:20 `101` is out of range => a weight in whole percent from 1 to 100: 25 or 25%'],
    ['a weight of nothing', plan('steps: [0, 100]'), '8:20 `0` is out of range => a weight in whole percent from 1 to 100: 25 or 25%'],
    ['half a percent', plan('steps: [0.5%, 100]'), '8:20 `0.5%` is out of range => a weight in whole percent from 1 to 100: 25 or 25%'],
    ['a broken percent', plan('steps: [12.5, 100]'), '8:20 `12.5` is not whole => a weight in whole percent from 1 to 100: 25 or 25%'],
    ['no steps', plan('steps: []'), '8:19 an empty list => at least 1 of steps'],
    ['steps that are none', plan('steps: 100'), '8:19 `100` where a list of steps is needed => a list: lines that begin with `- `'],
    ['a step without weight', plan('steps: [{hold: manual}, 100]'), '8:20 `weight` is missing in a step => the candidate’s share of live requests: `weight: 25`'],
    ['a hold that is none', plan('steps: [{weight: 5, hold: manuel}, 100]'), '8:38 `manuel` is not a hold => `manual` (a person promotes), a duration as 30s, or `{analysis: 1m}`; did you mean `manual`?'],
    ['a hold without unit', plan('steps: [{weight: 5, hold: 30}, 100]'), `8:38 \`30\` has no unit => ${DURATION}; perhaps 30s`],
    ['a hold at the end', plan('steps: [{weight: 100, hold: 5m}]'), '8:40 the step with weight 100 has a hold => no hold at 100: `bake` says how long to watch before the release is done'],
    ['a smoke test of two kinds', plan('smoke: [{get: /, run: x}]'), '8:20 a smoke test with `get` and `run` => exactly one of `get: /path`, `head: /path`, `post: /path`, `run: command`'],
    ['a smoke test of no kind', plan('smoke: [{status: 200}]'), '8:20 a smoke test that asks nothing => exactly one of `get: /path`, `head: /path`, `post: /path`, `run: command`'],
    ['a status beside a command', plan('smoke: [{run: x, status: 200}]'), '8:37 `status` beside `run` => only `name` and `timeout` beside `run`; the command itself decides'],
    ['a metric that is none', plan('criteria: [{metric: error ratio, limit: 1%}]'), '8:32 unknown value `error ratio` => one of error-ratio, latency, p50, p95, p99, cpu, memory, in-flight, restarts; did you mean `error-ratio`?'],
    ['a ratio without sign', plan('criteria: [{metric: error-ratio, limit: 0.01}]'), '8:52 `0.01` has no unit => a percentage with its sign, as `0.01%`'],
    ['a latency without unit', plan('criteria: [{metric: p99, limit: 400}]'), `8:44 \`400\` has no unit => ${DURATION}; perhaps 400ms`],
    ['a lease that is too short', plan('lease: {ttl: 10ms}'), '8:25 `10ms` is out of range => a duration from 1s to 1h'],
    ['a key that cannot be shared', `defaults: {port: 1}\n${service('')}`, /^1:12 unknown key `port` in `defaults` => `port` belongs to one service\./],
  ])('%s', (_title, content, problem) => {
    const found = problemsOf(content)
    if (typeof problem === 'string') expect(found[0]).toBe(problem)
    else expect(found[0]).toMatch(problem)
  })

  it('all of them at once, in the order of the file, each once', () => {
    const found = problemsOf(`workspace: shop
tier: prd
defaults:
  env: {A: "\${HOME}"}
services:
  a:
    run: x
    versions: ./nowhere
    port: 80
  b:
    run: x
    versions: ./releases
    port: 80
    plan: {bake: 5, steps: [5]}
`)
    expect(found.map((problem) => problem.split(' ')[0])).toEqual(['2:7', '4:12', '8:15', '13:11', '14:18', '14:29'])
  })

  it('never repeats a secret', () => {
    expect(problemsOf(service('env: {DB_PASSWORD: hunter2, APIKEY: hunter2, X_SECRET: "hunter2"}')).join('\n')).not.toContain('hunter2')
    expect(problemsOf(service('env: {DB_PASSWORD: "", TOKEN_URL: http://x, PASSWORD_FILE: /run/x}'))).toEqual([])
  })

  it('stops at a hundred, and says so', () => {
    const found = problemsOf(service(Array.from({ length: 300 }, (_, n) => `unknown-${n}: x`).join('\n    ')))
    expect(found).toHaveLength(101)
    expect(found.at(-1)).toMatch(/^108:5 200 more problems from here on => mend the ones above first/)
  })
})
