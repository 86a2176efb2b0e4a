import type { JournalEntry } from '../contract/journal.ts'
import type { Workspace } from '../contract/workspace.ts'

/** Action of the journal entry by which an operator says that a workspace's commands may run. */
export const TRUST_ACTION = 'workspace.trusted'

/** Whether a workspace's commands may run on this machine, and why. */
export type Trust = { readonly trusted: true; readonly why: 'shipped' | 'runsNothing' | 'given' } | { readonly trusted: false; readonly why: 'notSeen' }

/**
 * The demo came with the product and is as trusted as the product; a workspace that runs nothing needs no trust; any
 * other is trusted when an operator trusted these very commands. Fails closed.
 */
export function trustOf(workspace: Pick<Workspace, 'demo' | 'commands' | 'commandsDigest'>, trustedDigests: ReadonlySet<string>): Trust {
  if (workspace.demo) return { trusted: true, why: 'shipped' }
  if (workspace.commands.length === 0) return { trusted: true, why: 'runsNothing' }
  if (trustedDigests.has(workspace.commandsDigest)) return { trusted: true, why: 'given' }
  return { trusted: false, why: 'notSeen' }
}

/** The digests that journal entries gave trust to: `workspace.trusted` with `after: {commandsDigest}`. */
export function trustedDigests(entries: readonly Pick<JournalEntry, 'kind' | 'action' | 'after'>[]): ReadonlySet<string> {
  const digests = new Set<string>()
  for (const { kind, action, after } of entries) {
    if (kind !== 'event' || action !== TRUST_ACTION || after === null || typeof after !== 'object' || Array.isArray(after)) continue
    const digest = after['commandsDigest']
    if (typeof digest === 'string') digests.add(digest)
  }
  return digests
}
