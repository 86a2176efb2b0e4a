import { MIGRATION_STAGES, type MigrationReading, type MigrationView } from '../../../src-main/contract/migration.ts'
import { Icon } from '../../components/icons.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { isOver, STAGE_TITLES } from './migration-words.ts'
import { stageFraction } from './stage-progress.ts'

type Stage = MigrationView['stages'][number]

const RAIL = 'absolute inset-x-0 top-4 h-0.5'
/** The switching phase gets no more room than it needs; the drop behind the last line needs little. */
const COLUMNS = 'grid-cols-[minmax(0,1fr)_minmax(0,1.12fr)_minmax(0,1fr)_minmax(0,1.06fr)_44px_minmax(84px,0.42fr)]'

/** The four phases as one line, with a train where it is and the point of no return drawn where it lies: before the drop. */
export function PhaseStepper({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading | null }) {
  const isDropped = view.phase === 'completed'
  return (
    <section aria-label="Phases" tabIndex={0} className="flex-none overflow-x-auto border-b border-line-1 -outline-offset-2">
      <ol className={`grid min-w-[700px] pl-4 ${COLUMNS}`}>
        {MIGRATION_STAGES.map((stage, index) => {
          const shown = view.stages.find((each) => each.stage === stage)
          return shown ? <StagePost key={stage} stage={shown} view={view} reading={reading} number={index + 1} /> : <li key={stage} />
        })}
        <li className="relative">
          <span aria-hidden="true" className="absolute inset-y-0 left-3 w-1.5 border-x-2 border-ink-1 bg-bg-1" />
          <span className="absolute top-1/2 left-[22px] -translate-y-1/2 text-12 leading-4 font-medium whitespace-nowrap [writing-mode:vertical-rl]">point of no return</span>
        </li>
        <li className={`relative min-w-0 bg-bg-0 pt-7 pr-3 pl-3 ${isDropped ? '' : 'text-ink-2'}`}>
          <span aria-hidden="true" className={`${RAIL} ${isDropped ? 'bg-ink-2' : 'bg-line-2'}`} />
          <span aria-hidden="true" className={`absolute top-[11px] left-3 h-3 w-0.5 ${isDropped ? 'bg-ink-1' : 'bg-line-3'}`} />
          <b className="block text-14 font-medium">Drop</b>
          <p className="text-12 leading-4 text-ink-2">old is gone</p>
          <p className="mt-1.5 text-12 leading-[17px] text-ink-2">
            <span className="text-ink-3">roll back</span> none
          </p>
        </li>
      </ol>
    </section>
  )
}

function StagePost({ stage, view, reading, number }: { readonly stage: Stage; readonly view: MigrationView; readonly reading: MigrationReading | null; readonly number: number }) {
  const now = useNow()
  const isHere = stage.state === 'now'
  const fraction = isHere ? stageFraction(stage.stage, reading, now) : 0
  const blocked = stage.state === 'todo' && stage.summary.startsWith('blocked')
  return (
    <li aria-current={isHere ? 'step' : undefined} className="relative min-w-0 pt-7 pr-3 pb-3">
      <span aria-hidden="true" className={`${RAIL} ${stage.state === 'done' ? 'bg-ink-2' : 'bg-line-2'}`} />
      {isHere && (
        <span aria-hidden="true" className="absolute top-4 left-0 h-0.5 bg-ink-2 transition-[width] duration-(--move) ease-linear" style={{ width: `max(24px, ${fraction * 100}%)` }}>
          <span className="train" />
        </span>
      )}
      <span aria-hidden="true" className={`absolute top-[11px] left-0 h-3 w-0.5 ${stage.state === 'todo' ? 'bg-line-3' : 'bg-ink-1'}`} />
      <h2 className={`text-14 ${stage.state === 'todo' ? 'font-medium text-ink-2' : ''}`}>
        <span className="sr-only">{number}. </span>
        {STAGE_TITLES[stage.stage]}
        <span className="sr-only">{stage.state === 'done' ? ', done' : isHere ? ', under way' : isOver(view.phase) ? ', not reached' : ', to come'}</span>
      </h2>
      <p className="truncate text-12 leading-4 text-ink-2 max-[1240px]:line-clamp-2 max-[1240px]:whitespace-normal" title={stage.summary}>
        {stage.state === 'done' && <Icon name="pass" className="mr-1 -mt-0.5" />}
        {blocked && <Icon name="lock" className="mr-1 -mt-0.5" />}
        <PlaceText text={stage.summary} square={false} />
      </p>
      <dl className={`mt-1.5 grid grid-cols-[58px_minmax(0,1fr)] text-12 leading-[17px] ${stage.state === 'todo' ? 'text-ink-2' : ''}`}>
        {(['reads', 'writes', 'rollBack'] as const).map((what) => (
          <div key={what} className="contents">
            <dt className="text-ink-3">{what === 'rollBack' ? 'roll back' : what}</dt>
            <dd className="line-clamp-2" title={stage[what]}>
              {stage[what]}
            </dd>
          </div>
        ))}
      </dl>
    </li>
  )
}
