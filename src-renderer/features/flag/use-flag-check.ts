import { useEffect, useState } from 'react'
import type { FlagDefinition, FlagProblem } from '../../../src-main/contract/flag-definition.ts'
import { useConsole } from '../../lib/console-context.tsx'

/** So long nothing was typed before the core is asked. */
const REST_MS = 250

/** What the core says of a definition as it would be, a moment after it was typed. Null: not asked yet. */
export function useFlagCheck(source: string, definition: FlagDefinition | null): readonly FlagProblem[] | null {
  const { session } = useConsole()
  const [said, setSaid] = useState<{ readonly of: FlagDefinition; readonly problems: readonly FlagProblem[] } | null>(null)
  const text = definition ? JSON.stringify(definition) : null
  useEffect(() => {
    if (!definition || definition.key === '') return
    let isOld = false
    const timer = setTimeout(() => {
      session
        .call((client) => client.flag.check({ source, flag: definition.key, definition }))
        .then(
          (problems) => !isOld && setSaid({ of: definition, problems }),
          // Refused or cut off: saving says it too, and loudly.
          () => undefined,
        )
    }, REST_MS)
    return () => {
      isOld = true
      clearTimeout(timer)
    }
    // The same text is the same definition.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [session, source, text])
  return said?.problems ?? null
}
