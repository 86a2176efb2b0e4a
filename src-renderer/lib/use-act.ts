import { useConsole } from './console-context.tsx'
import { useValue } from './value-store.ts'

/** The service's newest act on this screen, if any. */
export function useAct(service: string) {
  const { acts } = useConsole()
  return useValue(acts.state, (all) => all.get(service) ?? null)
}
