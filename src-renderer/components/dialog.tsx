import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { focusBack } from './focus-back.ts'
import { Icon } from './icons.tsx'

export interface DialogProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: string
  readonly description?: string
  readonly children: ReactNode
  readonly className?: string
}

/** A dialog in the middle of the window. Escape and a press outside close it; focus comes back to where it was. */
export function Dialog({ open, onClose, title, description, children, className = 'w-[560px]' }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          onCloseAutoFocus={focusBack}
          className={`fixed top-[12vh] left-1/2 z-50 max-h-[80vh] max-w-[calc(100vw-32px)] -translate-x-1/2 overflow-auto rounded-2 border border-line-3 bg-bg-2 ${className}`}
          {...(description === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <div className="flex items-center border-b border-line-1 py-3 pr-3 pl-5">
            <Radix.Title className="flex-1 text-16">{title}</Radix.Title>
            <Radix.Close asChild>
              <Button look="bare" aria-label="Close">
                <Icon name="close" />
              </Button>
            </Radix.Close>
          </div>
          {description !== undefined && <Radix.Description className="px-5 pt-3 text-ink-2">{description}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
