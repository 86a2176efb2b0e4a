import type { ConsolePaths } from '../console-options.ts'
import type { Invocation } from './arguments.ts'
import type { Link, OpenLink } from './link.ts'
import type { Output } from './output.ts'

/** Everything a command works with. */
export interface CommandContext {
  readonly invocation: Invocation
  readonly paths: ConsolePaths
  readonly output: Output
  readonly openLink: OpenLink
  /** A question to a person; null when nobody can answer. */
  readonly ask: ((question: string) => Promise<string>) | null
}

/** Resolves with the exit code. Throws faults. */
export type Command = (context: CommandContext) => Promise<number>

/** Opens a link, uses it, and closes it in every case. */
export async function withLink<T>(context: CommandContext, scope: Parameters<OpenLink>[0], use: (link: Link) => Promise<T>): Promise<T> {
  const link = await context.openLink(scope)
  try {
    return await use(link)
  } finally {
    await link.close()
  }
}

/** The n-th argument; `parseInvocation` has counted them. */
export function argument(context: CommandContext, index: number): string {
  return context.invocation.arguments[index] ?? ''
}
