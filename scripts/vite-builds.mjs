// What Vite builds: the renderer, the same for both hosts; and, for an installed app, supervisor, router and flag server.
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
    plugins: [react(), tailwind(), preloadFirstScreen()],
    // Small fonts stay files: the content security policy takes none out of data: addresses.
    build: { outDir: `${root}dist/renderer`, emptyOutDir: true, target: 'es2024', modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1200, assetsInlineLimit: 0, rolldownOptions: { output: { codeSplitting: { groups: [{ name: firstScreenInOne, debugName: 'first' }] } } } },
  }
}

/** What the first screen needs, which the entry asks for only once it runs. */
const FIRST_MODULES = ['/app/start.tsx', '/routes/overview.tsx']
const FIRST_FONTS = /\/(inter|jetbrains-mono)-latin-wght-normal-[^/]*\.woff2$/

/** All of the first screen in one file: a browser opens six connections, and twenty small files wait for one another. */
function firstScreenInOne(id, context) {
  const isNeededBy = (paths) => {
    const seen = new Set()
    const look = (module) => {
      if (seen.has(module)) return false
      seen.add(module)
      return paths.some((path) => module.endsWith(path)) || (context.getModuleInfo(module)?.importers ?? []).some(look)
    }
    return look(id)
  }
  // The entry itself runs before, and must not wait for it.
  return isNeededBy(['/app/main.tsx']) ? 'enter' : isNeededBy(FIRST_MODULES) ? 'first' : null
}

/** Lets the browser fetch all of the first screen at once, instead of finding out step by step. */
function preloadFirstScreen() {
  return {
    name: 'preload-first-screen',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const files = Object.values(bundle ?? {})
        const wanted = new Set()
        const want = (chunk) => {
          if (!chunk || wanted.has(chunk.fileName)) return
          wanted.add(chunk.fileName)
          for (const name of chunk.imports) want(bundle[name])
        }
        for (const file of files) if (file.type === 'chunk' && file.moduleIds.some((id) => FIRST_MODULES.some((path) => id.endsWith(path)))) want(file)
        const link = (attrs) => ({ tag: 'link', injectTo: 'head', attrs: { crossorigin: true, ...attrs } })
        return [
          ...[...wanted].filter((name) => !html.includes(`/${name}"`)).map((name) => link({ rel: 'modulepreload', href: `/${name}` })),
          ...files.filter(({ fileName }) => FIRST_FONTS.test(`/${fileName}`)).map(({ fileName }) => link({ rel: 'preload', as: 'font', type: 'font/woff2', href: `/${fileName}` })),
        ]
      },
    },
  }
}

const LOCAL_PROGRAMS = { supervisor: 'src-main/providers/local/supervisor/main.ts', router: 'src-main/providers/local/router/main.ts', 'flag-server': 'src-main/providers/flagd/flag-server/main.ts' }

/**
 * Supervisor, router or flag server in one file with everything it needs: it is copied out of an installed app and outlives it.
 * @param {'supervisor' | 'router' | 'flag-server'} program
 * @returns {import('vite').InlineConfig}
 */
export function localBuild(program, outDir) {
  return inOneFile(`${root}${LOCAL_PROGRAMS[program]}`, outDir, `${program}.mjs`, 'es')
}

/**
 * What services of the demo take from npm, in place of the file that names it: an installed app's demo has no packages above it.
 * @returns {import('vite').InlineConfig}
 */
export function demoBuild(demo) {
  return inOneFile(`${root}resources/demo/service/open-feature.cjs`, `${demo}/service`, 'open-feature.cjs', 'cjs')
}

function inOneFile(input, outDir, entryFileNames, format) {
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
      rolldownOptions: { input, output: { entryFileNames, format, codeSplitting: false } },
    },
  }
}
