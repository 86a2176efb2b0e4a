import type { Change, MigrationDefinition } from '../../../src-main/contract/migration-definition.ts'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { formatBytes, formatCount, formatDuration } from '../../lib/format.ts'
import { tableWords } from './migration-words.ts'
import { SqlText } from './sql-text.tsx'

/** What is to become of which table, and under which rules: the declaration, readable. */
export function ChangePane({ view }: { readonly view: MigrationView }) {
  const { change } = view.definition
  return (
    <div className="min-h-0 flex-1 overflow-y-auto px-4 py-3 -outline-offset-2" tabIndex={0} role="region" aria-label="Declared change">
      {change.kind === 'columns' ? <Columns change={change} /> : <Tables change={change} />}
      <h3 className="pt-4 pb-1 text-13">Rules</h3>
      <dl className="grid grid-cols-[168px_minmax(0,1fr)] gap-y-1 text-12">
        {rulesOf(view.definition).map(([name, words]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function rulesOf({ policy, throttle, verify }: MigrationDefinition): readonly (readonly [name: string, words: string])[] {
  const { approvals } = policy
  const of = (count: number) => (count === 0 ? 'none' : formatCount(count))
  const limits = [
    throttle.maxReplicaLagMs === null ? '' : `replica lag ${formatDuration(throttle.maxReplicaLagMs)}`,
    throttle.maxWalBacklogBytes === null ? '' : `WAL backlog ${formatBytes(throttle.maxWalBacklogBytes).join(' ')}`,
    `${formatCount(throttle.maxLockWaiters)} lock waiters`,
    throttle.maxActiveSessions === null ? '' : `${formatCount(throttle.maxActiveSessions)} active sessions`,
    throttle.maxProbeMs === null ? '' : `probe read ${throttle.maxProbeMs} ms`,
  ]
  return [
    ['reads by percent', `${policy.readSteps.join(', ')} %, each held ${formatDuration(policy.readHoldMs)}`],
    ['watched', `${formatDuration(policy.soakMs)} in dual writes, ${formatDuration(policy.switchSoakMs)} after the write switch, ${formatDuration(policy.tombstoneMs)} set aside`],
    ['approvals', `reads ${of(approvals.switchReads)}, writes ${of(approvals.switchWrites)}, drop ${of(approvals.drop)}`],
    ['locks', `given up after ${policy.lockTimeoutMs} ms and tried again`],
    ['batches', `aim ${throttle.targetBatchMs} ms, at most ${formatCount(throttle.maxBatchRows)} rows, rest ${throttle.niceRatio} times as long${throttle.hours === null ? '' : `, only ${throttle.hours} UTC`}`],
    ['waits above', `${limits.filter(Boolean).join(', ')}${throttle.waitForAutovacuum ? '; and while autovacuum works on the table' : ''}`],
    ['compares', `${formatCount(verify.readsPerSecond)} reads a second, every written key up to ${formatCount(verify.writtenKeysPerSecond)} a second, ${formatCount(verify.minReads)} equal reads before dual writes`],
    ...verify.ignore.map((rule) => [`accepts: ${rule.name}`, `${rule.column ?? 'row'}: ${rule.when} (${rule.reason})`] as const),
  ]
}

const CELL = 'px-2 first:pl-0 py-1 align-top break-words'
const HEAD = 'h-6 text-11 text-ink-3'

function Columns({ change }: { readonly change: Extract<Change, { kind: 'columns' }> }) {
  return (
    <>
      <h3 className="pb-1 text-13">
        Columns of <span className="mono">{tableWords(change.table)}</span>
      </h3>
      <table className="w-full table-fixed text-12">
        <thead>
          <tr className={HEAD}>
            <th scope="col" className={`w-[76px] ${CELL}`}>
              what
            </th>
            <th scope="col" className={`w-[26%] ${CELL}`}>
              column
            </th>
            <th scope="col" className={CELL}>
              from
            </th>
          </tr>
        </thead>
        <tbody>
          {change.add.map((column) => (
            <tr key={`+${column.name}`} className="border-t border-line-1">
              <td className={CELL}>new</td>
              <td className={`mono ${CELL}`}>
                {column.name} <span className="block text-ink-2">{[column.type, column.notNull ? 'not null' : '', column.unique ? 'unique' : '', column.default === null ? '' : `default ${column.default}`].filter(Boolean).join(', ')}</span>
              </td>
              <td className={`mono ${CELL}`}>
                <SqlText sql={column.up} />
              </td>
            </tr>
          ))}
          {change.replace.map((column) => (
            <tr key={`-${column.name}`} className="border-t border-line-1">
              <td className={CELL}>replaced</td>
              <td className={`mono ${CELL}`}>{column.name}</td>
              <td className={`mono ${CELL}`}>
                <SqlText sql={column.down} /> <span className="block font-sans text-ink-3">keeps it right after the write switch</span>
              </td>
            </tr>
          ))}
          {change.checks.map((check) => (
            <tr key={check.name} className="border-t border-line-1">
              <td className={CELL}>check</td>
              <td className={`mono ${CELL}`}>{check.name}</td>
              <td className={`mono ${CELL}`}>
                <SqlText sql={check.expression} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

function Tables({ change }: { readonly change: Extract<Change, { kind: 'tables' }> }) {
  return (
    <>
      <h3 className="pb-1 text-13">Tables</h3>
      <p className="pb-2 text-12 text-ink-2">
        From <span className="mono">{change.old.map(tableWords).join(', ')}</span> to <span className="mono">{change.new.map((table) => tableWords(table.name)).join(', ')}</span>. The old ones are {change.dropOld ? 'dropped in the end' : 'kept'}.
      </p>
      <table className="w-full table-fixed text-12">
        <thead>
          <tr className={HEAD}>
            <th scope="col" className={`w-[30%] ${CELL}`}>
              from, to
            </th>
            <th scope="col" className={CELL}>
              key and columns
            </th>
          </tr>
        </thead>
        <tbody>
          {[...change.up.map((link) => ({ way: 'up', link })), ...change.down.map((link) => ({ way: 'down', link }))].map(({ way, link }, index) => (
            <tr key={index} className="border-t border-line-1">
              <td className={CELL}>
                <span className="mono">
                  {tableWords(link.from)} → {tableWords(link.to)}
                </span>
                <span className="block text-ink-3">{way === 'up' ? 'while old is written' : 'after the write switch'}{link.existence ? ', rows come and go together' : ''}</span>
              </td>
              <td className={`mono ${CELL}`}>
                {[...link.key, ...link.set].map(({ column, expression }) => (
                  <span key={column} className="block">
                    {column} = <SqlText sql={expression} />
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
