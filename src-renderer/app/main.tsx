import './theme.css'
import { desktopHost } from '../lib/desktop-host.ts'
import { openSocket } from '../lib/open-socket.ts'

// First of all, and while the screens are still on their way. It also takes the one-time token out of the address before
// the router reads it.
const early = desktopHost() ? null : openSocket()
// Whoever waits for it hears why; until then it is nobody's.
early?.catch(() => undefined)
void import('./start.tsx').then(({ start }) => start(early))
