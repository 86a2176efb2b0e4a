import type { FlagServerPorts } from '../flagd/flag-server-link.ts'
import type { LocalSettings } from './config.ts'

/** The addresses of a flag source's server: `${flags-http:shop}` is `http://127.0.0.1:8016`, `${flags-sync:shop}` is `127.0.0.1:8015`. */
const FLAGS = /\$\{flags-(http|sync):([A-Za-z0-9][A-Za-z0-9._-]{0,62})\}/g
/** The address of a database of the workspace: `${database:shop}`. */
const DATABASE = /\$\{database:([A-Za-z0-9][A-Za-z0-9._-]{0,62})\}/g
const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g

/**
 * Values behind the `${env:NAME}` references of declared variables: how secrets stay out of the workspace file. Settings
 * and everything on disk keep the reference; a console hands the values over with each registration and deployment, and
 * the supervisor keeps them in memory only. They are in no log, no answer and no digest.
 */
export interface References {
  learn(values: Readonly<Record<string, string>>): void
  /** Names referred to whose values are not known. */
  missing(env: Readonly<Record<string, string>>): readonly string[]
  /** A name that is not known stays as written. */
  fill(text: string): string
}

export function createReferences(): References {
  const known = new Map<string, string>()
  return {
    learn(values) {
      for (const [name, value] of Object.entries(values)) known.set(name, value)
    },
    missing: (env) => [...new Set(namesIn(Object.values(env)).filter((name) => !known.has(name)))],
    fill: (text) => text.replace(REFERENCE, (whole, name: string) => known.get(name) ?? whole),
  }
}

/** What this process knows of the variables that a service's settings refer to. */
export function referencedValues(settings: LocalSettings, source: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const addresses = Object.values(settings.databases).map((connection) => (connection.kind === 'url' ? connection.url : ''))
  const texts = [settings.env, settings.envBlue, settings.envGreen].flatMap((env) => Object.values(env)).concat(addresses)
  return Object.fromEntries(namesIn(texts).flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])))
}

/** Names of databases that values refer to. */
export function databasesIn(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(DATABASE)].map(([, name = '']) => name)))]
}

/** Puts addresses in place of references to databases. */
export function fillDatabases(text: string, addresses: Readonly<Record<string, string>>): string {
  return text.replace(DATABASE, (whole, name: string) => addresses[name] ?? whole)
}

function namesIn(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => [...text.matchAll(REFERENCE)].map(([, name = '']) => name))
}

/** Names of flag sources whose server values refer to. */
export function flagSourcesIn(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(FLAGS)].map(([, , name = '']) => name)))]
}

/** Puts addresses in place of references to flag servers. */
export function fillFlagServers(text: string, ports: Readonly<Record<string, FlagServerPorts>>): string {
  return text.replace(FLAGS, (whole, way: string, name: string) => {
    const found = ports[name]
    if (!found) return whole
    return way === 'http' ? `http://127.0.0.1:${found.httpPort}` : `127.0.0.1:${found.syncPort}`
  })
}
