import { useState } from 'react'
import { Button } from './button.tsx'

/** Copies text, and says so in place. */
export function CopyButton({ text, label }: { readonly text: () => string; readonly label: string }) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text())
      setState('done')
    } catch {
      setState('failed')
    }
    setTimeout(() => setState('idle'), 1500)
  }
  return (
    <Button look="bare" onClick={() => void copy()}>
      {state === 'idle' ? label : state === 'done' ? 'Copied' : 'Cannot copy here'}
    </Button>
  )
}
