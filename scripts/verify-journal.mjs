// Verifies an exported Signalbox journal. Stands alone: Node 20 or newer, nothing else; nothing of Signalbox is used.
//
//   node verify-journal.mjs EXPORT.jsonl... [--checkpoint COUNT:HEAD]... [--checkpoint-file FILE]... [--json]
//
// What it checks is specified in docs/journal-format.md. For every entry, with H = SHA-256:
//   bodyHash = H(body)      hash = H(previousHash || header || bodyHash)      previousHash = hash of the entry before
// so that editing, inserting, removing or moving an entry breaks the chain at a place that can be named. What a chain
// cannot show is that its end was cut off, or that all of it was made anew: that takes a checkpoint (a count and the
// hash of that entry) kept somewhere the author of the file could not reach.
//
// Exit code: 0 everything holds, 1 something does not, 2 wrong usage or the file cannot be read.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const GENESIS = '0'.repeat(64)
const SHOWN_PROBLEMS = 20
const USAGE = 'usage: verify-journal EXPORT.jsonl... [--checkpoint COUNT:HEAD]... [--checkpoint-file FILE]... [--json]'

const sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
const fail = (message) => {
  console.error(message)
  process.exit(2)
}

// ---- What was asked ------------------------------------------------------------------------------------------------

function readArguments(args) {
  const asked = { files: [], checkpoints: [], json: false }
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--json') asked.json = true
    else if (args[i] === '--checkpoint') asked.checkpoints.push(checkpointFromText(args[++i] ?? ''))
    else if (args[i] === '--checkpoint-file') asked.checkpoints.push(checkpointFromFile(args[++i] ?? ''))
    else if (args[i].startsWith('--')) fail(`I do not understand ${args[i]}\n${USAGE}`)
    else asked.files.push(args[i])
  }
  if (asked.files.length === 0) fail(USAGE)
  return asked
}

function checkpointFromText(text) {
  const [, count, head] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? fail(`A checkpoint is COUNT:HEAD, with HEAD as 64 hexadecimal digits, not "${text}"\n${USAGE}`)
  return { count: Number(count), head }
}

function checkpointFromFile(file) {
  try {
    const { count, head } = JSON.parse(readFileSync(file, 'utf8'))
    if (!Number.isInteger(count) || count < 0 || !isHash(head)) throw new Error('it holds no count and head')
    return { count, head }
  } catch (error) {
    return fail(`Cannot read the checkpoint ${file}: ${error.message}`)
  }
}

// ---- One line ------------------------------------------------------------------------------------------------------

function parseLine(text) {
  let line
  try {
    line = JSON.parse(text)
  } catch {
    return { wrong: 'this line is not JSON: it was damaged or cut' }
  }
  const { seq, previousHash, bodyHash, hash, header, body } = line ?? {}
  const isEntry = Number.isInteger(seq) && isHash(previousHash) && isHash(bodyHash) && isHash(hash) && typeof header === 'string' && (body === null || typeof body === 'string')
  if (!isEntry) return { wrong: 'this line is not an entry' }
  // One form only, so that no two readers can see different things in the same line (doubled keys, for instance).
  const form = JSON.stringify({ seq, previousHash, bodyHash, hash, header, body }).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
  if (form !== text) return { wrong: 'this line is not in the form that exports have: it was edited' }
  return { entry: { seq, previousHash, bodyHash, hash, header, body } }
}

/** What is wrong with an entry, given the one before it. */
function judge(entry, before) {
  const found = []
  const expected = before.seq + 1
  if (entry.seq > expected) found.push(`${entry.seq === expected + 1 ? `entry ${expected} is` : `entries ${expected} to ${entry.seq - 1} are`} missing before this one: removed, or moved elsewhere`)
  if (entry.seq < expected) found.push(`entry ${entry.seq} comes after entry ${before.seq}: inserted, doubled or moved here`)
  if (entry.body !== null && sha256(entry.body) !== entry.bodyHash) found.push('its body is not the one its hash was made of: the body, or bodyHash, was edited')
  if (sha256(Buffer.from(entry.previousHash, 'hex'), entry.header, Buffer.from(entry.bodyHash, 'hex')) !== entry.hash) found.push('its hash is not made of what is here: the header or one of the hashes was edited')
  if (headerSeq(entry.header) !== entry.seq) found.push('its header names another sequence number: renumbered')
  if (found.length === 0 && entry.previousHash !== before.hash) found.push(`it does not follow entry ${before.seq} as that is here: one of the two was rewritten, replaced or inserted`)
  return found
}

function headerSeq(header) {
  try {
    return JSON.parse(header).seq
  } catch {
    return undefined
  }
}

// ---- The whole file ------------------------------------------------------------------------------------------------

async function verify(file, checkpoints) {
  const result = { entries: 0, head: GENESIS, leftOut: 0, stated: null, problems: [], checkpoints: [] }
  const report = (line, seq, what) => result.problems.push({ line, seq, what })
  const seen = new Map()
  const wanted = new Set(checkpoints.map((checkpoint) => checkpoint.count))
  let before = { seq: 0, hash: GENESIS }
  let number = 0
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1
    if (number === 1) {
      result.stated = readFirstLine(text)
      wanted.add(result.stated.count)
      if (wanted.has(0)) seen.set(0, GENESIS)
      continue
    }
    const { entry, wrong } = parseLine(text)
    if (!entry) {
      report(number, before.seq + 1, wrong)
      // What a damaged line held cannot be known; go on as if it had held the next entry.
      before = { seq: before.seq + 1, hash: undefined }
      continue
    }
    const found = judge(entry, before.hash === undefined ? { seq: before.seq, hash: entry.previousHash } : before)
    for (const what of found) report(number, entry.seq, what)
    result.entries += 1
    if (entry.body === null) result.leftOut += 1
    if (wanted.has(entry.seq)) seen.set(entry.seq, entry.hash)
    before = { seq: entry.seq, hash: entry.hash }
  }
  if (number === 0) fail(`${file} is empty`)
  result.head = before.hash ?? GENESIS
  if (before.seq !== result.stated.count || seen.get(result.stated.count) !== result.stated.head) {
    report(1, before.seq, `the first line says that ${result.stated.count} entries end with ${result.stated.head}, but ${before.seq} end with ${result.head}: entries were cut off, added or replaced at the end`)
  }
  for (const { count, head } of checkpoints) {
    const isMet = seen.get(count) === head
    const missing = count - before.seq
    const text = isMet
      ? before.seq === count
        ? `covers all ${count} entries`
        : `covers entries 1 to ${count}; nothing vouches for the ${before.seq - count} after it but the chain itself`
      : missing > 0
        ? `is NOT met: ${missing} of its ${count} entries are missing at the end`
        : `is NOT met: entry ${count} is another one; the journal was rewritten or replaced`
    result.checkpoints.push({ count, head, isMet, text })
    if (!isMet) report(null, Math.min(count, before.seq), `the checkpoint ${count}:${head.slice(0, 12)}... ${text}`)
  }
  return result
}

function readFirstLine(text) {
  try {
    const { format, version, checkpoint } = JSON.parse(text)
    if (format !== 'signalbox-journal') throw new Error('it is not a Signalbox journal')
    if (version !== 1) throw new Error(`this verifier knows version 1 of the format, not ${version}`)
    if (!Number.isInteger(checkpoint?.count) || !isHash(checkpoint?.head)) throw new Error('its first line states no count and head')
    return checkpoint
  } catch (error) {
    return fail(`Cannot read this as an export: ${error.message}`)
  }
}

function print(file, { entries, head, leftOut, problems, checkpoints }) {
  console.log(`${file}: ${entries} entries, head ${head}`)
  if (leftOut > 0) console.log(`${leftOut} bodies were left out by a filter; their hashes are here and were checked as links of the chain.`)
  for (const { line, seq, what } of problems.slice(0, SHOWN_PROBLEMS)) console.log(`PROBLEM ${line === null ? '' : `line ${line}, `}entry ${seq}: ${what}`)
  if (problems.length > SHOWN_PROBLEMS) console.log(`... and ${problems.length - SHOWN_PROBLEMS} more`)
  for (const { count, head, isMet, text } of checkpoints) console.log(`${isMet ? 'ok' : 'PROBLEM'} checkpoint ${count}:${head.slice(0, 12)}... ${text}`)
  if (checkpoints.length === 0) {
    console.log('No checkpoint was given, so nothing covers the tail: if entries were cut off the end and the first line changed to match, or all was made anew, this file cannot show it.')
    console.log('Give --checkpoint COUNT:HEAD from a report, or --checkpoint-file, that was kept elsewhere.')
  }
  console.log(problems.length === 0 ? 'OK: the chain holds.' : `NOT OK: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`)
}

const asked = readArguments(process.argv.slice(2))
for (const file of asked.files) {
  const result = await verify(file, asked.checkpoints).catch((error) => fail(`Cannot read ${String(file)}: ${error.message}`))
  if (asked.json) console.log(JSON.stringify({ file, ...result }))
  else print(file, result)
  if (result.problems.length > 0) process.exitCode = 1
}
