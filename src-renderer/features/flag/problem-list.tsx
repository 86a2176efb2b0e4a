import type { FlagProblem } from '../../../src-main/contract/flag-definition.ts'
import { Icon } from '../../components/icons.tsx'

/** What the core finds wrong, or odd, about a flag as it would be. */
export function ProblemList({ problems, label }: { readonly problems: readonly FlagProblem[]; readonly label: string }) {
  if (problems.length === 0) return null
  return (
    <ul aria-label={label} className="text-12 leading-[18px]">
      {problems.map((problem) => (
        <li key={`${problem.path} ${problem.message}`} className="flex items-start gap-1.5">
          <Icon name={problem.level === 'error' ? 'fail' : 'watch'} className={`mt-[3px] ${problem.level === 'error' ? 'text-fail' : 'text-watch'}`} />
          <span className="min-w-0 [overflow-wrap:anywhere]">
            {problem.message} <span className="mono text-11 text-ink-3">{problem.path}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}
