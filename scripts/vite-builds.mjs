// What Vite builds: the renderer, the same for both hosts; and, for an installed app, supervisor and router.
import { fileURLToPath } from 'node:url'

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
    // Small fonts stay files: the content security policy takes none out of data: addresses.
    build: { outDir: `${root}dist/renderer`, emptyOutDir: true, target: 'es2024', chunkSizeWarningLimit: 1200, assetsInlineLimit: 0 },
  }
}

/**
 * Supervisor or router in one file with everything it needs: it is copied out of an installed app and outlives it.
 * @param {'supervisor' | 'router'} program
 * @returns {import('vite').InlineConfig}
 */
export function localBuild(program, outDir) {
  return {
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir,
      emptyOutDir: false,
      target: 'node24',
      minify: false,
      rolldownOptions: { input: { [program]: `${root}src-main/providers/local/${program}/main.ts` }, output: { entryFileNames: '[name].mjs', codeSplitting: false } },
    },
  }
}
