import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../contract/fault.ts'
import type { JournalDraft } from '../contract/journal.ts'
import type { WatchItem } from '../contract/system.ts'
import { batchOf } from '../engine/ledger.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { createDataSync } from '../gates/data-sync.ts'
import { createGateRunner } from '../gates/gate-runner.ts'
import { createRehearse, openDatabase, urlOf } from '../providers/postgres/open-database.ts'
import { openPairs } from '../providers/postgres/replication/pairs.ts'
import { openProviders } from '../providers/registry.ts'
import type { ComposeOptions, Core } from '../rpc/core-api.ts'
import { createWatchBroadcast } from '../rpc/watch.ts'
import { dataFolderFiles } from '../store/data-folder.ts'
import { openMetricsStore } from '../store/metrics-store.ts'
import { openReaderClient } from '../store/reader-client.ts'
import { type DataStore, openStore } from '../store/store.ts'
import { TRUST_ACTION, trustedDigests } from '../workspace/trust.ts'
import { createDispatch } from './dispatch.ts'
import { openIdentity } from './identity.ts'
import { openNotifier } from './notifications/open-notifier.ts'
import { createMeasuring } from './measuring.ts'
import { createFlagging, type Flagging } from './flagging.ts'
import { createMigrating, type Migrating, rehearsedBefore } from './migrating.ts'
import { createStatus } from './status.ts'
import { SYSTEM_CLOCK, SYSTEM_IDS } from './system-ports.ts'
import { unreadableJournal } from './unreadable-journal.ts'
import { APP_VERSION } from './version.ts'
import { openWorkspaceSession } from './workspace-session.ts'

/** How often a console that only reads looks for what the controlling one did. */
const FOLLOW_MS = 1000
/** Why a terminal that only asked may not act. */
const LOOKING = 'This was opened only to look; nothing is acted on.'

/** A console on a data folder: journal, workspace, engine, providers. The second console on a folder only reads. */
export async function composeConsole(options: ComposeOptions): Promise<Core> {
  const files = dataFolderFiles(options.dataFolder)
  const identity = openIdentity(options.dataFolder)
  const log = (line: string) => console.error(line)
  const opened = openStoreOrRead(options, identity.hostId)
  const { store } = opened
  const readOnlyReason = opened.readOnlyReason ?? (options.scope === 'readOnly' ? LOOKING : null)
  const reader = await openReaderClient({ file: files.journal, indexFile: readOnlyReason === null ? files.search : null, checkpointLog: readOnlyReason === null, wallMs: Date.now }).catch((error: unknown) => {
    if (error instanceof Fault) return unreadableJournal(error)
    throw error
  })

  const trustEntries = await reader.search({ text: '', action: TRUST_ACTION }, undefined, 500).catch(() => ({ entries: [] }))
  const session = openWorkspaceSession(options.workspaceFile, trustedDigests(trustEntries.entries), join(options.dataFolder, 'workspace.json'), options.demoFile)
  store.setWorkspaceDigest(session.inForce?.digest ?? session.workspace?.digest ?? '')
  const providers = openProviders({ dataFolder: options.dataFolder, idleStopMs: session.workspace?.idleStopMs ?? null, nodePath: options.nodePath ?? process.execPath, ...(options.localEntries ? { entries: options.localEntries } : {}), onlyLooks: options.scope === 'readOnly' })

  // Losable, and nobody waits for it; a terminal's single act keeps none.
  const metrics = readOnlyReason === null && options.scope === 'whole' ? openMetricsStore({ file: files.metrics, wallMs: Date.now }) : null

  // Of services whose environments have a database each.
  const pairs = openPairs({
    address(name) {
      const database = session.inForce?.databases.find((each) => each.name === name)
      return database && urlOf(database, { practice: (practice, port) => providers.local.practiceUrl(practice, port) })
    },
    acts: () => readOnlyReason === null,
  })

  let measuring = createMeasuring(session.inForce, (name) => engine.service(name), (id, fromAt) => migrating.migrations.samples(id, fromAt))
  let migrating = buildMigrating()
  let engine = build()
  let flagging = buildFlagging()
  const role = () => identity.role(session.workspace?.roles ?? {})
  const broadcast = createWatchBroadcast(() => [{ kind: 'status', status: status.read() }, ...engine.snapshot(), ...migrating.migrations.snapshot(), ...flagging.flags.snapshot()])
  const publish = (item: WatchItem) => {
    broadcast.publish(item)
    if (item.kind === 'journal') status.changed()
    if (item.kind === 'migration' || item.kind === 'rollout' || item.kind === 'flagSource') engine.lookAtWaiting()
    notifier?.see(item)
  }
  const status = createStatus({ options, identity, role, session, store, reason: readOnlyReason, services: () => engine.services(), publish: (item) => broadcast.publish(item) })

  // Only who controls the folder sends: who looks tells nobody, and nothing is sent twice.
  const notifier = readOnlyReason === null ? openNotifier({ session, store, reader, engine: () => engine, note, log, crashPoint: crashPointFromEnvironment(), tellsInbox: options.scope === 'whole' }) : null
  notifier?.start()

  function buildMigrating(): Migrating {
    const reach = { practice: (name: string, port: number) => providers.local.practiceUrl(name, port), consoleName: consoleName() }
    return createMigrating({
      workspace: session.inForce,
      engine: () => engine,
      open: (database) => openDatabase(database, reach),
      rehearse: createRehearse({ ...reach, databases: () => session.inForce?.databases ?? [] }),
      flags: () => flagging.flags,
      consoleName: consoleName(),
      ports: { store, operator: () => ({ operator: identity.operator(), role: role() }), readOnly: () => readOnlyReason, publish: (item) => publish(item), log, crashPoint: crashPointFromEnvironment(), rehearsed: () => rehearsedBefore(reader) },
    })
  }

  function buildFlagging(): Flagging {
    return createFlagging({
      workspace: session.inForce,
      engine: () => engine,
      metrics: () => measuring.source,
      migrations: () => migrating.migrations,
      flagServer: providers.local.flagServer,
      dataFolder: options.dataFolder,
      ports: { store, operator: () => ({ operator: identity.operator(), role: role() }), readOnly: () => readOnlyReason, publish: (item) => publish(item), log, crashPoint: crashPointFromEnvironment() },
    })
  }

  /** Names this console to others on the same database. */
  function consoleName(): string {
    return `${identity.operator().id}, ${options.dataFolder}`
  }

  function build(): Engine {
    const { inForce } = session
    const folder = () => (inForce ? dirname(inForce.file) : options.dataFolder)
    return createEngine({
      clock: SYSTEM_CLOCK,
      ids: SYSTEM_IDS,
      store,
      metricsStore: metrics,
      metrics: measuring.source,
      gates: createGateRunner({ folder, wallMs: Date.now }),
      dataSync: createDataSync({ folder, pairs }),
      // Nothing of a workspace runs before somebody has seen what it would run.
      services: inForce?.services ?? [],
      provider(name) {
        if (name === 'local') return providers.local
        throw new Fault('unsupported', `There is no provider ${name}.`, 'Use local.')
      },
      operator: () => ({ operator: identity.operator(), role: role() }),
      schema: (service) => migrating.migrations.schema(service),
      exposed: (service) => flagging.flags.exposed(service),
      otherWaiting: () => [...migrating.migrations.waiting(), ...flagging.flags.waiting()],
      resumesStopped: inForce?.idleStopMs != null && options.scope === 'whole' && readOnlyReason === null,
      readOnly: () => readOnlyReason,
      publish: (item) => publish(item),
      log,
      crashPoint: crashPointFromEnvironment(),
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
    })
  }

  /** Probes ask real services: only the console that acts on them does. */
  function begin(): void {
    engine.start()
    if (readOnlyReason === null) measuring.start()
    migrating.start()
    flagging.flags.start()
  }

  /** Stops the engine and starts one for what the workspace says now. Its memory is the store. */
  function rebuild(): void {
    const before = engine.services().map((service) => service.name)
    const migrationsBefore = migrating.migrations.ids()
    engine.stop()
    pairs.close().catch((error: unknown) => log(`databases were not closed: ${String(error)}`))
    migrating.stop().catch((error: unknown) => log(`databases were not closed: ${String(error)}`))
    flagging.stop().catch((error: unknown) => log(`flag sources were not closed: ${String(error)}`))
    measuring.stop().catch((error: unknown) => log(`metrics providers were not closed: ${String(error)}`))
    store.setWorkspaceDigest(session.inForce?.digest ?? session.workspace?.digest ?? '')
    measuring = createMeasuring(session.inForce, (name) => engine.service(name), (id, fromAt) => migrating.migrations.samples(id, fromAt))
    migrating = buildMigrating()
    engine = build()
    flagging = buildFlagging()
    if (begun) begin()
    notifier?.start()
    const now = new Set(engine.services().map((service) => service.name))
    for (const name of before) if (!now.has(name)) broadcast.publish({ kind: 'serviceRemoved', name })
    for (const item of [...engine.snapshot(), ...migrating.migrations.snapshot(), ...flagging.flags.snapshot()]) broadcast.publish(item)
    const declared = new Set(migrating.migrations.ids())
    for (const id of migrationsBefore) if (!declared.has(id)) broadcast.publish({ kind: 'migrationRemoved', id })
    status.changed()
  }

  async function note(draft: Pick<JournalDraft, 'action' | 'summary' | 'evidence'> & Partial<JournalDraft>): Promise<void> {
    const entries = await store.commit(
      batchOf({ entries: [{ kind: 'event', operator: identity.operator(), target: {}, reason: '', ticket: '', before: null, after: null, operationId: SYSTEM_IDS.next(), outcome: 'recorded', ...draft }] }),
    )
    for (const entry of entries) publish({ kind: 'journal', entry })
  }

  /** Which workspace, which roles and which version of the product the entries that follow stand under. */
  async function noteOpening(): Promise<void> {
    const { workspace } = session
    const after = { workspace: workspace?.name ?? '', file: workspace?.file ?? '', digest: workspace?.digest ?? '', roles: workspace?.roles ?? {}, host: options.host, trusted: session.trusted }
    await note({ action: 'console.opened', summary: `Console opened on ${workspace?.name ?? 'a workspace with problems'}`, after: { ...after, roles: { ...after.roles } }, evidence: null }).catch((error: unknown) => log(`the opening could not be journaled: ${String(error)}`))
  }

  /** A terminal that came for one act starts the engine only when the act needs it: stopping everything must not start anything. */
  let begun = options.scope !== 'leverOnly'
  const working = (): Engine => {
    if (!begun) begin()
    begun = true
    return engine
  }
  const dispatch = createDispatch({ identity, role, session, store, reader, metrics, status, broadcast, providers, note, rebuild, readOnlyReason, measuring: () => measuring, migrating: () => working() && migrating, flagging: () => working() && flagging, pairs, engine: working, engineAsItIs: () => engine })
  if (options.trustWorkspace && !session.trusted && session.workspace) await dispatch.workspace.trust({ commandsDigest: session.workspace.commandsDigest }, { signal: new AbortController().signal })
  else if (begun) begin()
  if (readOnlyReason === null && options.scope === 'whole') await noteOpening()
  const follow = readOnlyReason === null ? null : setInterval(() => {
        engine.reload()
        flagging.flags.reload()
      }, FOLLOW_MS)

  return {
    dispatch,
    async close() {
      if (follow) clearInterval(follow)
      status.stop()
      engine.stop()
      await migrating.stop()
      await flagging.stop()
      await pairs.close()
      await measuring.stop()
      await notifier?.close()
      broadcast.close()
      await providers.local.close()
      metrics?.close()
      await reader.close()
      await store.close()
    },
  }
}

/** One writer per data folder: whoever comes second may look. */
function openStoreOrRead(options: ComposeOptions, hostId: string): { store: DataStore; readOnlyReason: string | null } {
  const common = { folder: options.dataFolder, appVersion: APP_VERSION, hostId, workspaceDigest: '', wallMs: Date.now, nextId: () => SYSTEM_IDS.next() }
  try {
    // A look takes no lock; only where no journal was ever kept is there nothing to read, and one is made.
    if (options.scope === 'readOnly' && existsSync(dataFolderFiles(options.dataFolder).journal)) return { store: openStore({ ...common, readOnly: true }), readOnlyReason: LOOKING }
    return { store: openStore(common), readOnlyReason: null }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'dataFolderBusy') throw error
    return { store: openStore({ ...common, readOnly: true }), readOnlyReason: error.message }
  }
}

/**
 * For the tests that kill a console at a named point: SIGNALBOX_CRASH_AT=name:nth ends the process there. Set but empty,
 * the process may set it for itself later, and the counting begins then.
 */
function crashPointFromEnvironment(): (name: string) => void {
  if (process.env['SIGNALBOX_CRASH_AT'] === undefined) return () => {}
  let armed = ''
  let left = 0
  return (name) => {
    const wanted = process.env['SIGNALBOX_CRASH_AT'] ?? ''
    const [point, nth = '1'] = wanted.split(':')
    if (wanted !== armed) left = Number(nth)
    armed = wanted
    if (name === point && (left -= 1) === 0) process.kill(process.pid, 'SIGKILL')
  }
}
