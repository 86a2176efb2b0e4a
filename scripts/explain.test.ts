import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, expect, test } from 'vitest'
import type { Criterion } from '../src-main/contract/analysis.ts'
import { withAbsence } from '../src-main/core/analysis/absence.ts'
import { judgeCriterion } from '../src-main/core/analysis/judge.ts'
import { ERRORS, inputAfter, LATENCY } from '../src-main/core/analysis/testing/series.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-explain-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const input = inputAfter(20, { errors: (second) => (second % 2 === 0 ? 1 : 0) })
const criteria = [ERRORS, LATENCY]
const evidence = { results: criteria.map((criterion) => judgeCriterion(criterion, input, { sharedBy: 3 })), judged: criteria.map((criterion) => ({ criterion, input })) }
const bodyOf = (held: unknown) => JSON.stringify({ kind: 'event', action: 'analysis.failed', summary: 'Roll back: errors', evidence: held })

function exported(name: string, held: unknown): string {
  const file = join(folder, name)
  const line = (seq: number, body: string | null) => JSON.stringify({ seq, previousHash: '', bodyHash: '', hash: '', header: '{}', body })
  writeFileSync(file, ['{"format":"signalbox-journal","version":1}', line(1, null), line(2, bodyOf(held)), ''].join('\n'))
  return file
}

function run(...args: string[]): { status: number | null; out: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/explain.mjs', ...args], { encoding: 'utf8' })
  return { status, out: stdout + stderr }
}

test('says which criterion, samples, statistic and verdict, and that it is what was journaled', () => {
  const { status, out } = run(exported('whole.jsonl', evidence), '2')
  expect(out).toContain('errors (rolls back)')
  expect(out).toContain('verdict    fail')
  expect(out).toContain('20 of the candidate\'s 20 intervals')
  expect(out).toMatch(/statistic {2}e-value [\d.e+]+, limit 3000/)
  expect(out.match(/journaled {2}the same/g)).toHaveLength(2)
  expect(status).toBe(0)
})

test('altering the samples changes the verdict, and it says so', () => {
  const altered = structuredClone(evidence)
  for (const each of altered.judged) each.input.candidate.errors.fill(0, 0, 18)
  const { status, out } = run(exported('altered.jsonl', altered), '2', '--criterion', 'errors', '--json')
  const report = JSON.parse(out)
  expect(report.criteria).toHaveLength(1)
  expect(report.criteria[0].journaled.verdict).toBe('fail')
  expect(report.criteria[0].result.verdict).toBe('inconclusive')
  expect(status).toBe(1)
})

test('a single sample can decide', () => {
  const barely = inputAfter(8, { errors: (second) => (second === 3 || second === 5 || second === 7 || second === 8 ? 1 : 0) })
  const verdicts = [0, 1, 2, 3].map((count) => {
    const errors = [...barely.candidate.errors]
    errors[7] = count
    return judgeCriterion(ERRORS, { ...barely, candidate: { ...barely.candidate, errors } }).verdict
  })
  expect(verdicts[0]).toBe('inconclusive')
  expect(verdicts[3]).toBe('fail')
})

test('what a criterion declares for missing data is recomputed too, with what its provider said; and is not when samples are put in', () => {
  const declared: Criterion = { ...ERRORS, absence: { action: 'rollBack', afterMs: 10_000 } }
  const { candidate } = input
  const gone = { ...input, now: input.now + 30_000, baseline: { ...input.baseline, at: input.baseline.at.map((at) => at + 30_000) } }
  const result = withAbsence(declared, judgeCriterion(declared, gone, { sharedBy: 1 }), gone.now, 'It does not answer.')
  expect(result).toMatchObject({ verdict: 'fail', why: expect.stringMatching(/It does not answer\. It has been missing for 30 s.*rolls back/) })
  const held = { results: [result], judged: [{ criterion: declared, input: gone, sharedBy: 1, problem: 'It does not answer.' }] }
  expect(run(exported('absent.jsonl', held), '2')).toMatchObject({ status: 0 })
  const there = { ...gone, candidate: { ...candidate, at: candidate.at.map((at) => at + 30_000) } }
  expect(run(exported('there.jsonl', { ...held, judged: [{ ...held.judged[0], input: there }] }), '2')).toMatchObject({ status: 1 })
})

test('reads the journal itself', () => {
  const db = new Database(join(folder, 'journal.db'))
  db.exec('CREATE TABLE journal (seq INTEGER PRIMARY KEY, body TEXT)')
  db.prepare('INSERT INTO journal VALUES (7, ?)').run(bodyOf(evidence))
  db.close()
  expect(run('7', '--data', folder)).toMatchObject({ status: 0 })
  expect(run('8', '--data', folder)).toMatchObject({ status: 2 })
})

test('says what is wrong: no entry, left out, no samples, no arguments', () => {
  const file = exported('other.jsonl', { note: 'no samples' })
  expect(run(file, '9')).toMatchObject({ status: 2 })
  expect(run(file, '1').out).toContain('left out')
  expect(run(file, '2').out).toContain('no samples')
  expect(run().out).toContain('usage')
})
