import { createRoot } from 'react-dom/client'
import { App } from '../app/app.tsx'
import { startConsole } from '../app/console.ts'
import { createAppRouter } from '../app/router.tsx'
import '../app/theme.css'
import type { Connect } from '../lib/session.ts'
import { createTestCore } from '../lib/test-core.ts'
import { chooseTheme, followTheme } from '../lib/theme.ts'
import { CASES, shifting, startMetrics } from './cases.ts'
import { directClient } from './direct-client.ts'
import { STATES, WITHOUT_METRICS } from './states.ts'

const query = new URLSearchParams(window.location.search)
// The router reads a search part in front of the hash as its own.
window.history.replaceState(null, '', window.location.pathname + window.location.hash)
const theme = query.get('theme')
if (theme === 'dark' || theme === 'light') chooseTheme(theme)
followTheme()

const name = query.get('case') ?? ''
const core = createTestCore((CASES[name] ?? STATES[name] ?? shifting)())
if (!WITHOUT_METRICS.has(name)) startMetrics(core)

const lost = name === 'disconnected'
const connect: Connect = async () => {
  const isLost = lost
  if (name === 'loading') await new Promise(() => undefined)
  if (isLost && core.calls.length > 0) throw new Error('the console cannot be reached')
  if (isLost) core.calls.push({ name: 'connected', input: null })
  const closed = isLost ? new Promise<string>((resolve) => setTimeout(() => resolve('the console closed the connection'), 1500)) : new Promise<string>(() => undefined)
  return { client: directClient(core.api), closed, close: () => undefined }
}
const running = startConsole(connect)
Object.assign(window, { core })
const element = document.getElementById('root')
if (element) createRoot(element).render(<App running={running} router={createAppRouter()} />)
