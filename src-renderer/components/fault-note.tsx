import type { FaultData } from '../../src-main/contract/fault.ts'
import { Button } from './button.tsx'
import { Icon } from './icons.tsx'

/** A fault beside what caused it. A rule that said no and something that broke look different, and so do their next steps. */
export function FaultNote({ fault, onRetry, onDismiss, className = '' }: { readonly fault: FaultData; readonly onRetry?: (() => void) | undefined; readonly onDismiss?: (() => void) | undefined; readonly className?: string }) {
  const isRefused = fault.cause === 'refused'
  return (
    <div role="alert" className={`flex items-start gap-3 border-l-2 px-3 py-2 ${isRefused ? 'border-line-3 bg-bg-2' : 'border-fail bg-fail-bg'} ${className}`}>
      <Icon name={isRefused ? 'lock' : 'fail'} size={14} className={`mt-[3px] ${isRefused ? '' : 'text-fail'}`} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{fault.message}</p>
        <p className="text-12 text-ink-2">
          {fault.place && (
            <span className="mono">
              {fault.place.file}:{fault.place.line}:{fault.place.column}{' '}
            </span>
          )}
          {fault.next}
        </p>
      </div>
      {onRetry && fault.retryable && <Button onClick={onRetry}>Try again</Button>}
      {onDismiss && (
        <Button look="bare" aria-label="Dismiss" onClick={onDismiss}>
          <Icon name="close" />
        </Button>
      )}
    </div>
  )
}
