// Recomputes a verdict from the samples that were journaled with it.
//
//   npm run explain -- EXPORT.jsonl SEQ [--criterion NAME] [--json]
//   npm run explain -- SEQ --data DIR   [--criterion NAME] [--json]
//
// An entry analysis.failed, analysis.warned or analysis.passed holds, as evidence, each criterion with everything its
// judge read ({ criterion, input }) and what the judge said then. The same pure function judges again here; nothing else
// is consulted. The journal itself is verified by `npm run verify`.
//
// Exit code: 0 every verdict is what was journaled, 1 one is not, 2 wrong usage or nothing to explain.
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { withAbsence } from '../src-main/core/analysis/absence.ts'
import { optionsOfLimit } from '../src-main/core/analysis/budget.ts'
import { judgeCriterion } from '../src-main/core/analysis/judge.ts'

const USAGE = 'usage: explain EXPORT.jsonl SEQ [--criterion NAME] [--json]\n       explain SEQ --data DIR [--criterion NAME] [--json]'

const fail = (message) => {
  console.error(message)
  process.exit(2)
}

function readArguments(args) {
  const asked = { file: null, data: null, seq: null, criterion: null, json: false }
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--json') asked.json = true
    else if (args[i] === '--data') asked.data = args[++i] ?? fail(USAGE)
    else if (args[i] === '--criterion') asked.criterion = args[++i] ?? fail(USAGE)
    else if (args[i].startsWith('--')) fail(`I do not understand ${args[i]}\n${USAGE}`)
    else if (/^\d+$/.test(args[i])) asked.seq = Number(args[i])
    else asked.file = args[i]
  }
  if (asked.seq === null || (asked.file === null) === (asked.data === null)) fail(USAGE)
  return asked
}

async function bodyInExport(file, seq) {
  if (!existsSync(file)) fail(`There is no file ${file}.`)
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity })
  for await (const text of lines) {
    // Cheap enough to look at, before a large line is parsed.
    if (!text.startsWith(`{"seq":${seq},`)) continue
    const { body } = JSON.parse(text)
    return body === null ? fail(`Entry ${seq} was left out of this export: its body is not here.`) : JSON.parse(body)
  }
  return fail(`Entry ${seq} is not in ${file}.`)
}

async function bodyInJournal(folder, seq) {
  const file = join(folder, 'journal.db')
  if (!existsSync(file)) fail(`There is no journal.db in ${folder}.`)
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(file, { readonly: true })
  try {
    const row = db.prepare('SELECT body FROM journal WHERE seq = ?').get(seq)
    return row ? JSON.parse(row.body) : fail(`The journal has no entry ${seq}.`)
  } finally {
    db.close()
  }
}

/** Criterion and input of each judgement in an entry's evidence, with the result journaled for it. */
function judgementsIn(evidence) {
  const judged = Array.isArray(evidence?.judged) ? evidence.judged : evidence?.criterion && evidence?.input ? [evidence] : []
  const results = Array.isArray(evidence?.results) ? evidence.results : evidence?.result ? [evidence.result] : []
  return judged.map(({ criterion, input, sharedBy = null, problem = '' }) => ({ criterion, input, sharedBy, problem, journaled: results.find((result) => result.name === criterion.name) ?? null }))
}

function explain({ criterion, input, sharedBy, problem, journaled }) {
  const limit = journaled?.statistic?.name === 'e-value' ? journaled.statistic.limit : null
  const options = sharedBy !== null ? { sharedBy } : limit === null ? undefined : optionsOfLimit(limit)
  const result = JSON.parse(JSON.stringify(withAbsence(criterion, judgeCriterion(criterion, input, options), input.now, problem)))
  const differing = journaled === null ? [] : Object.keys({ ...journaled, ...result }).filter((key) => !isSame(journaled[key], result[key]))
  return { criterion: criterion.name, result, journaled, isSame: journaled === null ? null : differing.length === 0, differing }
}

/** Numbers may differ in their last digits between processors. */
function isSame(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => isSame(a[key], b[key]))
}

const time = (at) => new Date(at).toISOString()
const number = (value) => (value === null ? 'none' : String(Number(value.toPrecision(6))))

function print({ criterion, result, journaled, isSame: same, differing }, input) {
  const inside = (series) => series.at.filter((at) => at > result.fromAt && at <= result.toAt).length
  console.log(`\n${criterion} (${result.severity === 'fail' ? 'rolls back' : 'warns'})`)
  console.log(`  verdict    ${result.verdict}${result.bothSides ? ', both sides' : ''}`)
  console.log(`  because    ${result.why}`)
  console.log(`  samples    ${time(result.fromAt)} to ${time(result.toAt)}: ${inside(input.candidate)} of the candidate's ${input.candidate.at.length} intervals, ${result.requests} requests or points; ${input.baseline.at.length} intervals of the other environment${input.frozen ? `, ${input.frozen.series.at.length} recorded before the switch` : ''}`)
  console.log(`  value      ${number(result.value)}, baseline ${number(result.baseline)} (${result.against}), limit ${number(result.limit)}`)
  if (result.statistic) console.log(`  statistic  ${result.statistic.name} ${number(result.statistic.value)}, limit ${number(result.statistic.limit)}`)
  if (same === null) console.log('  journaled  nothing to compare with: the entry holds no result of this criterion')
  else if (same) console.log('  journaled  the same')
  else console.log(`  journaled  NOT THE SAME: ${journaled.verdict}. ${journaled.why}\n             differs in ${differing.join(', ')}: the samples were altered, or another version of the judges wrote this`)
}

const asked = readArguments(process.argv.slice(2))
const body = asked.file === null ? await bodyInJournal(asked.data, asked.seq) : await bodyInExport(asked.file, asked.seq)
const judgements = judgementsIn(body.evidence).filter(({ criterion }) => asked.criterion === null || criterion.name === asked.criterion)
if (judgements.length === 0) fail(`Entry ${asked.seq} (${body.action}) holds no samples of ${asked.criterion ?? 'any criterion'} to judge again.`)
const explained = judgements.map(explain)
if (asked.json) console.log(JSON.stringify({ seq: asked.seq, action: body.action, criteria: explained }))
else {
  console.log(`Entry ${asked.seq}: ${body.action}. ${body.summary}`)
  for (const [i, each] of explained.entries()) print(each, judgements[i].input)
}
if (explained.some((each) => each.isSame === false)) process.exitCode = 1
