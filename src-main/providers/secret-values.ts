import { Fault } from '../contract/fault.ts'

const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g

/** Resolves `${env:NAME}` when a value is used, and takes what it resolved out of texts that others will see. */
export interface SecretValues {
  /** Faults: `providerUnavailable` when a variable is not set. */
  resolve(text: string): string
  /** The text without any value resolved so far, on one line, clipped. */
  redact(text: string): string
}

/** `who`: named in the fault, as `Metrics provider prom`. */
export function createSecretValues(who: string, readSecret: (name: string) => string | null): SecretValues {
  const known = new Set<string>()
  const hide = (text: string) => [...known].toSorted((a, b) => b.length - a.length).reduce((result, value) => result.replaceAll(value, '•••'), text)
  return {
    resolve(text) {
      let isSecret = false
      const resolved = text.replaceAll(REFERENCE, (_reference, name: string) => {
        // A file read into a variable often ends with a line break, which no header can carry.
        const value = readSecret(name)?.replace(/[\r\n]+$/, '')
        if (value === undefined || value === '') throw new Fault('providerUnavailable', `${who} needs the variable ${name}, which is not set.`, `Start Signalbox with ${name} in its environment.`)
        isSecret = true
        remember(value)
        return value
      })
      if (isSecret) remember(resolved)
      return resolved
    },
    redact(text) {
      const oneLine = hide(text).replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
      return oneLine.length > 300 ? `${oneLine.slice(0, 299)}…` : oneLine
    },
  }

  /** Also as it travels: encoded for basic authorization. */
  function remember(value: string): void {
    known.add(value)
    known.add(encodeURIComponent(value))
    known.add(Buffer.from(value).toString('base64').replace(/=+$/, ''))
  }
}
