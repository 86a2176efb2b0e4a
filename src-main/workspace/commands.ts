import { createHash } from 'node:crypto'
import type { DeclaredCommand, MetricsProviderConfig, Webhook } from '../contract/workspace.ts'

/**
 * SHA-256 over what the workspace would run, hex: what trust is given to. The order of services in the file does not
 * matter; a changed command, variable or folder does.
 */
export function commandsDigest(commands: readonly DeclaredCommand[]): string {
  const lines = commands.map(({ service, purpose, command, folder }) => JSON.stringify([service, purpose, command, folder]))
  return createHash('sha256').update(['signalbox commands 1', ...lines.toSorted()].join('\n')).digest('hex')
}

/**
 * Where the workspace has Signalbox send requests, with the references they carry: shown and trusted like commands,
 * since an address may be made to carry a variable of this machine away.
 */
export function declaredAddresses(metricsProviders: readonly MetricsProviderConfig[], webhooks: readonly Webhook[]): DeclaredCommand[] {
  const entry = (purpose: string, parts: readonly (string | null)[]): DeclaredCommand => ({ service: 'workspace', purpose, command: parts.filter((part) => part !== null).join(' '), folder: '' })
  return [
    ...metricsProviders.map(({ name, url, headers, basic, bearer, tls }) =>
      entry(`asks ${name} for metrics`, [
        `GET ${url}`,
        ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
        basic && `basic ${basic.user}:${basic.password}`,
        bearer && `bearer ${bearer}`,
        tls && `tls ${[tls.caFile, tls.certFile, tls.keyFile].filter((file) => file !== null).join(' ')}`,
      ]),
    ),
    ...webhooks.map(({ name, url, secret }) => entry(`tells ${name}`, [`POST ${url}`, secret && `signed with ${secret}`])),
  ]
}
