import type { WorkspaceView } from '../../../src-main/contract/workspace.ts'
import { Icon } from '../../components/icons.tsx'

const AROUND = 2

/** Each thing wrong with the file, with its lines around it and what is expected there. */
export function WorkspaceProblems({ workspace }: { readonly workspace: WorkspaceView }) {
  const lines = workspace.text.split('\n')
  return (
    <ul className="grid gap-3">
      {workspace.problems.map((problem, index) => (
        <li key={index} className="border-l-2 border-fail bg-bg-2 px-3 py-2">
          <p className="flex items-baseline gap-2 font-medium">
            <Icon name="fail" className="self-center text-fail" />
            {problem.message}
          </p>
          <p className="text-12 text-ink-2">
            Expected: {problem.expected}{' '}
            <span className="mono text-ink-3">
              {problem.place.file}:{problem.place.line}:{problem.place.column}
            </span>
          </p>
          {problem.place.file === workspace.file && workspace.text !== '' && <Excerpt lines={lines} line={problem.place.line} column={problem.place.column} />}
        </li>
      ))}
    </ul>
  )
}

function Excerpt({ lines, line, column }: { readonly lines: readonly string[]; readonly line: number; readonly column: number }) {
  const from = Math.max(1, line - AROUND)
  const shown = lines.slice(from - 1, line + AROUND)
  return (
    <pre className="mt-1 overflow-x-auto font-mono text-11 leading-4" tabIndex={0} aria-label={`Lines ${from} to ${from + shown.length - 1}`}>
      {shown.map((text, index) => {
        const number = from + index
        return (
          <div key={number} className={number === line ? 'text-ink-1' : 'text-ink-3'}>
            {String(number).padStart(4)} {text}
            {number === line && <div className="text-fail-ink">{`${' '.repeat(4 + column)}^`}</div>}
          </div>
        )
      })}
    </pre>
  )
}
