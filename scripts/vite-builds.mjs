// What Vite builds: the renderer for both hosts, and the desktop host for Electron. One place, used by build and start.
import { fileURLToPath } from 'node:url'
import { builtinModules } from 'node:module'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** @returns {Promise<import('vite').InlineConfig>} */
export async function rendererBuild() {
  const [{ default: react }, { default: tailwind }] = await Promise.all([import('@vitejs/plugin-react'), import('@tailwindcss/vite')])
  return {
    configFile: false,
    root: `${root}src-renderer`,
    // Both hosts serve it from the top of an origin of its own.
    base: '/',
    logLevel: 'warn',
    plugins: [react(), tailwind()],
    build: { outDir: `${root}dist/renderer`, emptyOutDir: true, target: 'es2024', chunkSizeWarningLimit: 1200, // The content security policy takes fonts and images from this origin only, not out of data: addresses.
      assetsInlineLimit: 0 },
  }
}

/**
 * The desktop host. Packages stay outside of the bundles (better-sqlite3 is native code); our own sources go in.
 * @returns {readonly import('vite').InlineConfig[]}
 */
export function desktopBuilds() {
  const common = { configFile: false, root, logLevel: 'warn', publicDir: false }
  const outside = ['electron', ...builtinModules, ...builtinModules.map((name) => `node:${name}`)]
  return [
    {
      ...common,
      build: {
        ssr: true,
        outDir: `${root}dist/desktop`,
        emptyOutDir: true,
        target: 'node24',
        rollupOptions: {
          input: { main: `${root}src-main/hosts/desktop/main.ts`, 'core-worker': `${root}src-main/hosts/core-worker.ts` },
          external: outside,
          output: { format: 'es', entryFileNames: '[name].js' },
        },
      },
    },
    {
      ...common,
      build: {
        ssr: true,
        outDir: `${root}dist/desktop`,
        emptyOutDir: false,
        target: 'node24',
        rollupOptions: {
          input: { preload: `${root}src-main/hosts/desktop/preload.cts` },
          external: outside,
          // A sandboxed preload is loaded as a CommonJS script.
          output: { format: 'cjs', entryFileNames: '[name].cjs' },
        },
      },
    },
  ]
}
