import { createRoot } from 'react-dom/client'
import { createConnect } from '../lib/connect.ts'
import type { OpenedSocket } from '../lib/open-socket.ts'
import { followTheme } from '../lib/theme.ts'
import { App } from './app.tsx'
import { startConsole } from './console.ts'
import { createAppRouter } from './router.tsx'

/** The whole app in this page. */
export function start(early: Promise<OpenedSocket> | null): void {
  followTheme()
  const running = startConsole(createConnect(early))
  const element = document.getElementById('root')
  if (element) createRoot(element).render(<App running={running} router={createAppRouter()} />)
}
