import type { Condition } from '../../../src-main/contract/flag-definition.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { BOX } from './form-parts.tsx'

type Test = Condition['test']

const TESTS: readonly (readonly [Test, string])[] = [
  ['is', 'is'],
  ['isNot', 'is not'],
  ['in', 'is one of'],
  ['notIn', 'is none of'],
  ['startsWith', 'starts with'],
  ['endsWith', 'ends with'],
  ['contains', 'contains'],
  ['atLeast', 'at least'],
  ['above', 'above'],
  ['atMost', 'at most'],
  ['below', 'below'],
  ['versionAtLeast', 'version at least'],
  ['versionBelow', 'version below'],
  ['versionSameMajor', 'same major version as'],
  ['versionSameMinor', 'same minor version as'],
  ['sample', 'share of all, drawn by'],
]

export interface Conditions {
  readonly match: 'all' | 'any'
  readonly conditions: Condition[]
}

export function newCondition(): Condition {
  return { test: 'is', attribute: 'plan', value: '' }
}

/** What was typed as a value: a number or a truth where it reads as one, unless it stands in quotes. */
export function readOperand(text: string): string | number | boolean {
  const quoted = /^"(.*)"$/s.exec(text)
  if (quoted) return quoted[1] ?? ''
  if (text === 'true' || text === 'false') return text === 'true'
  return text.trim() !== '' && String(Number(text)) === text.trim() ? Number(text) : text
}

/** As it would be typed. */
export function operandText(value: string | number | boolean): string {
  return typeof value === 'string' && typeof readOperand(value) !== 'string' ? `"${value}"` : String(value)
}

/** The same place asked for in another way; what was typed is kept where it can be. */
function withTest(condition: Condition, test: Test): Condition {
  const attribute = 'attribute' in condition ? condition.attribute : 'targetingKey'
  const text = 'value' in condition ? String(condition.value) : 'values' in condition ? String(condition.values[0] ?? '') : 'version' in condition ? condition.version : ''
  switch (test) {
    case 'is':
    case 'isNot':
      return { test, attribute, value: readOperand(text) }
    case 'in':
    case 'notIn':
      return { test, attribute, values: 'values' in condition ? condition.values : [readOperand(text)] }
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return { test, attribute, value: text }
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return { test, attribute, value: Number(text) || 0 }
    case 'versionAtLeast':
    case 'versionBelow':
    case 'versionSameMajor':
    case 'versionSameMinor':
      return { test, attribute, version: /^\d+\.\d+\.\d+/.test(text) ? text : '1.0.0' }
    case 'sample':
      return { test, salt: attribute, percent: 10 }
  }
}

/** Tests of attributes, all or any of which must hold. An attribute that is absent never matches. */
export function ConditionsEditor({ label, value, onChange }: { readonly label: string; readonly value: Conditions; readonly onChange: (value: Conditions) => void }) {
  const put = (at: number, condition: Condition) => onChange({ ...value, conditions: value.conditions.map((each, index) => (index === at ? condition : each)) })
  return (
    <div role="group" aria-label={`${label}: conditions`} className="grid gap-1.5">
      {value.conditions.map((condition, index) => (
        <div key={index} className="flex flex-wrap items-center gap-1.5">
          {index === 0 ? (
            <span className="w-9 text-12 text-ink-3">when</span>
          ) : (
            <select aria-label={`How condition ${index + 1} joins`} className={`${BOX} w-[52px] px-0.5`} value={value.match} onChange={(event) => onChange({ ...value, match: event.target.value === 'any' ? 'any' : 'all' })}>
              <option value="all">and</option>
              <option value="any">or</option>
            </select>
          )}
          {'attribute' in condition && <input aria-label={`Attribute of condition ${index + 1}`} className={`${BOX} mono w-32`} placeholder="email" value={condition.attribute} onChange={(event) => put(index, { ...condition, attribute: event.target.value })} />}
          <select aria-label={`Test of condition ${index + 1}`} className={BOX} value={condition.test} onChange={(event) => put(index, withTest(condition, TESTS.find(([test]) => test === event.target.value)?.[0] ?? condition.test))}>
            {TESTS.map(([test, words]) => (
              <option key={test} value={test}>
                {words}
              </option>
            ))}
          </select>
          <Operand number={index + 1} condition={condition} onChange={(next) => put(index, next)} />
          <Button look="bare" aria-label={`Remove condition ${index + 1}`} off={value.conditions.length === 1} onClick={() => onChange({ ...value, conditions: value.conditions.filter((_, at) => at !== index) })}>
            <Icon name="close" />
          </Button>
        </div>
      ))}
      <span>
        <Button look="bare" onClick={() => onChange({ ...value, conditions: [...value.conditions, newCondition()] })}>
          <Icon name="plus" /> Add a condition
        </Button>
      </span>
    </div>
  )
}

function Operand({ number, condition, onChange }: { readonly number: number; readonly condition: Condition; readonly onChange: (condition: Condition) => void }) {
  const label = `Value of condition ${number}`
  switch (condition.test) {
    case 'sample':
      return (
        <>
          <input aria-label={`Salt of condition ${number}`} className={`${BOX} mono w-28`} value={condition.salt} onChange={(event) => onChange({ ...condition, salt: event.target.value })} />
          <input aria-label={`Percent of condition ${number}`} inputMode="decimal" className={`${BOX} w-16 text-right`} value={String(condition.percent)} onChange={(event) => onChange({ ...condition, percent: Number(event.target.value) || 0 })} />
          <span className="text-12 text-ink-3">%</span>
        </>
      )
    case 'in':
    case 'notIn':
      return <input aria-label={`${label}, separated by commas`} className={`${BOX} mono w-56`} placeholder="NO, SE, DK" defaultValue={condition.values.map(operandText).join(', ')} onBlur={(event) => onChange({ ...condition, values: event.target.value.split(',').map((each) => readOperand(each.trim())).filter((each) => each !== '') })} />
    case 'is':
    case 'isNot':
      return <input aria-label={label} className={`${BOX} mono w-44`} placeholder='pro, true, 42, "42"' defaultValue={operandText(condition.value)} onBlur={(event) => onChange({ ...condition, value: readOperand(event.target.value) })} />
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return <input aria-label={label} inputMode="decimal" className={`${BOX} mono w-24`} defaultValue={String(condition.value)} onBlur={(event) => onChange({ ...condition, value: Number(event.target.value) || 0 })} />
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return <input aria-label={label} className={`${BOX} mono w-44`} value={condition.value} onChange={(event) => onChange({ ...condition, value: event.target.value })} />
    default:
      return <input aria-label={label} className={`${BOX} mono w-28`} placeholder="4.2.0" value={condition.version} onChange={(event) => onChange({ ...condition, version: event.target.value })} />
  }
}
