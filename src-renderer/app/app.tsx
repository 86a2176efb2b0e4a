import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { ConsoleProvider } from '../lib/console-context.tsx'
import type { RunningConsole } from './console.ts'
import type { createAppRouter } from './router.tsx'

export function App({ running, router }: { readonly running: RunningConsole; readonly router: ReturnType<typeof createAppRouter> }) {
  return (
    <ConsoleProvider value={running.console}>
      <QueryClientProvider client={running.queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </ConsoleProvider>
  )
}
