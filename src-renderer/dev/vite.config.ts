import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Every screen on invented data, for working on how it looks: `vite -c src-renderer/dev/vite.config.ts`, then /dev/?case=failing. */
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  plugins: [react(), tailwind()],
  server: { host: '127.0.0.1', port: 7399 },
})
