const IN_DIALOG = '[role=dialog], [role=alertdialog], [role=menu]'

let last: HTMLElement | null = null
if (typeof document !== 'undefined') {
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement && !target.closest(IN_DIALOG)) last = target
  })
}

/**
 * For a dialog that is opened by a key or by state and has no trigger of its own: on closing, the focus goes to where it
 * was before any dialog, unless another one has it by now. Given to `onCloseAutoFocus`.
 */
export function focusBack(event: Event): void {
  event.preventDefault()
  if (document.activeElement?.closest(IN_DIALOG)) return
  if (last?.isConnected) last.focus()
}
