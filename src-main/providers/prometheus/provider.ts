import { Fault } from '../../contract/fault.ts'
import type { MetricsProviderConfig } from '../../contract/workspace.ts'
import type { MetricReading } from '../../core/ports.ts'
import type { QueryProvider, QueryProviderDeps } from '../query-provider.ts'
import { describeLabels, type PromSeries } from './answer.ts'
import { createPromClient, type PromResponse } from './client.ts'
import { fillTemplate } from './fill-template.ts'

/** Prometheus computes at most 11,000 points per series; an hour is all a judge looks at. */
const LONGEST_MS = 3_600_000
/** Clocks this far apart are worth a note; further than three intervals, "now" is not the same now any more. */
const NOTED_SKEW_MS = 5_000
/** A point this far ahead of the question was not asked for. */
const AHEAD_MS = 1000
const MAX_NOTES = 10
const HEARTBEAT = 'max(timestamp(up))'
const MAX_HEARTBEATS = 8

/** A Prometheus, or what answers its HTTP API (Thanos, Mimir, VictoriaMetrics). */
export function createPrometheusProvider(config: MetricsProviderConfig, deps: QueryProviderDeps): QueryProvider {
  const client = createPromClient(config, deps)
  const { intervalMs } = config
  /** The same question while it is being answered is not asked again. */
  const pending = new Map<string, Promise<MetricReading>>()
  const heartbeats = new Map<string, Promise<ReadonlyMap<number, number>>>()

  async function ask(query: string, from: number, to: number): Promise<MetricReading> {
    const [response, scrapedAt] = await Promise.all([client.range(query, from, to, intervalMs), heartbeat(from, to)])
    const series = onlySeries(response)
    const notes = [...notesOf(response, config.name, deps.wallMs() - to)].map((note) => client.redact(note))
    if (series === null) return { query, points: [], notes }
    const { points, dropped, contradictions, unusable: noNumbers } = inOrder(series, from, to)
    if (noNumbers > 0) notes.push(`${noNumbers} of ${points.length} points ${noNumbers === 1 ? 'is' : 'are'} no finite number (NaN, +Inf, -Inf).`)
    if (dropped > 0) notes.push(`${dropped} ${dropped === 1 ? 'point was' : 'points were'} not of the time asked for and left out.`)
    if (contradictions > 0) notes.push(`${contradictions} ${contradictions === 1 ? 'point came' : 'points came'} twice with different values and count as no data.`)
    const unusable = isIncomplete(response) || isOffClock(response)
    const isRepeated = (at: number) => {
      const scraped = scrapedAt.get(at)
      return scraped !== undefined && at - scraped > 3 * intervalMs
    }
    const repeated = points.filter(({ at }) => isRepeated(at)).length
    if (repeated > 0) notes.push(`${repeated} ${repeated === 1 ? 'point repeats' : 'points repeat'} older data, since ${config.name} scraped nothing for more than ${(3 * intervalMs) / 1000} s before, and count as no data.`)
    return { query, notes: notes.slice(0, MAX_NOTES), points: points.map(({ at, value }) => ({ at, value: unusable || isRepeated(at) ? null : value, requests: 0, errors: 0, latencyMs: null })) }
  }

  /**
   * When anything was last scraped, by moment of the grid. Versions before 2.44 know no `lookback_delta`: after a restart
   * they repeat the last values from before for up to five minutes, with the times that were asked for. Shared by all
   * queries about the same moments.
   */
  function heartbeat(from: number, to: number): Promise<ReadonlyMap<number, number>> {
    const key = `${from} ${to}`
    const known = heartbeats.get(key)
    if (known) return known
    const asked = client.range(HEARTBEAT, from, to, intervalMs).then(
      ({ answer }) => new Map(answer.kind === 'series' ? (answer.series[0]?.points ?? []).flatMap(({ at, value }) => (value === null ? [] : [[at, value * 1000] as const])) : []),
      (error: unknown) => {
        // Something else than Prometheus, without that function: nothing to compare with.
        if (error instanceof Fault && error.code === 'invalidInput') return new Map<number, number>()
        heartbeats.delete(key)
        throw error
      },
    )
    if (heartbeats.size >= MAX_HEARTBEATS) heartbeats.delete(heartbeats.keys().next().value ?? '')
    heartbeats.set(key, asked)
    return asked
  }

  /** Some of the data did not take part in the answer (a store was away, a block could not be read): a number, but of what? */
  const isIncomplete = ({ answer }: PromResponse) => answer.kind === 'series' && answer.warnings.length > 0
  const isOffClock = ({ skewMs }: Pick<PromResponse, 'skewMs'>) => skewMs !== null && Math.abs(skewMs) > Math.max(NOTED_SKEW_MS, 3 * intervalMs)

  function onlySeries({ answer }: PromResponse): PromSeries | null {
    if (answer.kind === 'text') throw new Fault('invalidInput', `The query for ${config.name} answers a text; a criterion needs a number.`, 'Mend the query in the workspace.')
    if (answer.hasHistograms) throw new Fault('invalidInput', `The query for ${config.name} answers a native histogram; a criterion needs a number.`, 'Take a quantile or a count: histogram_quantile(0.95, ...).')
    if (answer.series.length > 1) {
      const some = answer.series.slice(0, 3).map(({ labels }) => client.redact(describeLabels(labels))).join(', ')
      throw new Fault('invalidInput', `The query for ${config.name} answers ${answer.series.length} series, where one is needed: ${some}${answer.series.length > 3 ? ', …' : ''}.`, 'Say how they become one: sum(...), max(...) or a narrower selector.')
    }
    return answer.series[0] ?? null
  }

  function* notesOf({ answer, skewMs }: PromResponse, name: string, lateMs: number): Generator<string> {
    if (answer.kind !== 'series') return
    for (const warning of answer.warnings) yield `Warning of ${name}: ${warning}`
    if (answer.warnings.length > 0) yield 'An answer with warnings is incomplete and counts as no data.'
    for (const info of answer.infos) yield `${name}: ${info}`
    if (skewMs !== null && Math.abs(skewMs) > NOTED_SKEW_MS) {
      const unusable = isOffClock({ skewMs }) ? '; its answers count as no data' : ''
      yield `The clock of ${name} is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead' : 'behind'}${unusable}.`
    }
    if (lateMs > 3 * intervalMs) yield `${name} took ${Math.round(lateMs / 1000)} s to answer.`
  }

  return {
    intervalMs,
    filled: fillTemplate,
    async read(template, target, fromAt) {
      const query = fillTemplate(template, target)
      const now = deps.wallMs()
      // On a fixed grid, so that two questions about one moment get one answer.
      const to = Math.floor(now / intervalMs) * intervalMs
      const from = Math.max(Math.floor(fromAt / intervalMs) * intervalMs + intervalMs, to - Math.max(LONGEST_MS, intervalMs))
      // The next point is not due yet.
      if (from > to) return { query, points: [], notes: [] }
      const key = `${from} ${to} ${query}`
      const asked = pending.get(key) ?? ask(query, from, to).finally(() => pending.delete(key))
      pending.set(key, asked)
      return asked
    },
    async check() {
      const response = await client.instant('vector(1)', deps.wallMs())
      const version = await client.version().catch(() => null)
      const skew = response.skewMs !== null && Math.abs(response.skewMs) > NOTED_SKEW_MS ? ` Its clock is ${Math.round(Math.abs(response.skewMs) / 1000)} s ${response.skewMs > 0 ? 'ahead' : 'behind'}.` : ''
      return `${version === null ? 'It answers queries' : `Prometheus ${version} answers`}.${skew}`
    },
    close: () => client.close(),
  }
}

/** Oldest first, each moment once, only what was asked for. A moment with two different values has none. */
function inOrder({ points }: PromSeries, from: number, to: number): { readonly points: PromSeries['points']; readonly dropped: number; readonly contradictions: number; readonly unusable: number } {
  const byTime = new Map<number, number | null>()
  let dropped = 0
  const contradicted = new Set<number>()
  for (const { at, value } of points) {
    if (!Number.isFinite(at) || at < from || at > to + AHEAD_MS) dropped += 1
    else if (!byTime.has(at)) byTime.set(at, value)
    else if (byTime.get(at) !== value && !contradicted.has(at)) {
      byTime.set(at, null)
      contradicted.add(at)
    }
  }
  const ordered = [...byTime].map(([at, value]) => ({ at, value })).toSorted((a, b) => a.at - b.at)
  return { points: ordered, dropped, contradictions: contradicted.size, unusable: ordered.filter(({ at, value }) => value === null && !contradicted.has(at)).length }
}
