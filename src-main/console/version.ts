import { readFileSync } from 'node:fs'

/** The product's version, as package.json says it. */
export const APP_VERSION: string = String((JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version?: unknown }).version ?? '0.0.0')
