import { FLAG_SCHEMA_URL, type FlagDefinition, type FlagFacts, type FlagMetadata, type FlagSet, type FlagType, type JsonObject, type JsonValue, type Segment } from '../../contract/flag-definition.ts'
import { buildConditions } from './conditions.ts'
import { readConditions } from './conditions-reader.ts'
import { isJsonObject } from './json.ts'
import { buildTargeting, readTargeting } from './targeting.ts'

/** Names of our facts in flagd's metadata. */
const FACT_KEYS = ['owner', 'description', 'signalbox.safeVariant', 'signalbox.permanent', 'signalbox.createdAt', 'signalbox.changedAt', 'signalbox.archived']

/** An empty file. */
export function emptyDocument(): JsonObject {
  return { $schema: FLAG_SCHEMA_URL, flags: {}, $evaluators: {} }
}

/** As it is written to disk: two spaces, a line break at the end. */
export function writeDocument(document: JsonObject): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

/** Reads a document that `validateFlagSet` found no error in. What is written by hand stays as it is. */
export function readFlagSet(document: JsonObject): FlagSet {
  const evaluators = isJsonObject(document['$evaluators']) ? document['$evaluators'] : {}
  const flags = isJsonObject(document['flags']) ? document['flags'] : {}
  return {
    segments: Object.entries(evaluators).map(([name, logic]) => readSegment(name, logic)),
    flags: Object.entries(flags).flatMap(([key, value]) => (isJsonObject(value) ? [readFlag(key, value)] : [])),
    metadata: metadataOf(document['metadata'], []),
  }
}

export function readSegment(name: string, logic: JsonValue): Segment {
  const conditions = readConditions(logic)
  return { name, rule: conditions ? { kind: 'conditions', match: conditions.match, conditions: [...conditions.conditions] } : { kind: 'handwritten', logic } }
}

export function readFlag(key: string, flag: JsonObject): FlagDefinition {
  const variants = isJsonObject(flag['variants']) ? Object.entries(flag['variants']).map(([name, value]) => ({ name, value })) : []
  const targeting = flag['targeting']
  return {
    key,
    type: typeOf(variants[0]?.value),
    state: flag['state'] === 'DISABLED' ? 'DISABLED' : 'ENABLED',
    variants,
    // flagd takes an empty name for none.
    defaultVariant: typeof flag['defaultVariant'] === 'string' && flag['defaultVariant'] !== '' ? flag['defaultVariant'] : null,
    targeting: readTargeting(isJsonObject(targeting) ? targeting : undefined),
    metadata: metadataOf(flag['metadata'], FACT_KEYS),
    facts: readFacts(isJsonObject(flag['metadata']) ? flag['metadata'] : {}),
  }
}

function typeOf(value: JsonValue | undefined): FlagType {
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return typeof value as FlagType
  return 'object'
}

function metadataOf(value: JsonValue | undefined, without: readonly string[]): FlagMetadata {
  if (!isJsonObject(value)) return {}
  const found: Record<string, string | number | boolean> = {}
  for (const [key, entry] of Object.entries(value)) {
    if (without.includes(key)) continue
    if (typeof entry === 'string' || typeof entry === 'number' || typeof entry === 'boolean') found[key] = entry
  }
  return found
}

function readFacts(metadata: JsonObject): FlagFacts {
  const text = (key: string): string | null => (typeof metadata[key] === 'string' ? metadata[key] : null)
  const time = (key: string): number | null => (typeof metadata[key] === 'number' ? metadata[key] : null)
  return {
    owner: text('owner'),
    description: text('description'),
    safeVariant: text('signalbox.safeVariant'),
    permanent: metadata['signalbox.permanent'] === true,
    createdAt: time('signalbox.createdAt'),
    changedAt: time('signalbox.changedAt'),
    archived: metadata['signalbox.archived'] === true,
  }
}

/** A flag as it stands in the file. `before`: what stood there, whose unknown keys are kept. */
export function writeFlag(flag: FlagDefinition, before: JsonObject = {}): JsonObject {
  const targeting = flag.targeting.kind === 'handwritten' ? flag.targeting.logic : buildTargeting(flag.targeting.rules)
  const metadata = { ...flag.metadata, ...writeFacts(flag.facts) }
  const { state: _state, variants: _variants, defaultVariant: _default, targeting: _targeting, metadata: _metadata, ...unknown } = before
  return {
    ...unknown,
    state: flag.state,
    variants: Object.fromEntries(flag.variants.map(({ name, value }) => [name, value])),
    defaultVariant: flag.defaultVariant,
    ...(targeting ? { targeting } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  }
}

function writeFacts(facts: FlagFacts): Record<string, string | number | boolean> {
  return {
    ...(facts.owner === null ? {} : { owner: facts.owner }),
    ...(facts.description === null ? {} : { description: facts.description }),
    ...(facts.safeVariant === null ? {} : { 'signalbox.safeVariant': facts.safeVariant }),
    ...(facts.permanent ? { 'signalbox.permanent': true } : {}),
    ...(facts.createdAt === null ? {} : { 'signalbox.createdAt': facts.createdAt }),
    ...(facts.changedAt === null ? {} : { 'signalbox.changedAt': facts.changedAt }),
    ...(facts.archived ? { 'signalbox.archived': true } : {}),
  }
}

/** The document with this flag put in or replaced; everything else in it stays, the order of flags included. */
export function putFlag(document: JsonObject, flag: FlagDefinition): JsonObject {
  const flags = isJsonObject(document['flags']) ? document['flags'] : {}
  const before = Object.hasOwn(flags, flag.key) ? flags[flag.key] : undefined
  return { ...document, flags: { ...flags, [flag.key]: writeFlag(flag, isJsonObject(before) ? before : {}) } }
}

export function removeFlag(document: JsonObject, key: string): JsonObject {
  const flags = isJsonObject(document['flags']) ? document['flags'] : {}
  return { ...document, flags: Object.fromEntries(Object.entries(flags).filter(([name]) => name !== key)) }
}

export function putSegment(document: JsonObject, segment: Segment): JsonObject {
  const evaluators = isJsonObject(document['$evaluators']) ? document['$evaluators'] : {}
  const logic = segment.rule.kind === 'handwritten' ? segment.rule.logic : buildConditions(segment.rule)
  return { ...document, $evaluators: { ...evaluators, [segment.name]: logic } }
}

/** Keys of flags, and names of segments, whose logic refers to this segment. */
export function usersOfSegment(document: JsonObject, name: string): { readonly flags: readonly string[]; readonly segments: readonly string[] } {
  const using = (part: JsonValue | undefined): string[] => (isJsonObject(part) ? Object.entries(part).flatMap(([key, value]) => (refersTo(value, name) ? [key] : [])) : [])
  return { flags: using(document['flags']), segments: using(document['$evaluators']) }
}

function refersTo(logic: JsonValue | undefined, name: string): boolean {
  if (Array.isArray(logic)) return logic.some((part) => refersTo(part, name))
  if (!isJsonObject(logic)) return false
  return Object.entries(logic).some(([key, value]) => (key === '$ref' ? value === name : refersTo(value, name)))
}
