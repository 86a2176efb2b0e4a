import { join } from 'node:path'
import { Fault } from '../../contract/fault.ts'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import type { FlagDefinition, JsonObject, JsonValue, Segment } from '../../contract/flag-definition.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import { draws } from '../../core/flags/draws.ts'
import { putSegment, readFlag, readFlagSet, writeFlag } from '../../core/flags/flag-set.ts'
import { isJsonObject, sameJson } from '../../core/flags/json.ts'
import type { FlagChange, FlagSource, ObservedFlag, SetReading } from '../../core/flags/ports.ts'
import type { FlagSourceContext } from '../flag-sources.ts'
import { fileSettingsSchema, flagPlaces } from './file-settings.ts'
import { recallSet } from './flag-server/kept-sets.ts'
import { createFlagReports } from './flag-reports.ts'
import { flagVersion } from './flag-version.ts'
import { seedFlagFolder } from './seed-flag-folder.ts'
import { openSetFile, type SetFile, type SetState } from './set-file.ts'
import { watchSetFiles } from './watch-set-files.ts'

/** Writers who change other flags of the same file meanwhile: so often it is read and written again. */
const TRIES = 20

const CAPABILITIES = { define: null, segments: null, percent: null, audiences: null, compareAndSet: null, evaluations: null, experiments: null, outcomes: null, archive: null } as const

/** The built-in source: flag sets of flagd's schema in a folder, served and counted by the flag server. */
export function openFileSource(config: FlagSourceConfig, context: FlagSourceContext): FlagSource {
  const parsed = fileSettingsSchema.safeParse(config.settings)
  if (!parsed.success) throw new Fault('invalidInput', `The settings of the flag source ${config.name} are not valid: ${parsed.error.issues[0]?.message ?? ''}`, 'Correct the workspace.')
  const settings = parsed.data
  if (context.dataFolder === undefined && settings.folder === null) throw new Fault('unsupported', `The flags of ${config.name} are kept in the data folder, and there is none here.`, 'Start the console on its data folder.')
  const places = flagPlaces(context.dataFolder ?? '', config.name, settings)
  const { folder } = places
  const files = new Map<string, SetFile>()
  const reports = createFlagReports(() => context.flagServer.start(config.name, settings))
  const watcher = watchSetFiles(folder)

  function fileOf(set: string): SetFile {
    seedFlagFolder(folder, settings.seed)
    const known = files.get(set)
    if (known) return known
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(set)) throw new Fault('invalidInput', `"${set}" is no name of a flag set.`, 'Use letters, digits, `.`, `_` and `-`.')
    const opened = openSetFile(join(folder, `${set}.json`), { now: context.wallMs, served: async () => (await reports.served(set)) ?? (context.dataFolder === undefined ? null : recallSet(places.kept, set)) })
    files.set(set, opened)
    return opened
  }

  function found(document: JsonObject, set: string, key: string): ObservedFlag {
    const native = flagIn(document, key)
    if (!native) throw new Fault('notFound', `There is no flag ${key} in ${set}.json.`, 'Look at the list of flags.')
    return { definition: definitionOf(key, native), native, version: flagVersion(document, native) }
  }

  return {
    name: config.name,
    kind: 'file',
    capabilities: CAPABILITIES,
    async read(set) {
      const state = await fileOf(set).look()
      return { ...readingOf(state), addresses: await reports.addresses(join(folder, `${set}.json`), set) }
    },
    async observe(set, key) {
      return found((await fileOf(set).look()).document, set, key)
    },
    async apply({ set, key, change, expect }) {
      const file = fileOf(set)
      // What saves users is done over a file that somebody is in the middle of editing, too; their text is put aside.
      const overBroken = change.kind === 'kill' || change.kind === 'restore'
      for (let tries = 1; ; tries += 1) {
        const state = await file.look()
        if (state.broken && !overBroken) throw new Fault('invalidInput', `${set}.json is broken: ${state.broken.why} Nothing was written; its last good version is served.`, 'Mend the file, then try again.')
        const native = flagIn(state.document, key)
        const now = native && { definition: definitionOf(key, native), native, version: flagVersion(state.document, native) }
        if (!now && change.kind !== 'define' && change.kind !== 'restore') throw new Fault('notFound', `There is no flag ${key} in ${set}.json.`, 'Look at the list of flags.')
        if (expect !== null && now?.version !== expect) throw new Fault('staleGeneration', `${key} was changed by someone else since it was read. Nothing was written.`, 'Look at the difference, then decide again.')
        if (now && isDone(change, now) && !state.broken) return { submitted: null }
        if (now && expect === null && change.kind === 'define') throw new Fault('staleGeneration', `There is a flag ${key} in ${set}.json already. Nothing was written.`, 'Change that one, or choose another key.')
        const flag = change.kind === 'restore' ? change.native : written(change, now ?? null, context.wallMs())
        try {
          await file.write(putNative(state.document, key, flag), state)
          return { submitted: null }
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'staleRevision' || tries === TRIES) throw error
        }
      }
    },
    matches,
    async writeSegments(set, segments, expectDigest) {
      const file = fileOf(set)
      const state = await file.look()
      if (state.broken) throw new Fault('invalidInput', `${set}.json is broken: ${state.broken.why} Nothing was written.`, 'Mend the file, then try again.')
      if (state.digest !== expectDigest) throw new Fault('staleGeneration', `${set}.json was changed by someone else since it was read. Nothing was written.`, 'Look at it again, then make the change again.')
      try {
        await file.write(withSegments(state.document, segments), state)
      } catch (error) {
        throw error instanceof Fault && error.code === 'staleRevision' ? new Fault('staleGeneration', error.message, error.data.next) : error
      }
    },
    evaluations: (set) => reports.evaluations(set),
    experiments: (set) => reports.experiments(set),
    outcomes: (set, key, fromAt) => reports.outcomes(set, key, fromAt),
    subscribe: (set, onChange) => watcher.subscribe(`${set}.json`, onChange),
    async test() {
      const looked = await Promise.all(config.sets.map(async ({ set }) => {
        const state = await fileOf(set).look().catch((error: unknown) => (error instanceof Fault ? error : Promise.reject(error)))
        const name = `${config.name}: ${set}.json`
        if (state instanceof Fault) return { name, ok: false, detail: state.message, next: state.data.next }
        if (state.broken) return { name, ok: false, detail: state.broken.why, next: 'Mend the file; its last good version is served.' }
        const count = readingOf(state).flagSet.flags.length
        return { name, ok: true, detail: state.digest === '' ? 'It is not there yet; it is made with the first flag.' : `${count} ${count === 1 ? 'flag' : 'flags'}`, next: '' }
      }))
      return [...looked, await reports.check(`${config.name}: flag server`)]
    },
    async close() {
      watcher.close()
    },
  }
}

function flagIn(document: JsonObject, key: string): JsonObject | null {
  const flags = document['flags']
  const flag = isJsonObject(flags) && Object.hasOwn(flags, key) ? flags[key] : undefined
  return isJsonObject(flag) ? flag : null
}

function putNative(document: JsonObject, key: string, flag: JsonValue): JsonObject {
  const flags = isJsonObject(document['flags']) ? document['flags'] : {}
  return { ...document, flags: { ...flags, [key]: flag } }
}

/** With the dates kept: made once, changed whenever what it gives to whom does. */
function written(change: FlagChange, now: ObservedFlag | null, at: number): JsonObject {
  const wanted = changedFlag(change, now?.definition ?? null)
  if (!wanted) throw new Fault('notFound', 'There is no such flag.', 'Look at the list of flags.')
  const before = now && isJsonObject(now.native) ? now.native : {}
  const kept = now ? { createdAt: now.definition.facts.createdAt, changedAt: now.definition.facts.changedAt } : { createdAt: at, changedAt: at }
  const flag = writeFlag({ ...wanted, facts: { ...wanted.facts, ...kept } }, before)
  if (now && sameServing(before, flag)) return flag
  // Other shares are another experiment: users drawn by the old ones would spoil it.
  const metadata = SPLITS.has(change.kind) && draws(flag['targeting']) ? { ...wanted.metadata, 'signalbox.experiment': String(at) } : wanted.metadata
  return writeFlag({ ...wanted, metadata, facts: { ...wanted.facts, ...kept, changedAt: at } }, before)
}

const SPLITS: ReadonlySet<FlagChange['kind']> = new Set(['define', 'expose'])

const SERVING = ['state', 'defaultVariant', 'targeting', 'variants'] as const

/** No rules at all and an empty rule are the same to flagd, and so are no default and an empty one. */
function sameServing(a: JsonObject, b: JsonObject): boolean {
  return SERVING.every((part) => sameJson(normal(part, a[part]), normal(part, b[part])))
}

function normal(part: (typeof SERVING)[number], value: JsonValue | undefined): JsonValue | undefined {
  if (part === 'targeting') return isJsonObject(value) && Object.keys(value).length > 0 ? value : null
  return part === 'defaultVariant' && (value === undefined || value === '') ? null : value
}

function matches(change: FlagChange, observed: ObservedFlag): boolean {
  return isSame(change, observed, startedExperiment(observed))
}

/** The experiment that came with the last change of shares, which no definition asks for; null: it was asked for, or there is none. */
function startedExperiment({ definition }: ObservedFlag): string | null {
  const { changedAt } = definition.facts
  return changedAt !== null && definition.metadata['signalbox.experiment'] === String(changedAt) ? String(changedAt) : null
}

/** `experiment`: one that may be there unasked. */
function isSame(change: FlagChange, { definition, native }: ObservedFlag, experiment: string | null): boolean {
  if (!isJsonObject(native)) return false
  if (change.kind === 'restore') return isJsonObject(change.native) && sameServing(change.native, native)
  if (change.kind === 'archive') return definition.facts.archived
  const wanted = changedFlag(change, definition)
  if (!wanted) return false
  const dates = { createdAt: definition.facts.createdAt, changedAt: definition.facts.changedAt }
  const metadata = experiment === null ? wanted.metadata : { ...wanted.metadata, 'signalbox.experiment': experiment }
  const flag = writeFlag({ ...wanted, metadata, facts: { ...wanted.facts, ...dates } }, native)
  return sameServing(flag, native) && (change.kind !== 'define' || sameJson(flag['metadata'] ?? {}, native['metadata'] ?? {}))
}

/** Restoring puts back the very JSON, words and dates as well. */
function isDone(change: FlagChange, now: ObservedFlag): boolean {
  return change.kind === 'restore' ? sameJson(change.native, now.native) : isSame(change, now, null)
}

function withSegments(document: JsonObject, segments: readonly Segment[]): JsonObject {
  return segments.reduce<JsonObject>((rest, segment) => putSegment(rest, segment), { ...document, $evaluators: {} })
}

const readings = new WeakMap<JsonObject, Pick<SetReading, 'flagSet' | 'versions'>>()
const definitions = new WeakMap<JsonObject, FlagDefinition>()

/** Worked out once for each version, and once for each flag that stays the same over versions. */
function readingOf({ document, digest, problems, broken }: SetState): Omit<SetReading, 'addresses'> {
  let known = readings.get(document)
  if (!known) {
    const flags = Object.entries(isJsonObject(document['flags']) ? document['flags'] : {}).flatMap(([key, flag]) => (isJsonObject(flag) ? [[key, flag] as const] : []))
    const { segments, metadata } = readFlagSet({ ...document, flags: {} })
    known = { flagSet: { segments, metadata, flags: flags.map(([key, flag]) => definitionOf(key, flag)) }, versions: new Map(flags.map(([key, flag]) => [key, flagVersion(document, flag)])) }
    readings.set(document, known)
  }
  return { ...known, digest, problems, broken }
}

function definitionOf(key: string, flag: JsonObject): FlagDefinition {
  const known = definitions.get(flag)
  if (known?.key === key) return known
  const definition = readFlag(key, flag)
  definitions.set(flag, definition)
  return definition
}
