import type { Criterion, CriterionResult } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import { otherEnvironment, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Place, PlaceText } from '../../components/place.tsx'
import { resultLook, VerdictMark, type VerdictLook } from '../../components/verdict-mark.tsx'
import { absenceWords, judgeWords, ofWords, SEVERITY_WORDS, SOURCE_WORDS, valueWords } from '../../lib/criterion-words.ts'
import { formatClock, formatCount, formatDuration, plural } from '../../lib/format.ts'

/** From here on the bar takes colour. */
export const COLOUR_FROM = 0.8

export interface GaugeProps {
  readonly criterion: Criterion
  readonly result: CriterionResult
  readonly release: Release
}

/** One criterion: what it measures against what, how far it is from its end, and why it says what it says. */
export function CriterionGauge({ criterion, result, release }: GaugeProps) {
  const look = resultLook(result)
  const isQuiet = look.state === 'fine' && result.closeness < COLOUR_FROM
  const other = otherEnvironment(release.candidateEnvironment)
  return (
    <details className="group">
      <summary className="cursor-default list-none px-4 pt-[3px] pb-1 -outline-offset-2 hover:bg-bg-2">
        <span className="flex gap-2">
          <span className="min-w-0 flex-1 truncate font-medium" title={criterion.name}>
            {criterion.name}
          </span>
          <span className="flex flex-none items-center gap-2 whitespace-nowrap">
            {isQuiet ? <span className="sr-only">pass</span> : <Verdict look={look} acknowledged={release.acknowledged.includes(criterion.name)} />}
            <Value criterion={criterion} result={result} other={other} />
          </span>
        </span>
        <Bar criterion={criterion} result={result} look={look} candidate={release.candidateEnvironment} />
        {!isQuiet && (
          <span className="block text-12 leading-4 text-ink-2">
            <PlaceText text={result.why} square={false} />
          </span>
        )}
      </summary>
      <GaugeDetails criterion={criterion} result={result} other={other} said={!isQuiet} />
    </details>
  )
}

function Verdict({ look, acknowledged }: { readonly look: VerdictLook; readonly acknowledged: boolean }) {
  if (look.state === 'fine') return <VerdictMark look={{ ...look, state: 'watch', word: 'watch' }} />
  return <VerdictMark look={acknowledged ? { ...look, word: `${look.word}, seen` } : look} />
}

function Value({ criterion, result, other }: { readonly criterion: Criterion; readonly result: CriterionResult; readonly other: EnvironmentName }) {
  const { metric } = criterion
  if (result.value === null) return <span className="text-ink-3">{result.limit === null ? 'no value' : `of ${valueWords(metric, result.limit)}`}</span>
  if (result.limit === null) {
    return (
      <span>
        {valueWords(metric, result.value)}
        {result.baseline !== null && (
          <span className="text-ink-3">
            , <Place environment={other} square={false} /> {valueWords(metric, result.baseline)}
          </span>
        )}
      </span>
    )
  }
  const [value, of] = ofWords(criterion, result.value, result.limit)
  return (
    <span>
      {value} <span className="text-ink-3">{of}</span>
    </span>
  )
}

function Bar({ criterion, result, look, candidate }: { readonly criterion: Criterion; readonly result: CriterionResult; readonly look: VerdictLook; readonly candidate: EnvironmentName }) {
  const { closeness } = result
  const percent = Math.round(closeness * 100)
  const unknown = result.value === null && closeness === 0
  const hot = look.state === 'fail' ? 'bg-fail' : 'bg-watch'
  const action = SEVERITY_WORDS[criterion.severity]
  return (
    <span role="img" aria-label={`${criterion.name}: ${look.word}, ${unknown ? 'no value' : `${percent} % of the way to where it ${action}`}`} className="relative mt-px block h-3.5">
      <span className={`absolute inset-x-0 top-1.5 ${unknown ? 'border-t border-dashed border-line-3' : 'h-0.5 bg-line-2'}`} />
      <span className="absolute top-[5px] left-0 h-1 bg-ink-3" style={{ width: `${Math.min(closeness, COLOUR_FROM) * 100}%` }} />
      {closeness > COLOUR_FROM && <span className={`absolute top-1 left-[80%] h-1.5 ${hot}`} style={{ width: `${(closeness - COLOUR_FROM) * 100}%` }} />}
      <span className="absolute top-1 left-[80%] h-1.5 w-px bg-line-3" />
      {!unknown && <span className={`absolute top-px -ml-[1.5px] h-3 w-[3px] ${candidate === 'blue' ? 'bg-blue' : 'bg-green'}`} style={{ left: `${closeness * 100}%` }} />}
      <span className="absolute top-0 right-0 h-3.5 w-0.5 bg-ink-1" />
    </span>
  )
}

function against(result: CriterionResult, criterion: Criterion, other: EnvironmentName): string {
  const baseline = result.baseline === null ? '' : `, ${valueWords(criterion.metric, result.baseline)}`
  if (result.against === 'live') return `${other} over the same time${baseline}`
  return result.against === 'history' ? `${other}'s record before the switch${baseline}` : 'its limit alone'
}

function GaugeDetails({ criterion, result, other, said }: { readonly criterion: Criterion; readonly result: CriterionResult; readonly other: EnvironmentName; readonly said: boolean }) {
  const { metric } = criterion
  const counted = metric.source === 'router' || metric.source === 'probe' ? plural(result.requests, 'request') : plural(result.requests, 'point')
  const rows: readonly (readonly [string, string])[] = [
    ['against', against(result, criterion, other)],
    ['judged', result.toAt > result.fromAt ? `${counted}, ${formatClock(result.fromAt)} to ${formatClock(result.toAt)}` : counted],
    ...(result.statistic ? ([['statistic', `${result.statistic.name} ${digits(result.statistic.value)}, fails at ${digits(result.statistic.limit)}`]] as const) : []),
    ['a breach', SEVERITY_WORDS[criterion.severity]],
    ...(criterion.graceMs > 0 ? ([['grace', `${formatDuration(criterion.graceMs)} after each step`]] as const) : []),
    ...(result.absentSince === null ? [] : ([['missing', `since ${formatClock(result.absentSince)}. ${absenceWords(criterion)}`]] as const)),
    ['source', SOURCE_WORDS[metric.source]],
  ]
  return (
    <div className="mx-4 mb-1.5 border-l border-line-2 pl-3 text-12 leading-4">
      {!said && (
        <p className="pb-1 text-ink-2">
          <PlaceText text={result.why} square={false} />
        </p>
      )}
      <p className="pb-1 text-ink-3">{judgeWords(criterion)}</p>
      <dl className="grid grid-cols-[60px_minmax(0,1fr)] gap-x-2">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere] text-ink-2">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}
