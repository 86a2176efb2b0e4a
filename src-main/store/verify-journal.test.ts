import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../bench/measure.ts'
import type { Checkpoint } from '../contract/journal.ts'
import { entryHash, sha256 } from './journal-format.ts'
import { openJournalReader } from './journal-reader.ts'
import { fillJournal } from './testing/fill.ts'
import { temporaryFolder } from './testing/fixtures.ts'

const script = join(import.meta.dirname, '../../scripts/verify-journal.mjs')
interface Verdict {
  readonly entries: number
  readonly leftOut: number
  readonly problems: readonly { readonly line: number | null; readonly seq: number; readonly what: string }[]
}

describe('the stand-alone verifier', { timeout: 120_000 }, () => {
  const folder = temporaryFolder()
  let lines: string[]
  let checkpoint: Checkpoint

  beforeAll(async () => {
    await fillJournal(folder.path, 60)
    const reader = openJournalReader(join(folder.path, 'journal.db'))
    checkpoint = reader.checkpoint()
    lines = await exported(reader, null)
    reader.close()
  })
  afterAll(() => folder.dispose())

  async function exported(reader: ReturnType<typeof openJournalReader>, service: string | null): Promise<string[]> {
    let text = ''
    const filter = service === null ? null : { text: '', service }
    for await (const piece of reader.exportLines('jsonl', filter, reader.checkpoint(), 1)) text += piece.text
    return text.trimEnd().split('\n')
  }
  const run = (content: readonly string[], ...args: string[]) => {
    const file = join(folder.path, 'export.jsonl')
    writeFileSync(file, `${content.join('\n')}\n`)
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, file, ...args], { encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  it('passes a whole journal, and says that nothing covers the tail without a checkpoint', () => {
    const plain = run(lines)
    expect(plain.status).toBe(0)
    expect(plain.stdout).toContain('nothing covers the tail')
    const covered = run(lines, '--checkpoint', `${checkpoint.count}:${checkpoint.head}`)
    expect(covered.status).toBe(0)
    expect(covered.stdout).toContain('covers all 60 entries')
    const file = join(folder.path, 'kept.json')
    writeFileSync(file, JSON.stringify({ count: 40, head: JSON.parse(lines[40]!).hash }))
    expect(run(lines, '--checkpoint-file', file).stdout).toContain('nothing vouches for the 20 after it')
  })

  it('passes a filtered export and says what was left out', async () => {
    const reader = openJournalReader(join(folder.path, 'journal.db'))
    const filtered = await exported(reader, 'mail')
    reader.close()
    const { status, stdout } = run(filtered, '--json')
    const verdict = JSON.parse(stdout) as Verdict
    expect(status).toBe(0)
    expect(verdict.leftOut).toBeGreaterThan(0)
    expect(verdict.entries).toBe(60)
  })

  it('finds a cut end by the first line, and by a checkpoint when the first line was changed to match', () => {
    const cut = lines.slice(0, -5)
    expect(run(cut)).toMatchObject({ status: 1 })
    const last = JSON.parse(cut.at(-1)!) as { seq: number; hash: string }
    const forged = [JSON.stringify({ ...JSON.parse(lines[0]!), checkpoint: { count: last.seq, head: last.hash, at: 0 } }), ...cut.slice(1)]
    expect(run(forged).status).toBe(0)
    const { status, stdout } = run(forged, '--checkpoint', `${checkpoint.count}:${checkpoint.head}`)
    expect(status).toBe(1)
    expect(stdout).toContain('5 of its 60 entries are missing at the end')
  })

  it('finds a journal made anew from some entry on only by a checkpoint', () => {
    const forged = [...lines]
    let previousHash: Buffer | null = null
    for (let i = 30; i < forged.length; i++) {
      const line = JSON.parse(forged[i]!)
      const body: string = i === 30 ? line.body.replace('"operator":{"id":"', '"operator":{"id":"not-') : line.body
      const previous = previousHash ?? Buffer.from(line.previousHash, 'hex')
      const bodyHash = sha256(body)
      const hash = entryHash(previous, line.header, bodyHash)
      forged[i] = JSON.stringify({ ...line, previousHash: previous.toString('hex'), bodyHash: bodyHash.toString('hex'), hash: hash.toString('hex'), body })
      previousHash = hash
    }
    forged[0] = JSON.stringify({ ...JSON.parse(lines[0]!), checkpoint: { count: 60, head: previousHash!.toString('hex'), at: 0 } })
    expect(run(forged).status).toBe(0)
    expect(run(forged, '--checkpoint', `${checkpoint.count}:${checkpoint.head}`)).toMatchObject({ status: 1 })
    expect(run(forged, '--checkpoint', `20:${JSON.parse(lines[20]!).hash}`)).toMatchObject({ status: 0 })
  })

  it('is matched by the reader, which opens exports too, whole or tampered with', async () => {
    const file = join(folder.path, 'audit.jsonl')
    const verdict = async (content: readonly string[]) => {
      writeFileSync(file, content.join('\n'))
      const reader = openJournalReader(file)
      try {
        for await (const item of reader.verify(checkpoint)) if (item.kind === 'result') return item
        return null
      } finally {
        reader.close()
      }
    }
    expect(await verdict(lines)).toMatchObject({ ok: true, count: 60, checkpoint: expect.stringContaining('covers all 60') })
    expect(await verdict(lines.toSpliced(20, 1))).toMatchObject({ ok: false, problem: { seq: 20 } })
    expect(await verdict(lines.with(33, lines[33]!.replace('Send', 'Sent')))).toMatchObject({ ok: false, problem: { seq: 33, what: expect.stringContaining('body') } })
    expect(await verdict(lines.with(40, 'garbage'))).toMatchObject({ ok: false, problem: { seq: 40 } })
    expect(await verdict(lines.slice(0, -3))).toMatchObject({ ok: false, problem: { seq: 57, what: expect.stringContaining('3 are missing') } })
    expect(() => (writeFileSync(file, '{"format":"other"}\n'), openJournalReader(file))).toThrow('neither a journal database nor a JSONL export')
    expect(() => openJournalReader(join(folder.path, 'nowhere.db'))).toThrow('There is no file')
  })

  it('exits 2 on wrong usage and on what is no export', () => {
    expect(run(['hello']).status).toBe(2)
    expect(run(lines, '--checkpoint', 'x').status).toBe(2)
    expect(run(lines, '--wat').status).toBe(2)
    expect(spawnSync(process.execPath, [script, join(folder.path, 'nowhere.jsonl')]).status).toBe(2)
    expect(spawnSync(process.execPath, [script]).status).toBe(2)
  })

  it('imports nothing but Node itself', async () => {
    const { readFileSync } = await import('node:fs')
    const text = readFileSync(script, 'utf8')
    const imports = [...text.matchAll(/from '([^']+)'/g)].map((match) => match[1]!)
    expect(imports.every((name) => name.startsWith('node:'))).toBe(true)
    expect(text.split('\n').length).toBeLessThanOrEqual(200)
  })

  it('finds and locates 1,700 seeded mutations of an export', () => {
    const random = seededRandom(20_26)
    const int = (below: number) => Math.floor(random() * below)
    const mutated: { readonly kind: string; readonly at: number; readonly content: readonly string[] }[] = []
    const kinds = ['flip', 'edit', 'editAndRehash', 'remove', 'double', 'move', 'insert', 'swap', 'renumber', 'body'] as const
    for (let i = 0; i < 1700; i++) {
      const kind = kinds[i % kinds.length]!
      const at = 1 + int(lines.length - 2) // never the first line, never the very last entry
      mutated.push({ kind, at, content: mutate(kind, at) })
    }

    function mutate(kind: (typeof kinds)[number], at: number): string[] {
      const content = [...lines]
      const text = content[at]!
      const line = JSON.parse(text)
      switch (kind) {
        case 'flip': {
          const place = int(text.length)
          content[at] = text.slice(0, place) + String.fromCharCode(text.charCodeAt(place) ^ (1 + int(7))) + text.slice(place + 1)
          return content
        }
        case 'edit':
          content[at] = JSON.stringify({ ...line, header: line.header.replace(/"at":\d/, '"at":9') })
          return content
        case 'body':
          content[at] = JSON.stringify({ ...line, body: line.body.replace('"kind":"', '"kind":"x') })
          return content
        case 'editAndRehash': {
          const body = line.body.replace('"reason":"', '"reason":"not ')
          const bodyHash = sha256(body)
          content[at] = JSON.stringify({ ...line, bodyHash: bodyHash.toString('hex'), hash: entryHash(Buffer.from(line.previousHash, 'hex'), line.header, bodyHash).toString('hex'), body })
          return content
        }
        case 'remove':
          content.splice(at, 1 + int(Math.min(3, content.length - at - 1)))
          return content
        case 'double':
          content.splice(at, 0, text)
          return content
        case 'move': {
          content.splice(at, 1)
          let to = 1 + int(content.length - 1)
          if (to === at) to = at === 1 ? 2 : 1
          content.splice(to, 0, text)
          return content
        }
        case 'insert': {
          const previous = JSON.parse(lines[at === 1 ? 1 : at - 1]!)
          const header = line.header.replace(/"id":"[^"]*"/, '"id":"forged"')
          const hash = entryHash(Buffer.from(previous.hash, 'hex'), header, Buffer.from(line.bodyHash, 'hex')).toString('hex')
          content.splice(at, 0, JSON.stringify({ ...line, previousHash: previous.hash, hash, header }))
          return content
        }
        case 'swap':
          ;[content[at], content[at + 1]] = [content[at + 1]!, content[at]!]
          return content
        case 'renumber': {
          const header = line.header.replace(/"seq":\d+/, `"seq":${line.seq + 1}`)
          content[at] = JSON.stringify({ ...line, seq: line.seq + 1, header })
          return content
        }
        default:
          return kind satisfies never
      }
    }

    const missed: string[] = []
    const verdicts = verdictsOf(mutated.map(({ content }) => content))
    for (const [i, { kind, at }] of mutated.entries()) {
      const problems = verdicts[i]!.problems
      const isNear = problems.some(({ line, seq }) => (line !== null && line > 1 && Math.abs(line - 1 - at) <= 1) || Math.abs(seq - at) <= 1)
      if (!isNear) missed.push(`${kind} at ${at}: ${JSON.stringify(problems[0])}`)
    }
    expect(missed).toEqual([])
  })

  /** One process for all of them: starting Node costs more than verifying. */
  function verdictsOf(contents: readonly (readonly string[])[]): readonly Verdict[] {
    const files = contents.map((content, i) => {
      const file = join(folder.path, `mutated-${i}.jsonl`)
      writeFileSync(file, `${content.join('\n')}\n`)
      return file
    })
    const { stdout } = spawnSync(process.execPath, [script, ...files, '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 })
    for (const file of files) rmSync(file)
    const verdicts = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Verdict)
    expect(verdicts).toHaveLength(contents.length)
    return verdicts
  }

  it('finds and locates 300 seeded mutations of the database itself, by the reader and by the verifier', async () => {
    const random = seededRandom(4)
    const int = (below: number) => Math.floor(random() * below)
    const pristine = join(folder.path, 'journal.db')
    const missed: string[] = []
    const contents: (readonly string[])[] = []
    const places: number[] = []
    for (let i = 0; i < 300; i++) {
      const copy = join(folder.path, 'mutated.db')
      copyFileSync(pristine, copy)
      const db = new Database(copy)
      db.exec('DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete; DROP TRIGGER journal_grows_at_its_end')
      const at = 1 + int(58)
      const change = [
        () => db.prepare("UPDATE journal SET body = replace(body, '\"summary\":\"', '\"summary\":\"X') WHERE seq = ?").run(at),
        () => db.prepare("UPDATE journal SET header = replace(header, '\"at\":1', '\"at\":2') WHERE seq = ?").run(at),
        () => db.prepare('UPDATE journal SET hash = randomblob(32) WHERE seq = ?').run(at),
        () => db.prepare('UPDATE journal SET body_hash = randomblob(32) WHERE seq = ?').run(at),
        () => db.prepare('DELETE FROM journal WHERE seq = ?').run(at),
        () => {
          db.prepare('UPDATE journal SET seq = -1 WHERE seq = ?').run(at)
          db.prepare('UPDATE journal SET seq = ? WHERE seq = ?').run(at, at + 1)
          db.prepare('UPDATE journal SET seq = ? WHERE seq = -1').run(at + 1)
        },
        () => {
          db.prepare('UPDATE journal SET seq = -seq - 1 WHERE seq >= ?').run(at)
          db.prepare('UPDATE journal SET seq = -seq WHERE seq < 0').run()
          db.prepare('INSERT INTO journal SELECT ?, header, body, previous_hash, body_hash, hash FROM journal WHERE seq = ?').run(at, at + 1)
        },
      ][i % 7]!
      change()
      db.close()
      const reader = openJournalReader(copy)
      let problem: { seq: number; what: string } | null = null
      for await (const item of reader.verify(checkpoint)) if (item.kind === 'result') problem = item.problem
      if (!problem || Math.abs(problem.seq - at) > 1) missed.push(`${i % 7} at ${at}: ${JSON.stringify(problem)}`)
      contents.push(await exported(reader, null))
      places.push(at)
      reader.close()
    }
    for (const [i, { problems }] of verdictsOf(contents).entries()) {
      if (!problems.some(({ seq }) => Math.abs(seq - places[i]!) <= 1)) missed.push(`verifier, ${i % 7} at ${places[i]}: ${JSON.stringify(problems[0])}`)
    }
    expect(missed).toEqual([])
  })
})
