import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { findFreePort } from '../supervisor/probe.ts'
import { has, listening, start } from './processes.ts'

/** HAProxy with one thread in front of one backend, as a peer to show; null where it is not installed. */
export async function startHaproxy(backendPort: number, cpu: number): Promise<{ readonly child: ChildProcess; readonly port: number; dispose(): void } | null> {
  if (!has('haproxy')) return null
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-haproxy-'))
  const port = await findFreePort()
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server a 127.0.0.1:${backendPort}
`,
  )
  const child = start(['haproxy', '-db', '-f', file], { cpu })
  await listening(port)
  return { child, port, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
