import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Electron's package is a path to a binary that few machines have; the desktop host runs on a double.
  resolve: { alias: { electron: fileURLToPath(new URL('src-main/hosts/desktop/testing/electron-double.ts', import.meta.url)) } },
  test: {
    include: ['src-main/**/*.test.ts', 'src-renderer/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    maxConcurrency: 3,
    // Real processes on a busy machine: a test that fails twice in a row fails.
    retry: 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
