import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEnvironmentLog } from './logs.ts'

/** A small disk of its own; only root can have one. */
const folder = mkdtempSync(join(tmpdir(), 'signalbox-logs-'))
const mounted = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder]).status === 0 && spawnSync('fallocate', ['--version']).status === 0
if (!mounted) {
  rmSync(folder, { recursive: true, force: true })
  console.warn('SKIPPED: a full disk under logs needs root (mount) and fallocate')
}

function fill(): number {
  const fd = openSync(join(folder, 'ballast'), 'a')
  const piece = Buffer.alloc(64 << 10)
  let written = 0
  try {
    for (;;) written += writeSync(fd, piece)
  } catch {
    try {
      for (;;) written += writeSync(fd, piece, 0, 512)
    } catch {
      return written
    }
  } finally {
    closeSync(fd)
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(!mounted)('output on a full disk', () => {
  beforeAll(() => rmSync(join(folder, 'ballast'), { force: true }))
  afterAll(() => {
    spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  })

  it('fits: what a process writes is never refused, and the newest lines are there', async () => {
    const log = openEnvironmentLog(folder, 'web', 'blue', false)
    log.reserve()
    await sleep(300)
    // The control: a file for which nothing was set aside is refused.
    const control = openSync(join(folder, 'control'), 'a')
    writeSync(control, 'x')
    fill()
    const { bavail } = statfsSync(folder)
    expect(bavail).toBe(0)
    let refusedControl = 0
    let refused = 0
    const line = `${'y'.repeat(199)}\n`
    for (let i = 0; i < 6000; i += 1) {
      try {
        writeSync(log.stdoutFd, line)
      } catch {
        refused += 1
      }
      try {
        writeSync(control, line)
      } catch {
        refusedControl += 1
      }
      if (i % 200 === 0) {
        log.poll()
        await sleep(20)
      }
    }
    log.poll()
    expect(refusedControl).toBeGreaterThan(100)
    expect(refused).toBe(0)
    expect(log.recent(5)).toHaveLength(5)
    // What the supervisor itself notes does not end it.
    log.note('still here')
    expect(log.recent(1)[0]?.text).toBe('still here')
    closeSync(control)
    log.close()
  })
})
