import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStateLog } from './state-log.ts'

describe('the state log', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'signalbox-state-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const reopened = async () => {
    const log = await openStateLog(folder)
    const entries = Object.fromEntries(log.entries)
    await log.close()
    return entries
  }
  const files = () => [join(folder, 'state.0'), join(folder, 'state.1')] as const
  /** The file that is being written, by its epoch. */
  const active = () => {
    const epoch = (file: string) => Number(/^(\d+) /.exec(readFileSync(file, 'latin1'))?.[1] ?? -1)
    const [a, b] = files()
    return epoch(a) > epoch(b) ? a : b
  }

  it('remembers the last value of each key, and forgets what was set to null', async () => {
    const log = await openStateLog(folder)
    await log.append([['a', 1], ['b', { text: 'line\nbreak "quoted" ü' }]])
    await Promise.all([log.append([['a', 2]]), log.append([['c', 3]]), log.append([['c', null]])])
    await log.close()
    expect(await reopened()).toEqual({ a: 2, b: { text: 'line\nbreak "quoted" ü' } })
  })

  it('never grows by an append, so that a full disk cannot stop one', async () => {
    const log = await openStateLog(folder)
    const sizes = files().map((file) => statSync(file).size)
    for (let i = 0; i < 3000; i++) await log.append([[`key ${i % 5}`, 'x'.repeat(500)]])
    expect(files().map((file) => statSync(file).size)).toEqual(sizes)
    await log.close()
    expect(Object.keys(await reopened())).toHaveLength(5)
  })

  it('grows for what does not fit any more, and still reads it', async () => {
    const log = await openStateLog(folder)
    for (let i = 0; i < 900; i++) await log.append([[`key ${i}`, 'x'.repeat(2000)]])
    await log.close()
    expect(Object.keys(await reopened())).toHaveLength(900)
  })

  it('reads all that was durable and nothing half written, wherever the last write was torn', async () => {
    const log = await openStateLog(folder)
    for (let i = 0; i < 20; i++) await log.append([['count', i], ['again', i]])
    await log.close()
    const file = active()
    const whole = readFileSync(file)
    const end = whole.indexOf(0)
    const text = whole.toString('latin1', 0, end)
    const lastLine = text.lastIndexOf('\n', end - 2) + 1
    for (let cut = lastLine; cut < end; cut += 7) {
      writeFileSync(file, Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)]))
      expect(await reopened()).toEqual({ count: 18, again: 18 })
    }
    const flipped = Buffer.from(whole)
    flipped[lastLine + 30] = (flipped[lastLine + 30] ?? 0) ^ 1
    writeFileSync(file, flipped)
    expect(await reopened()).toEqual({ count: 18, again: 18 })
    writeFileSync(file, whole)
    expect(await reopened()).toEqual({ count: 19, again: 19 })
  })

  it('keeps the older file until the newer snapshot is whole', async () => {
    const log = await openStateLog(folder)
    await log.append([['a', 1]])
    await log.close()
    const written = active()
    const other = files().find((file) => file !== written) ?? ''
    const text = readFileSync(written, 'latin1')
    // A newer epoch without its closing line: a crash while compacting.
    const unfinished = text.slice(0, text.indexOf('\n') + 1).replace(/^(\d+)/, (epoch) => String(Number(epoch) + 1))
    writeFileSync(other, Buffer.concat([Buffer.from(unfinished, 'latin1'), Buffer.alloc(1 << 20)]))
    expect(await reopened()).toEqual({ a: 1 })
    truncateSync(other, 0)
    expect(await reopened()).toEqual({ a: 1 })
  })

  it('goes on after the torn place', async () => {
    const log = await openStateLog(folder)
    await log.append([['a', 1]])
    await log.close()
    const file = active()
    const bytes = readFileSync(file)
    bytes.write('99 rubbish', bytes.indexOf(0), 'latin1')
    writeFileSync(file, bytes)
    const again = await openStateLog(folder)
    await again.append([['b', 2]])
    await again.close()
    expect(await reopened()).toEqual({ a: 1, b: 2 })
  })
})
