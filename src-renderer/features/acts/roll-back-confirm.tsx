import { Dialog } from 'radix-ui'
import { useId, useRef, useState } from 'react'
import type { Action, ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, otherEnvironment, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Button, Kbd } from '../../components/button.tsx'
import { BackLever } from '../../components/lever.tsx'
import { TextField } from '../../components/field.tsx'
import { focusBack } from '../../components/focus-back.ts'
import { PlaceText, Plate, Version } from '../../components/place.tsx'
import { bandWidth } from '../../components/track-mini.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole, useRecentMetrics, useService } from '../../lib/console-context.tsx'
import { formatDuration, formatPercent, formatRate, plural } from '../../lib/format.ts'
import { measureTraffic, type MeasuredTraffic } from '../../lib/share.ts'
import { useValue } from '../../lib/value-store.ts'
import { openRollBack, usePress } from './acting.ts'

/** Closes what a double click on the lever would otherwise close or confirm. */
const DOUBLE_CLICK_MS = 450

/** Opens right under the lever, from every screen; says the effect; one more press does it. */
export function RollBackConfirm() {
  const { ui } = useConsole()
  const confirm = useValue(ui, (state) => state.confirm)
  if (confirm?.command !== 'rollBack') return null
  const close = () => ui.set((before) => ({ ...before, confirm: null }))
  return <ConfirmFor key={confirm.service} name={confirm.service} onClose={close} />
}

function ConfirmFor({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const service = useService(name)
  const open = openRollBack(service)
  const [openedAt] = useState(() => performance.now())
  const edge = useBandEdge()
  return (
    <Dialog.Root open onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-x-0 bottom-0 z-40 bg-scrim" style={{ top: edge }} />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={focusBack}
          style={{ top: edge + 6, maxHeight: `calc(100vh - ${edge + 14}px)` }}
          className="fixed right-[7px] z-50 w-[480px] max-w-[calc(100vw-14px)] overflow-auto rounded-2 border border-line-3 bg-bg-2"
          onPointerDownOutside={(event) => {
            if (performance.now() - openedAt < DOUBLE_CLICK_MS) event.preventDefault()
          }}
        >
          {service && open ? (
            <ConfirmBody service={service} view={open.view} action={open.action} onClose={onClose} />
          ) : (
            <div className="p-5">
              <Dialog.Title className="text-16">Nothing to take back on {name}</Dialog.Title>
              <p className="pt-1 text-ink-2">{service?.release?.next ?? 'No release has moved its traffic.'}</p>
              <Button className="mt-3" onClick={onClose}>
                Close
              </Button>
            </div>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function ConfirmBody({ service, view, action, onClose }: { readonly service: ServiceView; readonly view: ReleaseView; readonly action: Action; readonly onClose: () => void }) {
  const press = usePress()
  const [reason, setReason] = useState('')
  const [force, setForce] = useState(false)
  const done = useRef(false)
  const forceId = useId()
  const { release } = view
  const traffic = measureTraffic(useRecentMetrics(service.name))
  const target = release.stable ? otherEnvironment(release.candidateEnvironment) : null
  const observed = service.observed.kind === 'known' ? service.observed.value : null
  const targetReady = target && observed ? observed.environments[target].readiness === 'ready' : true

  const confirm = () => {
    if (done.current) return
    done.current = true
    void press(view, action, { reason: reason.trim(), force })
    onClose()
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        confirm()
      }}
      onKeyDown={(event) => {
        // A held key must not run from the lever through the confirm.
        if (event.key === 'Enter' && event.repeat) event.preventDefault()
      }}
    >
      <div className="flex items-center gap-3 border-b border-line-1 py-4 pr-2 pl-5">
        <div className="min-w-0 flex-1">
          <Dialog.Title className="truncate text-16">Roll back {service.name}?</Dialog.Title>
          <p className="truncate text-12 text-ink-2">
            <PlaceText text={action.label} />
          </p>
        </div>
        <SubmitLever target={target} onPress={confirm} />
      </div>
      <BeforeAfter service={service} traffic={traffic} target={target} />
      <dl className="mt-2 grid grid-cols-[76px_minmax(0,1fr)] gap-y-1.5 px-5 py-2 leading-[18px]">
        <dt className="text-ink-3">Effect</dt>
        <dd>{action.effect}</dd>
        <dt className="text-ink-3">Users</dt>
        <dd>{usersLine(traffic, release.candidateEnvironment, target)}</dd>
        {observed && (
          <>
            <dt className="text-ink-3">In flight</dt>
            <dd>
              {plural(observed.environments[release.candidateEnvironment].inFlight ?? 0, 'request')} on {release.candidateEnvironment}, given up to {formatDuration(release.plan.drainMs)} to end.
            </dd>
          </>
        )}
        {target && observed && (
          <>
            <dt className="text-ink-3 capitalize">{target}</dt>
            <dd>
              {observed.environments[target].instances.ready} of {observed.environments[target].instances.wanted} ready
              {targetReady ? '.' : `: ${observed.environments[target].detail || observed.environments[target].readiness}. Traffic stays until it is ready.`}
            </dd>
          </>
        )}
      </dl>
      {target && !targetReady && (
        <p className="flex gap-2 px-5 pb-2">
          <input id={forceId} type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} />
          <label htmlFor={forceId}>Send traffic to {target} although it is not ready</label>
        </p>
      )}
      <TextField
        className="px-5 pb-3"
        label="Reason"
        hint="optional now, asked for afterwards"
        placeholder="What you saw"
        value={reason}
        maxLength={2000}
        onChange={(event) => setReason(event.target.value)}
      />
      <div className="flex items-center gap-4 border-t border-line-1 py-2 pr-5 pl-3.5 text-12 text-ink-3">
        <Button look="bare" className="mr-auto" onClick={onClose}>
          Keep it as it is <Kbd>Esc</Kbd>
        </Button>
        works without metrics, flags or database
      </div>
    </form>
  )
}

function SubmitLever({ target, onPress }: { readonly target: EnvironmentName | null; readonly onPress: () => void }) {
  const focus = (element: HTMLButtonElement | null) => element?.focus()
  return (
    <BackLever
      ref={focus}
      armed
      label="Roll back now"
      detail={target ? `${target} 100 %, ${otherEnvironment(target)} 0 %` : 'out of service'}
      shortcut="Enter"
      onPress={onPress}
    />
  )
}

function usersLine(traffic: MeasuredTraffic, from: EnvironmentName, target: EnvironmentName | null): string {
  const perSecond = from === 'blue' ? traffic.bluePerSecond : traffic.greenPerSecond
  if (!target) return 'There is no earlier version: the service goes out of service, and callers get 503.'
  if (traffic.seconds === 0) return `Everyone gets ${target}. How many requests that moves is not known now.`
  return `${formatRate(perSecond)} req/s move to ${target}. No request is dropped.`
}

function BeforeAfter({ service, traffic, target }: { readonly service: ServiceView; readonly traffic: MeasuredTraffic; readonly target: EnvironmentName | null }) {
  const observed = service.observed.kind === 'known' ? service.observed.value : null
  return (
    <table className="mx-5 mt-3 w-[calc(100%-40px)]">
      <thead>
        <tr className="text-11 text-ink-3">
          <th scope="col">environment</th>
          <th scope="col" className="text-right">
            now, measured
          </th>
          <th aria-hidden="true" className="w-44" />
          <th scope="col" className="text-right">
            after
          </th>
        </tr>
      </thead>
      <tbody>
        {ENVIRONMENTS.map((environment) => {
          const share = environment === 'blue' ? traffic.blueShare : traffic.greenShare
          const now = share ?? observed?.weights[environment] ?? null
          const after = environment === target ? 100 : 0
          return (
            <tr key={environment} className="h-[46px] text-14">
              <th scope="row" className="whitespace-nowrap">
                <Plate environment={environment} /> <Version className="font-semibold" version={observed?.environments[environment].deployed?.version ?? 'empty'} />
              </th>
              <td className="text-right">{now === null ? 'unknown' : formatPercent(now, share === null ? 0 : 1)}</td>
              <td className="px-3.5">
                <Change from={now ?? after} to={after} environment={environment} />
              </td>
              <td className="text-right font-semibold">{after} %</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** The band before and after, at track thickness. */
function Change({ from, to, environment }: { readonly from: number; readonly to: number; readonly environment: EnvironmentName }) {
  const [a, b] = [bandWidth(from, 36) / 2, bandWidth(to, 36) / 2]
  const shape = `M0 ${20 - a}H66L78 ${20 - b}H148V${20 + b}H78L66 ${20 + a}H0Z`
  return (
    <svg width={148} height={40} aria-hidden="true">
      {a + b > 0 && <path fill={`var(--${environment})`} d={shape} />}
      {b === 0 && <path className="tk-rail" d={`M${a === 0 ? 0 : 78} 20H148`} />}
    </svg>
  )
}
