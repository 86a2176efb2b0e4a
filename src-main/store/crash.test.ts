import { describe, expect, it } from 'vitest'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { seededRandom } from '../bench/measure.ts'
import { aftermath } from './testing/acknowledged.ts'
import { temporaryFolder } from './testing/fixtures.ts'

const child = join(import.meta.dirname, 'testing/store-child.ts')
const random = seededRandom(Date.now() % 100_000)

/** Runs the writer and kills it (SIGKILL) some milliseconds after it began to acknowledge. */
async function killWhileWriting(folder: string, ...args: string[]): Promise<readonly string[]> {
  const writer = spawn(process.execPath, [child, 'write', folder, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let isArmed = false
  writer.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (isArmed || !text.includes('ack')) return
    isArmed = true
    setTimeout(() => writer.kill('SIGKILL'), random() * 40)
  })
  await new Promise((resolve) => writer.on('close', resolve))
  // The last line may have been cut by the kill: an acknowledgement nobody read in full.
  return text.slice(0, text.lastIndexOf('\n')).split('\n')
}

/** Four writers at a time, each killed again and again on the same folder. */
async function killRounds(rounds: number, ...args: string[]): Promise<{ acknowledged: number; lost: readonly string[] }> {
  const arms = Array.from({ length: 4 }, async () => {
    const folder = temporaryFolder()
    const results = []
    try {
      for (let i = 0; i < rounds; i++) {
        const after = await aftermath(folder.path, await killWhileWriting(folder.path, ...args))
        expect(after.broken).toBe('')
        results.push(after)
      }
    } finally {
      folder.dispose()
    }
    return results
  })
  const results = (await Promise.all(arms)).flat()
  return { acknowledged: results.reduce((sum, result) => sum + result.acknowledged, 0), lost: results.flatMap((result) => result.lost) }
}

describe('kill -9 while committing', () => {
  it('loses nothing that was acknowledged, in 32 kills, and the chain holds', { timeout: 180_000 }, async () => {
    const { acknowledged, lost } = await killRounds(8)
    expect(lost).toEqual([])
    expect(acknowledged).toBeGreaterThan(32)
  })

  it('would notice: writers that acknowledge before they commit lose some', { timeout: 180_000 }, async () => {
    expect((await killRounds(1, 'early')).lost.length).toBeGreaterThan(0)
  })
})
