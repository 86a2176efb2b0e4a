import type { SystemStatus, WatchItem } from '../contract/system.ts'
import { PROTOCOL_VERSION } from '../contract/wire.ts'
import type { ServiceView } from '../contract/service.ts'
import type { Role } from '../contract/vocabulary.ts'
import type { WorkspaceView } from '../contract/workspace.ts'
import type { ComposeOptions } from '../rpc/core-api.ts'
import type { DataStore } from '../store/store.ts'
import type { Identity } from './identity.ts'
import { APP_VERSION } from './version.ts'
import type { WorkspaceSession } from './workspace-session.ts'

const BEAT_MS = 2000

export interface StatusParts {
  readonly options: ComposeOptions
  readonly identity: Identity
  readonly role: () => Role
  readonly session: WorkspaceSession
  readonly store: DataStore
  /** Why this console only reads, or null. */
  readonly reason: string | null
  readonly services: () => readonly ServiceView[]
  readonly publish: (item: WatchItem) => void
}

/** The file's text travels with every status only while it has problems to point at. */
function workspaceForStatus(view: WorkspaceView): WorkspaceView {
  return view.problems.length > 0 ? view : { ...view, text: '' }
}

/** The state of the console itself, published when it changes and at every beat, so that a client sees that it lives. */
export function createStatus(parts: StatusParts) {
  const { options, identity, session, store, reason } = parts
  const startedAt = Date.now()
  let queued = false

  function read(): SystemStatus {
    const problem = store.problem()
    const { count, head } = store.checkpoint()
    return {
      protocol: PROTOCOL_VERSION,
      appVersion: APP_VERSION,
      host: options.host,
      mode: reason === null ? 'control' : 'readOnly',
      modeReason: reason ?? '',
      operator: identity.operator(),
      role: parts.role(),
      identityNeeded: identity.needed(),
      workspace: workspaceForStatus(session.view()),
      journal: { count, head, writable: problem === '', problem },
      providers: providerStates(),
      dataFolder: options.dataFolder,
      startedAt,
      now: Date.now(),
    }
  }

  function providerStates(): SystemStatus['providers'] {
    const byName = new Map<string, { ok: boolean; detail: string; lastAnswerAt: number | null }>()
    for (const service of parts.services()) {
      const state = byName.get(service.provider) ?? { ok: true, detail: '', lastAnswerAt: null }
      if (service.observed.kind === 'known') byName.set(service.provider, { ...state, lastAnswerAt: Math.max(state.lastAnswerAt ?? 0, service.observed.observedAt) })
      else byName.set(service.provider, { ...state, ok: false, detail: service.observed.why })
    }
    return [...byName].map(([name, state]) => ({ name, ...state }))
  }

  const publishNow = () => {
    queued = false
    parts.publish({ kind: 'status', status: read() })
  }
  const beat = setInterval(publishNow, BEAT_MS)
  beat.unref()

  return {
    read,
    /** Publishes soon, once for many changes. */
    changed(): void {
      if (queued) return
      queued = true
      setImmediate(publishNow)
    },
    stop: () => clearInterval(beat),
  }
}
export type Status = ReturnType<typeof createStatus>
