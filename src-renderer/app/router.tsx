import { type ErrorComponentProps, createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, type RouterHistory } from '@tanstack/react-router'
import { parseAuditSearch } from '../features/audit/audit-search.ts'
import { Band } from '../components/pane.tsx'
import { Shell } from './shell/shell.tsx'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Broken })

const overview = createRoute({ getParentRoute: () => root, path: '/', component: lazyRouteComponent(() => import('../routes/overview.tsx'), 'OverviewRoute') })
const service = createRoute({ getParentRoute: () => root, path: '/services/$name', component: lazyRouteComponent(() => import('../routes/service.tsx'), 'ServiceRoute') })
const newRelease = createRoute({
  getParentRoute: () => root,
  path: '/services/$name/release',
  validateSearch: (raw: Record<string, unknown>): { readonly version?: string } => (typeof raw['version'] === 'string' || typeof raw['version'] === 'number' ? { version: String(raw['version']) } : {}),
  component: lazyRouteComponent(() => import('../routes/new-release.tsx'), 'NewReleaseRoute'),
})
const audit = createRoute({ getParentRoute: () => root, path: '/audit', validateSearch: parseAuditSearch, component: lazyRouteComponent(() => import('../routes/audit.tsx'), 'AuditRoute') })
const report = createRoute({ getParentRoute: () => root, path: '/audit/release/$id', component: lazyRouteComponent(() => import('../routes/release-report.tsx'), 'ReleaseReportRoute') })
const settings = createRoute({ getParentRoute: () => root, path: '/settings', component: lazyRouteComponent(() => import('../routes/settings.tsx'), 'SettingsRoute') })
const migrations = createRoute({ getParentRoute: () => root, path: '/migrations', component: lazyRouteComponent(() => import('../routes/migrations.tsx'), 'MigrationsRoute') })
const migration = createRoute({ getParentRoute: () => root, path: '/migrations/$id', component: lazyRouteComponent(() => import('../routes/migration.tsx'), 'MigrationRoute') })
const flags = createRoute({
  getParentRoute: () => root,
  path: '/flags',
  validateSearch: (raw: Record<string, unknown>): { readonly view?: 'new' | 'segments'; readonly source?: string } => ({ ...(raw['view'] === 'new' || raw['view'] === 'segments' ? { view: raw['view'] } : {}), ...(typeof raw['source'] === 'string' ? { source: raw['source'] } : {}) }),
  component: lazyRouteComponent(() => import('../routes/flags.tsx'), 'FlagsRoute'),
})
const flag = createRoute({
  getParentRoute: () => root,
  path: '/flags/$source/$key',
  validateSearch: (raw: Record<string, unknown>): { readonly view?: 'edit' | 'rollout' } => (raw['view'] === 'edit' || raw['view'] === 'rollout' ? { view: raw['view'] } : {}),
  component: lazyRouteComponent(() => import('../routes/flag.tsx'), 'FlagRoute'),
})

const tree = root.addChildren([overview, service, newRelease, audit, report, settings, migrations, migration, flags, flag])

/** Addresses live behind the `#`, so that one file serves every screen under both hosts. */
export function createAppRouter(history: RouterHistory = createHashHistory()) {
  return createRouter({ routeTree: tree, history, defaultPreload: 'intent', scrollRestoration: false })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>
  }
}

function NotFound() {
  return (
    <>
      <Band title="There is no such screen" sentence="The address may be of another version, or mistyped." />
      <main className="min-h-0 flex-1 bg-bg-1 p-4">
        <Link to="/" className="link">
          Go to Overview
        </Link>
      </main>
    </>
  )
}

function Broken({ error }: ErrorComponentProps) {
  return (
    <>
      <Band title="This screen broke" sentence="Traffic is not affected by what a screen does. Roll back works with Ctrl Shift B and from a terminal." />
      <main role="alert" className="min-h-0 flex-1 bg-bg-1 p-4">
        <p className="mb-2">{error instanceof Error ? error.message : String(error)}</p>
        <button type="button" className="link" onClick={() => window.location.reload()}>
          Load it again
        </button>
      </main>
    </>
  )
}
