import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { Icon, type IconName } from '../../components/icons.tsx'

const OUTCOME_ICONS: Readonly<Partial<Record<JournalEntry['outcome'], IconName>>> = { verified: 'pass', refused: 'lock', failed: 'fail' }

/** How far an entry's act came: word, and a shape for the ones that end something. */
export function OutcomeWord({ entry }: { readonly entry: Pick<JournalEntry, 'outcome'> }) {
  const icon = OUTCOME_ICONS[entry.outcome]
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${entry.outcome === 'failed' ? 'text-fail-ink' : 'text-ink-2'}`}>
      {icon && <Icon name={icon} className={entry.outcome === 'failed' ? 'text-fail' : ''} />}
      {entry.outcome}
    </span>
  )
}

/** `effect.setWeights` as people say it: "set weights". */
export function actionWords(action: string): string {
  const verb = action.split('.')[1] ?? action
  return verb.replace(/([a-z])([A-Z])/g, (_whole, before: string, after: string) => `${before} ${after.toLowerCase()}`)
}
