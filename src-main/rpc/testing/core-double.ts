import { contract } from '../../contract/contract.ts'
import { Fault } from '../../contract/fault.ts'
import type { SystemStatus } from '../../contract/system.ts'
import type { ComposeCore, CoreApi } from '../core-api.ts'

type Overrides = { readonly [Noun in keyof CoreApi]?: Partial<CoreApi[Noun]> }

/** A core that can do what the overrides say and refuses the rest. */
export function coreDouble(overrides: Overrides): CoreApi {
  const refuse = () => Promise.reject(new Fault('unsupported', 'The double does not do this.', 'Override it.'))
  const nouns = Object.entries(contract).map(([noun, verbs]) => [
    noun,
    { ...Object.fromEntries(Object.keys(verbs).map((verb) => [verb, refuse])), ...(overrides as Record<string, object>)[noun] },
  ])
  return Object.fromEntries(nouns) as CoreApi
}

export const statusDouble: SystemStatus = {
  protocol: 1,
  appVersion: '0.0.0-double',
  host: 'web',
  mode: 'control',
  modeReason: '',
  operator: { id: 'ana@box', name: 'Ana', email: '', known: 'osUser' },
  role: 'admin',
  identityNeeded: false,
  workspace: { name: 'double', tier: 'dev', file: '/double.yaml', digest: '', demo: false, problems: [], commands: [], commandsDigest: '', trusted: true, connections: [], text: '' },
  journal: { count: 0, head: '', writable: true, problem: '' },
  providers: [],
  dataFolder: '/double',
  startedAt: 0,
  now: 0,
}

/** How many streams of the conformance double are open in this thread; told by `journal.checkpoint().count`. */
let openStreams = 0

/** What the conformance suite asks of every transport, in one core. */
export const composeConformanceDouble: ComposeCore = () =>
  Promise.resolve({
    dispatch: coreDouble({
      system: {
        status: () => Promise.resolve(statusDouble),
        async *watch(_input, { signal }) {
          openStreams += 1
          try {
            for (let i = 0; !signal.aborted; i += 1) {
              yield { kind: 'resync', reason: String(i) }
              await new Promise((resolve) => setTimeout(resolve, 5))
            }
          } finally {
            openStreams -= 1
          }
        },
        identify: ({ name }) => Promise.resolve({ ...statusDouble, operator: { ...statusDouble.operator, name } }),
      },
      workspace: {
        // An unexpected error, with something in it that must not cross.
        get: () => Promise.reject(new Error('SECRET-IN-MESSAGE')),
        // An output that breaks the contract.
        reload: () => Promise.resolve({ name: 'half a view' } as never),
        // Never answers by itself.
        trust: (_input, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('gave up')))),
      },
      service: {
        get: ({ service }) => Promise.reject(new Fault('notFound', `No service ${service}.`, 'Look at the list.', { place: { file: 'a.yaml', line: 3, column: 5 } })),
        // As many lines as asked for, then silence that only the signal ends; 13 breaks it.
        async *tailLogs(input, { signal }) {
          openStreams += 1
          try {
            for (let i = 0; i < input.lines; i += 1) yield { at: i, stream: 'stdout', text: `line ${i}` }
            if (input.lines === 13) throw new Fault('providerUnavailable', 'The log went away.', 'Ask again.')
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          } finally {
            openStreams -= 1
          }
        },
      },
      journal: {
        checkpoint: () => Promise.resolve({ count: openStreams, head: '', at: 0 }),
        // Megabytes, in chunks.
        async *export() {
          for (let i = 0; i < 64; i += 1) yield { kind: 'chunk', text: String(i % 10).repeat(64 * 1024) }
        },
      },
    }),
    close: () => Promise.resolve(),
  })
