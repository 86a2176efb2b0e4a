import { Dialog } from '../../components/dialog.tsx'
import { Kbd } from '../../components/button.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { shortcutLabel } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'

const KEYS: readonly (readonly [keys: string, words: string])[] = [
  ['mod+shift+b', 'Roll back what is in view; Enter confirms'],
  ['mod+shift+x', 'Kill the flag in view, or choose one; Enter confirms'],
  ['mod+k', 'Service, action, screen'],
  ['/', 'Search'],
  ['j', 'Next row'],
  ['k', 'Row before'],
  ['Enter', 'Open the selected row'],
  ['p', 'The next step of the service or flag in view'],
  ['b', 'Roll back the migration or rollout in view; Enter confirms'],
  ['e', 'Edit the flag in view'],
  ['n', 'New release of the service in view'],
  ['g o', 'Go to Overview'],
  ['g v', 'Go to the selected service'],
  ['g a', 'Go to Audit'],
  ['g m', 'Go to Migrations'],
  ['g f', 'Go to Flags'],
  ['g s', 'Go to Settings'],
  ['g n', 'Open notifications'],
  ['?', 'This sheet'],
  ['Esc', 'Back out'],
]

export function KeysSheet() {
  const { ui } = useConsole()
  const open = useValue(ui, (state) => state.keys)
  return (
    <Dialog open={open} onClose={() => ui.set((before) => ({ ...before, keys: false }))} title="Keyboard" className="w-[480px]">
      <dl className="grid grid-cols-[140px_minmax(0,1fr)] gap-y-1.5 p-5">
        {KEYS.map(([keys, words]) => (
          <div key={keys} className="contents">
            <dt>
              <Kbd>{shortcutLabel(keys)}</Kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p className="px-5 pb-5 text-12 text-ink-3">Plain keys rest while you type.</p>
    </Dialog>
  )
}
