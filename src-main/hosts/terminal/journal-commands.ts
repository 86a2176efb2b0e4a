import { once } from 'node:events'
import { createWriteStream, existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { Fault } from '../../contract/fault.ts'
import type { ExportProgress, VerifyProgress } from '../../contract/journal.ts'
import { choiceOption } from './arguments.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { hasJournal } from './link.ts'
import { filterOf } from './look-commands.ts'
import { EXIT, UsageError } from './usage.ts'
import { seconds } from './words.ts'

export const verify: Command = (context) =>
  withLink(context, 'readOnly', async ({ client }) => {
    const { output } = context
    let result: Extract<VerifyProgress, { kind: 'result' }> | undefined
    for await (const item of await client.journal.verify()) if (item.kind === 'result') result = item
    if (!result) throw new Fault('disconnected', 'The verification ended without a result.', 'Try again.')
    const unmet = unmetCheckpoints(context)
    output.document({ ...result, unmetCheckpoints: unmet })
    output.say(
      result.problem === null
        ? `The chain holds: ${result.count} entries in ${seconds(result.tookMs)}, head ${result.head}`
        : `THE CHAIN IS BROKEN at entry ${result.problem.seq}: ${result.problem.what}`,
    )
    output.say(result.checkpoint)
    if (unmet.length > 0) output.say(unmetWords(unmet))
    return result.ok && unmet.length === 0 ? EXIT.ok : EXIT.errored
  })

/** Checkpoints set aside because a journal did not bear them out: evidence that outlives the journal itself. */
function unmetCheckpoints({ paths }: CommandContext): readonly string[] {
  const folder = paths.auditFile === null ? paths.dataFolder : dirname(paths.auditFile)
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^checkpoint\.unmet-\d+\.json$/.test(name)).toSorted().map((name) => join(folder, name)) : []
}

function unmetWords(files: readonly string[]): string {
  const many = files.length > 1
  return [
    `${files.length} ${many ? 'CHECKPOINTS WERE' : 'CHECKPOINT WAS'} NOT MET: entries this folder's journal once had were missing or different when it was opened again, so it was cut, rewritten or replaced. That the chain holds now does not bring them back.`,
    ...files.map((file) => `  ${file}`),
    `See signalbox audit --action journal.checkpointUnmet; once it is explained, move ${many ? 'the files' : 'the file'} out of the folder.`,
  ].join('\n')
}

export const exportJournal: Command = (context) => {
  const { output, invocation } = context
  const format = choiceOption('format', invocation.options.format, ['jsonl', 'csv'] as const) ?? 'jsonl'
  const out = invocation.options.out === undefined ? null : callersPath(invocation.options.out)
  if (output.json && out === null) throw new UsageError('--json needs --out FILE, for the export itself would go to stdout.')
  if (out !== null) refuseToReplace(out)
  return withLink(context, 'readOnly', async ({ client }) => {
    const file: Writable = out === null ? process.stdout : createWriteStream(out, { flags: 'wx', mode: 0o600 })
    let result: Extract<ExportProgress, { kind: 'result' }> | undefined
    for await (const item of await client.journal.export({ format, filter: filterOf(context) })) {
      if (item.kind === 'chunk' && !file.write(item.text)) await once(file, 'drain')
      if (item.kind === 'result') result = item
    }
    if (out !== null) {
      file.end()
      await once(file, 'finish')
    }
    if (!result) throw new Fault('disconnected', 'The export ended before it was whole.', 'Remove the file and try again.')
    output.document({ file: out, ...result })
    const where = `${result.count} entries exported${out === null ? '' : ` to ${out}`}. Checkpoint: ${result.checkpoint.count} entries, head ${result.checkpoint.head}`
    if (out === null) output.note(where)
    else output.say(where)
    return EXIT.ok
  })
}

export const backup: Command = async (context) => {
  const toFile = callersPath(argument(context, 0))
  refuseToReplace(toFile)
  refuseWithoutJournal(context)
  const [{ backupJournal }, { openReader }, { dataFolderFiles }] = await Promise.all([import('../../store/backup.ts'), import('../../store/sqlite.ts'), import('../../store/data-folder.ts')])
  const source = openReader(dataFolderFiles(context.paths.dataFolder).journal)
  try {
    const result = await backupJournal(source.db, toFile)
    context.output.document(result)
    context.output.say(`Backed up to ${result.file}. Checkpoint: ${result.checkpoint.count} entries, head ${result.checkpoint.head}`)
    return EXIT.ok
  } finally {
    source.close()
  }
}

export const restore: Command = async (context) => {
  const { restoreWithEntry } = await import('../../console/restore.ts')
  const result = await restoreWithEntry(callersPath(argument(context, 0)), context.paths.dataFolder)
  context.output.document(result)
  context.output.say(`Restored ${result.checkpoint.count} entries, head ${result.checkpoint.head}`)
  if (result.keptAs !== null) context.output.say(`The journal it replaced is kept as ${result.keptAs}`)
  return EXIT.ok
}

/** Relative to where the command was given, not to where npm runs it. */
function callersPath(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path)
}

function refuseToReplace(file: string): void {
  if (existsSync(file)) throw new Fault('invalidInput', `${file} is there already and was left alone.`, 'Choose a name that is not taken.')
}

function refuseWithoutJournal(context: CommandContext): void {
  if (!hasJournal(context.paths.dataFolder)) throw new Fault('notFound', `There is no journal in ${context.paths.dataFolder}.`, 'Name the workspace with --workspace FILE or the folder with --data DIR.')
}
