import { isMap } from 'yaml'
import type { Criterion, Judge } from '../contract/analysis.ts'
import { field, list, mapping } from './collections.ts'
import { HOLD, LATENCY_GRACE_MS, USUAL_CRITERIA } from './criterion-defaults.ts'
import { ruleFields, ruleOf } from './criterion-rule.ts'
import { subjectFields, subjectOf, writtenSubject } from './criterion-subject.ts'
import type { CriteriaContext, Subject } from './criterion-subject.ts'
import type { Span } from './problems.ts'
import type { Reader, Reading } from './reading.ts'
import { describe, isNothing, reportAt, scalarText } from './reading.ts'
import { duration, text, word } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** Readers of `criteria`: what is measured (criterion-subject.ts), how it is judged (criterion-rule.ts), and what a breach does. */

const MAX_CRITERIA = 20

/** A criterion whose name may still be made unique, and where it stands. */
interface Draft {
  readonly criterion: Criterion
  readonly isNamed: boolean
  readonly nameAt: Span
}

const absence: Reader<Criterion['absence']> = (node, at) => {
  const expected = '`hold`, `{pause: 2m}` or `{roll-back: 5m}`'
  if (!isMap(node)) {
    if (scalarText(node) === 'hold') return HOLD
    const near = nearest(scalarText(node) ?? '', ['hold', 'pause', 'roll-back'])
    return reportAt(node, at, `\`${clip(scalarText(node) ?? 'a list')}\` is nothing to do about missing data`, near === null || near === 'hold' ? expected : `${expected}: how long it may be missing before that`)
  }
  const read = mapping('`no-data`', { hold: field('hold', duration()), pause: field('pause', duration()), 'roll-back': field('rollBack', duration({ minMs: 1000 })) })(node, at)
  if (!read) return undefined
  const actions = (['hold', 'pause', 'rollBack'] as const).filter((action) => at.has([...at.path, action]))
  const [action] = actions
  if (action === undefined || actions.length > 1) {
    at.problems.report(at.owner, action === undefined ? '`no-data` without an action' : '`no-data` with two actions', `exactly one of ${expected}`)
    return undefined
  }
  const afterMs = read[action]
  return afterMs === undefined ? undefined : { action, afterMs }
}

const actingFields = {
  name: field('name', text({ expected: 'a name for screens and the journal', maxLength: 100 })),
  severity: field('severity', word(['fail', 'warn'])),
  grace: field('graceMs', duration({ maxMs: 3_600_000 })),
  'no-data': field('absence', absence),
  doubt: field('doubt', word(['hold', 'go-on'])),
}

function oneCriterion(context: CriteriaContext): Reader<readonly Draft[]> {
  return (node, at) => {
    if (!isMap(node)) return adopted(node, at)
    const written = writtenSubject(node)
    const read = mapping(
      'a criterion',
      { ...subjectFields(context), ...ruleFields(written), ...actingFields },
      { max: 'the highest value that passes is `limit`.', min: 'the lowest value that passes is `at-least`.', threshold: 'the highest value that passes is `limit`.', 'on-no-data': 'it is `no-data`.' },
    )(node, at)
    if (!read) return undefined
    const subject = subjectOf(read, written, at, context)
    const judge = subject && ruleOf(read, subject, at)
    if (!subject || !judge) return undefined
    const criterion: Criterion = {
      name: read.name ?? nameFor(subject.name, judge.kind).slice(0, 100),
      metric: subject.metric,
      judge,
      severity: read.severity ?? 'fail',
      graceMs: read.graceMs ?? usualGraceMs(subject, judge),
      absence: read.absence ?? HOLD,
      // See docs/analysis.md: a fifth more latency is not ruled out within minutes.
      ...((read.doubt ?? (judge.kind === 'latency' ? 'go-on' : 'hold')) === 'go-on' ? { doubt: 'goOn' as const } : {}),
    }
    const has = (key: string) => at.has([...at.path, key])
    if ((has('name') && read.name === undefined) || (has('severity') && read.severity === undefined) || (has('graceMs') && read.graceMs === undefined) || (has('absence') && read.absence === undefined) || (has('doubt') && read.doubt === undefined)) return undefined
    return [{ criterion, isNamed: read.name !== undefined, nameAt: at.placeOf([...at.path, 'name']) }]
  }
}

/** A query looks back over its window: until that lies within the candidate's traffic, it measures the time before. */
function usualGraceMs(subject: Subject, judge: Judge): number {
  if (subject.kind === 'query') return judge.kind === 'threshold' ? judge.windowMs : 4 * (subject.intervalMs ?? 0)
  return judge.kind === 'latency' ? LATENCY_GRACE_MS : 0
}

/** What a criterion is called when the file does not say: what it measures, or the words people know it by. */
function nameFor(subject: string, kind: Judge['kind']): string {
  if (kind === 'errors') return subject.replace('Error ratio', 'Errors')
  return kind === 'burnRate' ? subject.replace(/^(Error ratio|Failures)/, 'Burn rate') : subject
}

/** A plain word: one of the field's usual criteria. */
function adopted(node: Parameters<Reader<unknown>>[0], at: Reading): readonly Draft[] | undefined {
  const words = Object.keys(USUAL_CRITERIA)
  const expected = `a mapping as \`{metric: error-ratio, limit: 1%}\`, or one of ${words.join(', ')}`
  const written = scalarText(node) ?? ''
  const found = Object.hasOwn(USUAL_CRITERIA, written) ? USUAL_CRITERIA[written] : undefined
  if (!found) {
    const near = nearest(written, words)
    return reportAt(node, at, isNothing(node) || scalarText(node) === null ? `${describe(node)} where a criterion is needed` : `there is no usual criterion \`${clip(written)}\``, near === null ? expected : `${expected}; did you mean \`${near}\`?`)
  }
  return found.map((criterion) => ({ criterion, isNamed: false, nameAt: at.placeOf(at.path) }))
}

/** `criteria: [error-rate, {metric: p99, limit: 400ms}]`. Names that are not given get a number where they are not unique. */
export function criteriaReader(context: CriteriaContext): Reader<Criterion[]> {
  const read = list('criteria', oneCriterion(context), { max: MAX_CRITERIA })
  return (node, at) => {
    const drafts = read(node, at)?.flat()
    if (!drafts) return undefined
    if (drafts.length > MAX_CRITERIA) return reportAt(node, at, `${drafts.length} criteria`, `at most ${MAX_CRITERIA}`)
    const taken = new Map<string, Span>()
    let whole = true
    for (const { criterion, isNamed, nameAt } of drafts) {
      const before = isNamed ? taken.get(criterion.name) : undefined
      if (before) {
        at.problems.report(nameAt, `the name \`${clip(criterion.name)}\` is taken by the criterion on line ${at.problems.lineOf(before)}`, 'a name of its own for each criterion')
        whole = false
      }
      if (isNamed) taken.set(criterion.name, nameAt)
    }
    if (!whole) return undefined
    return drafts.map(({ criterion, isNamed, nameAt }) => {
      if (isNamed) return criterion
      let name = criterion.name
      for (let number = 2; taken.has(name); number += 1) name = `${criterion.name.slice(0, 96)} ${number}`
      taken.set(name, nameAt)
      return { ...criterion, name }
    })
  }
}
