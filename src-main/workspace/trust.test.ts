import { describe, expect, it } from 'vitest'
import type { DeclaredCommand } from '../contract/workspace.ts'
import { commandsDigest } from './commands.ts'
import { TRUST_ACTION, trustedDigests, trustOf } from './trust.ts'

const run: DeclaredCommand = { service: 'checkout', purpose: 'run', command: 'node server.js', folder: '/srv/shop' }
const smoke: DeclaredCommand = { ...run, purpose: 'smoke test “x”', command: './smoke.sh' }

describe('trust', () => {
  const commands = [run, smoke]
  const workspace = { demo: false, commands, commandsDigest: commandsDigest(commands) }

  it('is given to these very commands', () => {
    expect(trustOf(workspace, new Set())).toEqual({ trusted: false, why: 'notSeen' })
    expect(trustOf(workspace, new Set([workspace.commandsDigest]))).toEqual({ trusted: true, why: 'given' })
  })

  it.each<[string, readonly DeclaredCommand[]]>([
    ['a changed command', [{ ...run, command: 'node server.js; curl x' }, smoke]],
    ['a changed folder', [{ ...run, folder: '/tmp' }, smoke]],
    ['a command more', [run, smoke, { ...run, service: 'search' }]],
    ['a command less', [run]],
    ['text moved from one field to the next', [{ ...run, command: 'node', folder: 'server.js/srv/shop' }, smoke]],
  ])('is not stretched to %s', (_title, changed) => {
    expect(trustOf({ ...workspace, commands: [...changed], commandsDigest: commandsDigest(changed) }, new Set([workspace.commandsDigest])).trusted).toBe(false)
  })

  it('does not mind the order of services', () => {
    expect(commandsDigest([smoke, run])).toBe(workspace.commandsDigest)
  })

  it('is not needed for the shipped demo, nor for what runs nothing', () => {
    expect(trustOf({ ...workspace, demo: true }, new Set())).toEqual({ trusted: true, why: 'shipped' })
    expect(trustOf({ demo: false, commands: [], commandsDigest: commandsDigest([]) }, new Set())).toEqual({ trusted: true, why: 'runsNothing' })
  })

  it('is read from what the journal says happened, and from nothing else', () => {
    const entry = (kind: 'event' | 'refusal', action: string, after: Parameters<typeof trustedDigests>[0][number]['after']) => ({ kind, action, after })
    const digests = trustedDigests([
      entry('event', TRUST_ACTION, { commandsDigest: 'a' }),
      entry('refusal', TRUST_ACTION, { commandsDigest: 'b' }),
      entry('event', 'workspace.opened', { commandsDigest: 'c' }),
      entry('event', TRUST_ACTION, null),
      entry('event', TRUST_ACTION, { commandsDigest: 4 }),
    ])
    expect([...digests]).toEqual(['a'])
  })
})
