import type { ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Countdown, Moment } from '../../components/time.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { formatInstant } from '../../lib/format.ts'
import { dueFraction, planWords } from '../../lib/release-words.ts'
import { planPosts, type Post } from './plan-posts.ts'
import type { StepTimes } from './step-times.ts'

/** A release that went back stays on the line so long, stopped where it was. */
const NEWS_MS = 30 * 60_000

/** The plan as a line of posts, with a small train at the running hold's progress and its countdown. */
export function PlanLine({ service, times }: { readonly service: ServiceView; readonly times: StepTimes }) {
  const view = service.release
  const now = useNow(60_000)
  const isNews = view !== null && view.release.stepIndex >= 0 && view.release.phase === 'rolledBack' && now - (view.release.endedAt ?? 0) < NEWS_MS
  if (!view || (view.ended && !isNews)) {
    return (
      <section aria-label="Plan" className="flex h-20 flex-none items-center gap-2 narrow:h-auto narrow:flex-wrap narrow:py-3 border-b border-line-1 px-4 text-ink-2">
        <span>
          The plan of the next release: {planWords(service.plan)}
          {service.plan.gates.length > 0 && ` after ${service.plan.gates.length === 1 ? '1 gate' : `${service.plan.gates.length} gates`}`}.
        </span>
        {view?.release.endedAt && (
          <span className="ml-auto text-ink-3">
            Last: {view.release.candidate.version}, {view.release.phase === 'rolledBack' ? 'rolled back' : view.release.phase} <Moment at={view.release.endedAt} />
          </span>
        )}
      </section>
    )
  }
  const posts = planPosts(view.release)
  const template = posts.map((post) => (post.state === 'now' ? 'minmax(210px,2.5fr)' : post.state === 'hit' ? 'minmax(170px,2fr)' : post.key === 'window' ? 'minmax(100px,1.2fr)' : 'minmax(54px,1fr)')).join(' ')
  return (
    <section aria-label="Plan" tabIndex={0} className="flex-none overflow-x-auto -outline-offset-2 overflow-y-hidden border-b border-line-1 px-4">
      <ol className="grid h-20 narrow:min-w-[760px]" style={{ gridTemplateColumns: template }}>
        {posts.map((post, index) => (
          <PlanPost key={post.key} post={post} view={view} after={posts[index + 1]?.title ?? null} at={post.stepIndex === null ? null : (times.get(post.stepIndex) ?? null)} last={index === posts.length - 1} />
        ))}
      </ol>
    </section>
  )
}

const RAIL = { done: 'bg-ink-2', now: 'bg-line-2', hit: 'bg-line-2', todo: 'bg-line-2' } as const

function PlanPost({ post, view, after, at, last }: { readonly post: Post; readonly after: string | null; readonly view: ReleaseView; readonly at: number | null; readonly last: boolean }) {
  const now = useNow()
  const { release } = view
  const fraction = dueFraction(release, now)
  const isHere = post.state === 'now' || post.state === 'hit'
  const progress = post.state === 'hit' ? 0.4 : release.paused ? pausedFraction(view) : (fraction ?? 0.12)
  return (
    <li className={`relative min-w-0 pt-[27px] pr-2 ${isHere ? 'flex gap-4' : ''}`} aria-current={post.state === 'now' ? 'step' : undefined}>
      <span aria-hidden="true" className={`absolute inset-x-0 top-[15px] h-0.5 ${last && post.state === 'todo' ? 'bg-[repeating-linear-gradient(90deg,var(--line-2)_0_4px,transparent_4px_8px)]' : RAIL[post.state]}`} />
      {isHere && (
        <span aria-hidden="true" className="absolute top-[15px] left-0 h-0.5 bg-ink-2 transition-[width] duration-(--move) ease-linear" style={{ width: `max(24px, ${progress * 100}%)` }}>
          {post.state === 'hit' ? <span className="octagon absolute -top-1.5 -right-[7px] size-3.5 bg-fail" /> : <span className="train" />}
        </span>
      )}
      <span aria-hidden="true" className={`absolute top-[10px] left-0 h-3 w-0.5 ${post.state === 'todo' ? 'bg-line-3' : 'bg-ink-1'}`} />
      <div className={isHere ? 'min-w-[64px]' : 'min-w-0'}>
        <b className={`block truncate leading-[18px] ${post.state === 'now' ? '' : post.state === 'todo' ? 'font-medium text-ink-2' : 'font-medium'}`}>{post.title}</b>
        <p className="truncate text-11 leading-[15px] text-ink-3" title={post.detail}>
          {post.detail}
        </p>
        {at !== null && (
          <p className="truncate text-11 leading-[15px] text-ink-3" title={formatInstant(at)}>
            <Moment at={at} />
          </p>
        )}
      </div>
      {post.state === 'now' && <Now view={view} after={after} />}
      {post.state === 'hit' && (
        <p className="ml-auto pt-[5px] pr-4 text-16 font-semibold whitespace-nowrap">{release.phase === 'rollingBack' ? 'rolling back' : release.phase === 'rolledBack' ? 'rolled back' : release.phase === 'abandoned' ? 'abandoned' : 'stopped'}</p>
      )}
    </li>
  )
}

/** Train where it stopped: what is left of the hold was kept when it was paused. */
function pausedFraction(view: ReleaseView): number {
  const { paused, dueAt, dueSince } = view.release
  if (!paused || paused.remainingMs === null || dueAt === null || dueSince === null || dueAt <= dueSince) return 0.12
  return Math.min(1, Math.max(0, 1 - paused.remainingMs / (dueAt - dueSince)))
}

function Now({ view, after }: { readonly view: ReleaseView; readonly after: string | null }) {
  const { release } = view
  const isJudged = release.phase === 'baking' || release.plan.steps[release.stepIndex]?.hold.kind === 'analysis'
  const waits = view.waitsFor === 'operator' ? 'waits for you' : view.waitsFor === 'provider' ? 'under way' : ''
  return (
    <div className="ml-auto flex min-w-0 items-start gap-2.5 pr-6">
      {release.dueAt !== null && !release.paused ? (
        <>
          <b className="pt-[3px] text-26 leading-[30px] tracking-[-0.02em]">
            <Countdown until={release.dueAt} over="now" />
          </b>
          <span className="min-w-0 pt-1 text-11 leading-[15px] whitespace-nowrap text-ink-2 max-[1320px]:hidden">
            {after === null ? 'then the old' : `next ${after.toLowerCase()}`}
            <span className="block">{after === null ? 'version is retired' : isJudged ? 'if analysis passes' : ''}</span>
          </span>
        </>
      ) : (
        <b className="pt-[3px] text-16 leading-[26px] whitespace-nowrap">{release.paused ? 'paused' : waits}</b>
      )}
    </div>
  )
}
