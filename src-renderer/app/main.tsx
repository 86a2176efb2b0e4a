import { createRoot } from 'react-dom/client'
import { connect } from '../lib/connect.ts'
import { followTheme } from '../lib/theme.ts'
import { App } from './app.tsx'
import { startConsole } from './console.ts'
import { createAppRouter } from './router.tsx'
import './theme.css'

followTheme()
// First: it takes the one-time token out of the address before the router reads it.
const running = startConsole(connect)
const element = document.getElementById('root')
if (element) createRoot(element).render(<App running={running} router={createAppRouter()} />)
