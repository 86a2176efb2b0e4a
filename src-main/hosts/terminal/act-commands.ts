import { randomUUID } from 'node:crypto'
import type { ConsoleClient } from '../../contract/client.ts'
import { Fault, faultFromData } from '../../contract/fault.ts'
import { ENVIRONMENTS } from '../../contract/vocabulary.ts'
import type { ReleaseView } from '../../contract/release.ts'
import type { ReleaseCommand } from '../../contract/vocabulary.ts'
import { numberOption } from './arguments.ts'
import { argument, type Command, type CommandContext, withLink } from './command.ts'
import { followRelease, isAtRest, isVerified } from './follow.ts'
import { EXIT, UsageError } from './usage.ts'
import { candidateSide, phaseWord, resultSentence, stableSide } from './words.ts'

/** The release an act on a service means: the one under way, else the latest. */
async function releaseOf(client: ConsoleClient, service: string): Promise<ReleaseView> {
  const view = await client.service.get({ service })
  const found = view.release ?? (await client.release.list({ service, limit: 1 }))[0]
  if (found) return found
  throw new Fault('illegalCommand', `${service} has no release to act on. Traffic stays as it is.`, `Start one: signalbox deploy ${service} VERSION`)
}

const A_DAY_MS = 86_400_000

function timeoutMs(context: CommandContext): number {
  return numberOption('timeout', context.invocation.options.timeout, 120, 1, 86_400) * 1000
}

function report(context: CommandContext, view: ReleaseView, tookMs: number): number {
  const { output } = context
  output.document({ result: resultSentence(view, tookMs), tookMs: Math.round(tookMs), release: view })
  output.say(resultSentence(view, tookMs))
  if (view.next) output.say(view.next)
  if (view.release.failure && view.release.phase === 'failed') {
    output.note(`Next step: ${view.release.failure.fault.next}`)
    return faultFromData(view.release.failure.fault).data.cause === 'refused' ? EXIT.refused : EXIT.errored
  }
  return EXIT.ok
}

/** Sends one command and waits until what it did to traffic was read back. */
function act(command: ReleaseCommand | ((context: CommandContext) => ReleaseCommand)): Command {
  return (context) => {
    const service = argument(context, 0)
    const { options } = context.invocation
    const waitMs = timeoutMs(context)
    return withLink(context, 'leverOnly', async ({ client }) => {
      const { release } = await releaseOf(client, service)
      const startedAt = performance.now()
      const accepted = await client.release.command({
        releaseId: release.id,
        command: typeof command === 'function' ? command(context) : command,
        expectedRevision: release.revision,
        reason: options.reason ?? '',
        ...(options.minutes === undefined ? {} : { forMs: numberOption('minutes', options.minutes, 15, 1, 1440) * 60_000 }),
        operationId: randomUUID(),
      })
      const view = await followRelease(client, { service, releaseId: accepted.release.id, until: isVerified, timeoutMs: waitMs })
      return report(context, view, performance.now() - startedAt)
    })
  }
}

export const approve = act('approve')
export const pause = act('pause')
export const resume = act('resume')
export const retry = act('retry')
export const abandon = act('abandon')
/** Automatic roll back is off for `--minutes` (15): only people take traffic back meanwhile. */
export const suspendGuard = act('suspendGuard')
export const restoreGuard = act('restoreGuard')
export const promote = act((context) => (context.invocation.options.fully === true ? 'promoteFully' : 'promote'))

/** No revision is named: roll back is meant for whatever the state is by now. */
export const rollback: Command = (context) => {
  const service = argument(context, 0)
  const { options } = context.invocation
  const waitMs = timeoutMs(context)
  return withLink(context, 'leverOnly', async ({ client }) => {
    const { release } = await releaseOf(client, service)
    const startedAt = performance.now()
    const accepted = await client.release.command({
      releaseId: release.id,
      command: 'rollBack',
      reason: options.reason ?? '',
      force: options.force === true,
      operationId: randomUUID(),
    })
    let told = false
    const view = await followRelease(client, {
      service,
      releaseId: accepted.release.id,
      until: isVerified,
      onChange(now) {
        if (!now.release.rollback?.waitingForReady || told) return
        told = true
        context.output.note(`${stableSide(now)} is not ready and is being started; traffic stays where it is until then. --force sends it there now.`)
      },
      timeoutMs: waitMs,
    })
    if (!options.reason) context.output.note(`A reason is owed: signalbox explain ${service} --reason TEXT`)
    return report(context, view, performance.now() - startedAt)
  })
}

export const explain: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client }) => {
    const { reason } = context.invocation.options
    if (!reason) throw new UsageError('signalbox explain SERVICE --reason TEXT')
    const { release } = await releaseOf(client, argument(context, 0))
    const view = await client.release.explain({ releaseId: release.id, reason, operationId: randomUUID() })
    context.output.document({ result: 'The reason is in the journal', release: view })
    context.output.say('The reason is in the journal.')
    return EXIT.ok
  })

/** The same refusal; where only the rollback window is in the way, with what to type to give it up. */
async function withEndWindow(client: ConsoleClient, service: string, version: string, error: unknown): Promise<unknown> {
  if (!(error instanceof Fault) || error.code !== 'interlocked') return error
  const view = await client.service.get({ service }).catch(() => null)
  const isWindow = view?.newReleaseBlocks.some((block) => block.rule === 'rollbackWindow' && block.unblocks === error.data.next) === true
  return isWindow ? new Fault('interlocked', error.message, `Wait for the window, or give up that way back: signalbox deploy ${service} ${version} --end-window`) : error
}

export const deploy: Command = (context) => {
  const { output, invocation } = context
  const { options } = invocation
  const service = argument(context, 0)
  const waitMs = options.timeout === undefined ? A_DAY_MS : timeoutMs(context)
  return withLink(context, 'leverOnly', async ({ client, carriesCore }) => {
    const startedAt = performance.now()
    const creating = client.release.create({
      service,
      version: argument(context, 1),
      reason: options.reason ?? '',
      ticket: options.ticket ?? '',
      start: true,
      queue: options.queue === true,
      endRollbackWindow: options['end-window'] === true,
      operationId: randomUUID(),
    })
    const created = await creating.catch(async (error: unknown) => Promise.reject(await withEndWindow(client, service, argument(context, 1), error)))
    if (options.follow !== true && !carriesCore) {
      output.document({ result: `Release ${created.release.id} of ${service} is ${phaseWord(created.release.phase)}`, release: created })
      output.say(`${candidateSide(created)}: ${phaseWord(created.release.phase)} (release ${created.release.id})`)
      if (created.next) output.say(created.next)
      return EXIT.ok
    }
    if (options.follow !== true) output.note('No console is running, so this command stays until the release waits for you.')
    let last = ''
    const tell = (now: ReleaseView) => {
      const line = `${candidateSide(now)}: ${phaseWord(now.release.phase)}. ${now.next}`
      if (line !== last) output.note(line)
      last = line
    }
    tell(created)
    const view = await followRelease(client, {
      service,
      releaseId: created.release.id,
      until: (now) => now.release.queued || (isAtRest(now) && now.waitsFor !== 'clock'),
      onChange: tell,
      timeoutMs: waitMs,
    })
    return report(context, view, performance.now() - startedAt)
  })
}

export const trust: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client }) => {
    const { output, invocation, ask } = context
    const workspace = await client.workspace.get()
    if (!workspace.trusted) {
      output.note(`${workspace.file || workspace.name} would run:`)
      for (const command of workspace.commands) output.note(`  ${command.service}, ${command.purpose}: ${command.command}   (in ${command.folder})`)
      const yes = invocation.options.yes === true || (ask !== null && /^y(es)?$/i.test((await ask('Let it run these commands? [y/N] ')).trim()))
      if (!yes) throw new Fault('workspaceUntrusted', 'The workspace was not trusted, and nothing was run.', 'Read the commands above; then `signalbox trust --yes`.')
    }
    const after = workspace.trusted ? workspace : await client.workspace.trust({ commandsDigest: workspace.commandsDigest })
    output.document(after)
    output.say(workspace.trusted ? 'The workspace is trusted already.' : 'The workspace is trusted.')
    return EXIT.ok
  })

/** Starts again what carries live traffic and was stopped, and waits until it is ready. */
export const start: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client }) => {
    const service = argument(context, 0)
    const startedAt = performance.now()
    const before = await client.service.startAgain({ service, reason: context.invocation.options.reason ?? '', operationId: randomUUID() })
    const carriers = ENVIRONMENTS.filter((environment) => before.observed.kind === 'known' && before.observed.value.weights[environment] > 0)
    const deadline = startedAt + timeoutMs(context)
    for (;;) {
      const { observed, ...view } = await client.service.get({ service })
      const seen = observed.kind === 'known' ? carriers.map((environment) => observed.value.environments[environment]) : []
      const broken = seen.find((environment) => ['crashed', 'unready'].includes(environment.readiness))
      if (broken) throw new Fault('processCrashed', `${broken.deployed?.version ?? service} does not come up. ${broken.detail}`, `Read its output: signalbox log ${service} ${carriers[0] ?? 'blue'}.`)
      if (seen.length > 0 && seen.every((environment) => environment.readiness === 'ready')) {
        context.output.document({ result: 'started', service: { observed, ...view } })
        context.output.say(`${service}: ${carriers.join(' and ')} ready again after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
        return EXIT.ok
      }
      if (performance.now() > deadline) throw new Fault('timeout', `${service} is not ready yet.`, 'Look at `signalbox status`; it goes on by itself.')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })

/** No request is dropped: the next router takes over the very sockets. */
export const upgrade: Command = (context) =>
  withLink(context, 'leverOnly', async ({ client }) => {
    const startedAt = performance.now()
    const renewed = await client.system.upgrade({ reason: context.invocation.options.reason ?? '', operationId: randomUUID() })
    context.output.document(renewed)
    context.output.say(`Router and supervisor are those of this version after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    return EXIT.ok
  })

export const stop: Command = (context) => {
  const { options } = context.invocation
  if (options.all !== true) throw new UsageError('signalbox stop --all stops services, router and supervisor. Live traffic ends. There is no other stop.')
  return withLink(context, 'leverOnly', async ({ client }) => {
    const { stopped } = await client.system.stopAll({ reason: options.reason ?? '', operationId: randomUUID() })
    context.output.document({ stopped })
    context.output.say(stopped.length === 0 ? 'Nothing was running.' : `Stopped: ${stopped.join(', ')}`)
    return EXIT.ok
  })
}
