import type { GateResult } from '../contract/release.ts'
import type { GateRunner, StopSignal } from '../core/ports.ts'
import { runHttpGate } from './http-gate.ts'
import { runCommand } from './run-command.ts'

/** The platform's signal behind the core's: the two are the same object in the product, and need not be in a test. */
function platformSignal(signal: StopSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal
  const aborter = new AbortController()
  signal.addEventListener('abort', () => aborter.abort())
  if (signal.aborted) aborter.abort()
  return aborter.signal
}

/** Runs gates for real: HTTP against the preview address, commands in `folder` (the workspace's). */
export function createGateRunner(options: { readonly folder: () => string; readonly wallMs: () => number }): GateRunner {
  return {
    async run(gate, target, stop): Promise<GateResult> {
      const signal = platformSignal(stop)
      const result = (state: GateResult['state'], detail: string, exitCode: number | null = null, output = ''): GateResult => ({ name: gate.name, state, detail, exitCode, output, endedAt: options.wallMs() })
      if (gate.kind === 'http') {
        if (target.previewAddress === null) return result('failed', 'The provider has no preview address to test.')
        const { passed, detail } = await runHttpGate(gate, target.previewAddress, signal)
        return result(passed ? 'passed' : 'failed', detail)
      }
      const variables = {
        SERVICE: target.service,
        ENVIRONMENT: target.environment,
        VERSION: target.version,
        ...(target.previewAddress === null ? {} : { PREVIEW_URL: target.previewAddress }),
      }
      const done = await runCommand({ command: gate.command, folder: options.folder(), variables, timeoutMs: gate.timeoutMs, signal })
      switch (done.ended) {
        case 'exited':
          return result(done.exitCode === 0 ? 'passed' : 'failed', `exit code ${done.exitCode ?? 'unknown'}.`, done.exitCode, done.output)
        case 'timeout':
          return result('failed', `Not done within ${gate.timeoutMs / 1000} s; it was ended.`, null, done.output)
        case 'aborted':
          return result('failed', 'Stopped before it was done.', null, done.output)
        case 'notStarted':
          return result('failed', `Could not be started: ${done.output}`, null, done.output)
      }
    },
  }
}
