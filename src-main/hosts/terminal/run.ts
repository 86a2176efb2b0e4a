import type { FaultCode } from '../../contract/fault.ts'
import { type ConsolePaths, consolePaths } from '../console-options.ts'
import { abandon, approve, deploy, explain, pause, promote, restoreGuard, resume, retry, rollback, start, stop, suspendGuard, trust, upgrade } from './act-commands.ts'
import { type CommandName, parseInvocation } from './arguments.ts'
import type { Command, CommandContext } from './command.ts'
import { open, serve } from './console-commands.ts'
import { flag, flags, kill, rollout } from './flag-commands.ts'
import { backup, exportJournal, restore, verify } from './journal-commands.ts'
import type { OpenLink } from './link.ts'
import { audit, log, status, versions } from './look-commands.ts'
import { migrate, migration, migrations } from './migration-commands.ts'
import { pair } from './pair-commands.ts'
import { asFault, createOutput, type TerminalStreams } from './output.ts'
import { EXIT, HELP, UsageError } from './usage.ts'

const COMMAND_TABLE: { readonly [Name in CommandName]: Command } = {
  status, versions, log, audit,
  deploy, promote, approve, pause, resume, retry, abandon, rollback, explain, trust, start, stop,
  upgrade,
  migrations, migration, migrate,
  flags, flag, rollout, kill,
  pair,
  'suspend-guard': suspendGuard,
  'restore-guard': restoreGuard,
  verify, export: exportJournal, backup, restore,
  open, serve,
}

/** No rule said no and nothing broke: there was nobody to ask. */
const UNREACHABLE: readonly FaultCode[] = ['disconnected', 'dataFolderBusy']

export interface TerminalHost {
  readonly streams: TerminalStreams
  readonly linkTo: (paths: ConsolePaths) => OpenLink
  readonly ask: CommandContext['ask']
}

/** Runs one command line. Resolves with the exit code and never rejects. */
export async function runTerminal(argv: readonly string[], host: TerminalHost): Promise<number> {
  const plain = createOutput(host.streams, argv.includes('--json'))
  try {
    const invocation = parseInvocation(argv)
    if (invocation === null) {
      host.streams.out.write(`${HELP}\n`)
      return argv.length === 0 ? EXIT.usage : EXIT.ok
    }
    const { options } = invocation
    const paths = consolePaths({ workspace: options.workspace, data: options.data, audit: options.audit })
    return await COMMAND_TABLE[invocation.command]({ invocation, paths, output: plain, openLink: host.linkTo(paths), ask: host.ask })
  } catch (error) {
    if (error instanceof UsageError) {
      plain.note(`${error.message}\nNext step: signalbox --help`)
      return EXIT.usage
    }
    const fault = asFault(error)
    plain.fault(fault)
    if (UNREACHABLE.includes(fault.code)) return EXIT.unreachable
    return fault.cause === 'refused' ? EXIT.refused : EXIT.errored
  }
}
