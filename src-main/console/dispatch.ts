import type { MetricSample } from '../contract/traffic.ts'
import { Fault } from '../contract/fault.ts'
import type { JournalDraft } from '../contract/journal.ts'
import type { Operator } from '../contract/release.ts'
import type { WatchItem } from '../contract/system.ts'
import type { Role } from '../contract/vocabulary.ts'
import type { MetricsStore } from '../core/ports.ts'
import type { Engine } from '../engine/engine.ts'
import type { Pairs } from '../providers/postgres/replication/pairs.ts'
import type { Providers } from '../providers/registry.ts'
import type { Broadcast } from '../rpc/broadcast.ts'
import type { CallContext, CoreApi } from '../rpc/core-api.ts'
import type { JournalReaderClient } from '../store/reader-client.ts'
import type { DataStore } from '../store/store.ts'
import { TRUST_ACTION } from '../workspace/trust.ts'
import type { Identity } from './identity.ts'
import { createJournalApi } from './journal-api.ts'
import type { Measuring } from './measuring.ts'
import type { Migrating } from './migrating.ts'
import type { Flagging } from './flagging.ts'
import { createFlagsApi } from './flags-api.ts'
import { createMigrationsApi } from './migrations-api.ts'
import { createPairsApi } from './pairs-api.ts'
import { testDeclaredWebhook } from './notifications/test-webhook.ts'
import type { Status } from './status.ts'
import { testLocalConnection } from './test-connection.ts'
import type { WorkspaceSession } from './workspace-session.ts'

/** The live window is read from the provider, second by second; what is older comes from the history. */
const LIVE_WINDOW_MS = 15 * 60_000

export interface DispatchParts {
  readonly identity: Identity
  readonly role: () => Role
  readonly session: WorkspaceSession
  readonly store: DataStore
  readonly reader: JournalReaderClient
  /** Null: this console keeps no history. */
  readonly metrics: MetricsStore | null
  readonly status: Status
  readonly broadcast: Broadcast<WatchItem>
  readonly providers: Providers
  readonly readOnlyReason: string | null
  /** Started, if it was not. */
  readonly engine: () => Engine
  readonly engineAsItIs: () => Engine
  /** What the workspace declares to be measured. */
  readonly measuring: () => Measuring
  readonly migrating: () => Migrating
  readonly flagging: () => Flagging
  readonly pairs: Pairs
  readonly note: (draft: Pick<JournalDraft, 'action' | 'summary' | 'evidence'> & Partial<JournalDraft>) => Promise<void>
  /** Starts the engine anew on what the workspace says now. */
  readonly rebuild: () => void
}

/** The contract's procedures, each one to three lines over engine, journal and workspace. */
export function createDispatch(parts: DispatchParts): CoreApi {
  const { identity, session, status, providers, note, engine } = parts
  const who = (context: CallContext): Operator => context.operator ?? identity.operator()

  /** For acts that change the console itself. Refusals are entries. */
  async function adminOnly(act: string): Promise<void> {
    if (parts.readOnlyReason !== null) throw new Fault('readOnly', parts.readOnlyReason, 'Use the console that controls this data folder.')
    if (parts.role() === 'admin') return
    const fault = new Fault('notAllowed', `Your role is ${parts.role()}; only an admin may ${act}.`, 'Ask an admin, or have your role changed in the workspace file.')
    await note({ kind: 'refusal', action: 'console.refused', summary: `Refused: ${act}`, reason: fault.message, outcome: 'refused', evidence: { code: fault.code } }).catch(() => {})
    throw fault
  }

  async function testWebhookNamed(name: string, operator: Operator) {
    if (parts.readOnlyReason !== null) throw new Fault('readOnly', parts.readOnlyReason, 'Use the console that controls this data folder.')
    if (parts.role() === 'viewer') throw new Fault('notAllowed', 'Your role is viewer, which reads and does nothing else.', 'Ask an operator or an admin to test it.')
    return testDeclaredWebhook(session.inForce, name, operator, note)
  }

  function serviceOrFault(name: string) {
    const view = engine().service(name)
    if (view) return view
    if (session.workspace && !session.trusted) throw new Fault('workspaceUntrusted', `${session.workspace.file} would run commands nobody has agreed to yet, so nothing of it was started.`, 'Look at the commands and trust them: in the console, or with `signalbox trust`.')
    throw new Fault('notFound', `The workspace has no service ${name}.`, `Choose one of: ${engine().services().map((service) => service.name).join(', ') || 'none are declared'}.`)
  }

  function releaseOrFault(id: string) {
    const view = engine().release(id)
    if (!view) throw new Fault('notFound', `There is no release ${id}.`, 'List the releases of the service.')
    return view
  }

  return {
    system: {
      status: async () => status.read(),
      watch: ({ metrics }, { signal }) => parts.broadcast.subscribe(signal, (item) => metrics || (item.kind !== 'metrics' && item.kind !== 'migrationSample')),
      async identify({ name, email }) {
        const before = identity.operator()
        identity.declare(name, email)
        await note({ action: 'operator.identified', summary: `${name} declared for ${before.id}`, before: { name: before.name, email: before.email }, after: { name, email }, evidence: null })
        status.changed()
        return status.read()
      },
      async testConnection({ provider }, context) {
        if (provider.startsWith('webhook:')) return { checks: await testWebhookNamed(provider.slice('webhook:'.length), who(context)) }
        if (provider.startsWith('metrics:')) return { checks: (await parts.measuring().source.check()).filter(({ name }) => name === provider.slice('metrics:'.length)) }
        if (provider.startsWith('database:')) return { checks: await parts.migrating().test(provider.slice('database:'.length)) }
        if (provider.startsWith('flags:')) return { checks: await parts.flagging().flags.test(provider.slice('flags:'.length)) }
        if (provider !== 'local') throw new Fault('notFound', `There is no provider ${provider}.`, 'Use local.')
        return { checks: await testLocalConnection(providers.local, parts.engineAsItIs().services()) }
      },
      async upgrade({ reason, operationId }, context) {
        await adminOnly('upgrade the router')
        const before = await providers.local.supervisorStatus()
        if (!before) throw new Fault('providerUnavailable', 'No supervisor is running, so there is nothing to upgrade.', 'The next start brings the new one.')
        const draft = { action: 'system.upgrade', operator: who(context), reason, operationId }
        await note({ ...draft, kind: 'intent', summary: 'Replace supervisor and router by those of this version, under live traffic', outcome: 'sent', evidence: { supervisor: before.pid, routers: before.routers.map(({ pid }) => pid) } })
        try {
          await providers.local.renew()
        } catch (error) {
          await note({ ...draft, kind: 'outcome', summary: `Not replaced: ${error instanceof Error ? error.message : String(error)}`, outcome: 'failed', evidence: null })
          throw error
        }
        const after = await providers.local.supervisorStatus()
        const renewed = { supervisor: after?.pid ?? 0, routers: (after?.routers ?? []).filter(({ retiring }) => !retiring).map(({ pid }) => pid) }
        await note({ ...draft, kind: 'outcome', summary: 'Supervisor and router are those of this version', outcome: 'verified', evidence: renewed })
        return renewed
      },
      async stopAll({ reason, operationId }, context) {
        await adminOnly('stop everything')
        const running = await providers.local.supervisorStatus()
        const names = [
          ...(running?.services ?? []).filter(({ environments }) => environments.blue.pid !== null || environments.green.pid !== null).map(({ name }) => name),
          ...(running?.practice ?? []).filter(({ pid }) => pid !== null).map(({ name }) => `practice database ${name}`),
          ...(running?.flagServers ?? []).filter(({ pid }) => pid !== null).map(({ name }) => `flag server ${name}`),
        ]
        await note({ kind: 'intent', action: 'system.stopAll', operator: who(context), summary: 'Stop every service, practice database, flag server, the router and the supervisor', reason, operationId, outcome: 'sent', evidence: { services: names } })
        parts.engineAsItIs().halt()
        await providers.local.stopAll()
        await note({ kind: 'outcome', action: 'system.stopAll', operator: who(context), summary: 'Everything is stopped; no service answers', operationId, outcome: 'verified', evidence: { services: names } })
        return { stopped: names }
      },
    },
    workspace: {
      get: async () => session.view(),
      async trust({ commandsDigest }, context) {
        await adminOnly('trust the workspace')
        const { workspace } = session
        if (!workspace) throw new Fault('workspaceInvalid', 'The workspace file has problems, so there is nothing to trust yet.', 'Correct the file first.')
        if (workspace.commandsDigest !== commandsDigest) throw new Fault('staleRevision', 'The commands have changed since you looked at them.', 'Look at them again.')
        await note({ action: TRUST_ACTION, operator: who(context), summary: `Trust the ${workspace.commands.length} commands of ${workspace.name}`, after: { commandsDigest, commands: workspace.commands.map((command) => ({ ...command })) }, evidence: { workspaceDigest: workspace.digest } })
        session.trust(commandsDigest)
        parts.rebuild()
        return session.view()
      },
      async reload(_input, context) {
        await adminOnly('reload the workspace')
        const before = { digest: session.workspace?.digest ?? '', roles: { ...session.workspace?.roles } }
        const changed = session.reload()
        const view = session.view()
        const summary = view.problems.length > 0 ? `Workspace file has ${view.problems.length} problems; the last valid one stays in force` : changed ? 'Workspace file read again' : 'Workspace file unchanged'
        await note({ action: 'workspace.reloaded', operator: who(context), summary, before, after: { digest: view.digest, roles: { ...session.workspace?.roles } }, evidence: null })
        if (changed) parts.rebuild()
        status.changed()
        return session.view()
      },
    },
    service: {
      list: async () => [...engine().services()],
      get: async ({ service }) => serviceOrFault(service),
      async startAgain(input, context) {
        serviceOrFault(input.service)
        return engine().startAgain(input, who(context))
      },
      async versions({ service }) {
        serviceOrFault(service)
        return [...(await providers.local.versions(service))]
      },
      async metrics({ service, fromAt, toAt }) {
        serviceOrFault(service)
        if (parts.metrics && fromAt < Date.now() - LIVE_WINDOW_MS) return parts.metrics.read(service, fromAt, toAt)
        const series = await providers.local.metrics(service, fromAt)
        // Screens draw percentiles; the histogram they come from is for judges.
        const upTo = (samples: readonly MetricSample[]) => samples.filter((sample) => sample.at <= toAt).map((sample) => ({ ...sample, latency: [] }))
        return { resolutionMs: 1000, series: { blue: upTo(series.blue), green: upTo(series.green) } }
      },
      async verdicts({ service, fromAt, toAt }) {
        serviceOrFault(service)
        return [...engine().verdicts(service, fromAt, toAt)]
      },
      async tryCriterion({ service, criterion, environment }) {
        serviceOrFault(service)
        return engine().tryCriterion(service, criterion, environment)
      },
      tailLogs({ service, environment, lines }, { signal }) {
        serviceOrFault(service)
        return providers.local.tailLogs(service, environment, lines, signal)
      },
    },
    release: {
      async create(input, context) {
        serviceOrFault(input.service)
        return engine().create(input, who(context))
      },
      command: (input, context) => engine().command(input, who(context)),
      explain: (input, context) => engine().explain(input.releaseId, input.reason, who(context), input.operationId),
      async foresee({ service, plan }) {
        serviceOrFault(service)
        return engine().foresee(service, plan)
      },
      get: async ({ releaseId }) => releaseOrFault(releaseId),
      list: async ({ service, limit }) => [...engine().releasesOf(service, limit)],
    },
    migration: createMigrationsApi(() => parts.migrating().migrations, who),
    flag: createFlagsApi(() => parts.flagging().flags, who),
    pair: createPairsApi({ pairs: parts.pairs, workspace: () => session.inForce, who, adminOnly, note }),
    journal: createJournalApi(parts.reader, {
      checkpoint: () => parts.store.checkpoint(),
      note: (action, summary, evidence) => (parts.readOnlyReason === null ? note({ action, summary, evidence }) : Promise.resolve()),
    }),
  }
}
