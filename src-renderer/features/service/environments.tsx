import type { ReactNode } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Plate } from '../../components/place.tsx'
import { seenAfterMs } from '../../lib/acts.ts'
import { useAct } from '../../lib/use-act.ts'
import { useNow } from '../../lib/console-context.tsx'
import { formatBytes, formatDuration, formatInstant, formatUptime, plural } from '../../lib/format.ts'
import { previewEnvironment } from '../../lib/release-words.ts'
import { environmentState } from './environment-state.ts'

const COLUMNS = 'grid grid-cols-[minmax(150px,178px)_minmax(56px,.9fr)_minmax(46px,.85fr)_minmax(58px,1fr)_minmax(70px,1.2fr)_minmax(54px,.9fr)] max-[1100px]:grid-cols-[minmax(130px,1fr)_repeat(3,minmax(52px,72px))] items-center gap-x-2 pr-4 pl-4'
/** What gives way where there is no room for everything. */
const WIDE_ONLY = 'max-[1100px]:hidden'
const HEADS = ['environment, version', 'ready', 'CPU', 'memory', 'uptime', 'in flight'] as const

/** Both environments, one under the other, at the end of their tracks. */
export function Environments({ service }: { readonly service: ServiceView }) {
  const known = service.observed.kind === 'known' ? service.observed.value : null
  const mostMemory = Math.max(1, ...ENVIRONMENTS.map((environment) => known?.environments[environment].memoryBytes ?? 0))
  return (
    <div role="table" aria-label="Environments" className="grid min-w-0 grid-rows-[26px_80px_80px_28px]">
      <div role="row" className={`${COLUMNS} text-11 text-ink-3`}>
        {HEADS.map((head) => (
          <span role="columnheader" key={head} className={`truncate ${head === 'uptime' || head === 'in flight' ? WIDE_ONLY : ''}`}>
            {head}
          </span>
        ))}
      </div>
      {ENVIRONMENTS.map((environment) => (
        <EnvironmentRow key={environment} service={service} environment={environment} mostMemory={mostMemory} />
      ))}
      <Footer service={service} />
    </div>
  )
}

function EnvironmentRow({ service, environment, mostMemory }: { readonly service: ServiceView; readonly environment: EnvironmentName; readonly mostMemory: number }) {
  const now = useNow()
  const state = environmentState(service, environment)
  const observed = service.observed.kind === 'known' ? service.observed.value.environments[environment] : null
  const word = state.mark === 'fail' ? 'text-fail-ink font-medium' : state.mark === 'watch' ? 'text-watch-ink font-medium' : ''
  const memory = observed?.memoryBytes === null || observed?.memoryBytes === undefined ? null : formatBytes(observed.memoryBytes)
  // "stopped, Stopped on request." says it twice.
  const repeats = state.detail.toLowerCase().startsWith(state.word.toLowerCase())
  const title = repeats ? state.detail : state.detail ? `${state.word}, ${state.detail}` : state.word
  return (
    <div role="row" className={`${COLUMNS} border-b border-line-1`}>
      <div role="rowheader" className="grid min-w-0 gap-[3px]">
        <span className="flex min-w-0 items-center gap-2 font-mono text-16 font-semibold tracking-[-0.02em]">
          <Plate environment={environment} />
          <span className="truncate" title={observed?.deployed?.version}>
            {observed ? (observed.deployed?.version ?? <span className="font-sans text-13 font-normal text-ink-3">empty</span>) : '?'}
          </span>
        </span>
        <span className="truncate text-12 leading-4 text-ink-2" title={title}>
          {repeats ? <span className={word}>{state.detail}</span> : <span className={word}>{state.word}</span>}
          {!repeats && state.detail && `, ${state.detail}`}
        </span>
      </div>
      <Fact value={observed ? `${observed.instances.ready} / ${observed.instances.wanted}` : null} note={observed?.instances.wanted === 1 ? 'instance' : 'instances'} />
      <Fact value={observed?.cpuPercent === null || observed?.cpuPercent === undefined ? null : `${Math.round(observed.cpuPercent)} %`} meter={(observed?.cpuPercent ?? 0) / 100} />
      <Fact
        value={
          memory && (
            <>
              {memory[0]} <span className="text-12 text-ink-3">{memory[1]}</span>
            </>
          )
        }
        meter={(observed?.memoryBytes ?? 0) / mostMemory / 1.25}
      />
      <Fact
        className={WIDE_ONLY}
        value={observed?.startedAt ? <span title={`since ${formatInstant(observed.startedAt)}`}>{formatUptime(now - observed.startedAt)}</span> : null}
        note={observed && observed.readiness !== 'empty' ? plural(observed.restarts, 'restart') : ''}
      />
      <Fact className={WIDE_ONLY} value={observed?.inFlight === null || observed?.inFlight === undefined ? null : <span title={observed.connections === null ? undefined : plural(observed.connections, 'connection')}>{observed.inFlight}</span>} note={observed?.readiness === 'empty' ? '' : 'requests'} />
    </div>
  )
}

/** A number with what it counts. An absent one is a dash to the eye and "unknown" to a reader. */
function Fact({ value, note, meter, className = '' }: { readonly className?: string; readonly value: ReactNode; readonly note?: string; readonly meter?: number }) {
  return (
    <div role="cell" className={`grid min-w-0 content-center gap-0.5 whitespace-nowrap ${className}`}>
      {value === null || value === undefined ? (
        <span className="text-14 text-ink-3">
          <span aria-hidden="true">–</span>
          <span className="sr-only">not known</span>
        </span>
      ) : (
        <span className="truncate text-14 font-medium">{value}</span>
      )}
      {meter === undefined ? (
        <small className="truncate text-11 leading-[14px] text-ink-3">{note}</small>
      ) : (
        <span aria-hidden="true" className="my-[5px] block h-[3px] w-full max-w-16 bg-bg-3">
          <span className="block h-[3px] bg-ink-3" style={{ width: `${Math.min(1, meter) * 100}%` }} />
        </span>
      )}
    </div>
  )
}

/** What operators alone reach, and how the last act arrived. */
function Footer({ service }: { readonly service: ServiceView }) {
  const act = useAct(service.name)
  const tookMs = act?.stage === 'verified' ? seenAfterMs(act) : null
  const known = service.observed.kind === 'known' ? service.observed.value : null
  const gates = service.release?.release.gates ?? []
  const passed = gates.filter((gate) => gate.state === 'passed').length
  const lease = known?.lease
  const isPreview = previewEnvironment(service) !== null
  return (
    <div role="row" className="flex items-center gap-4 px-4 text-11 text-ink-3">
      <span role="cell" className="min-w-0 flex-1 truncate">
        {[isPreview ? 'preview for operators only' : '', gates.length > 0 ? `${passed} of ${plural(gates.length, 'gate')} passed` : ''].filter(Boolean).join(', ')}
        {lease?.expired && `, the shift was left unguarded and was ${lease.onExpiry === 'hold' ? 'held' : 'reverted'}`}
      </span>
      <span role="cell" className="truncate">
        {tookMs !== null ? `seen in the data plane ${formatDuration(tookMs)} after it was sent` : known ? `generation ${known.generation}` : ''}
      </span>
    </div>
  )
}
