import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fillTemplate, promDuration } from './fill-template.ts'

const target = { service: 'checkout', environment: 'green', version: '1.8.0', windowMs: 60_000 } as const

describe('a query filled in', () => {
  it.each<[query: string, sent: string]>([
    ['up{environment="${environment}"}', 'up{environment="green"}'],
    ['sum(rate(${service}_errors{v="${version}"}[${window}]))', 'sum(rate(checkout_errors{v="1.8.0"}[60s]))'],
    // A dot in a regular expression is any character.
    ['up{v=~"${version}"}', String.raw`up{v=~"1\\.8\\.0"}`],
    ["up{v !~ '${version}.*'}", String.raw`up{v !~ '1\\.8\\.0.*'}`],
    ['up{v=~`${version}`, s="${service}"}', 'up{v=~`1\\.8\\.0`, s="checkout"}'],
    ['up{a="\\"${service}"} # not "${service}', 'up{a="\\"checkout"} # not "checkout'],
    ['label_replace(up, "x", "$1-${version}", "y", "(.*)")', 'label_replace(up, "x", "$1-1.8.0", "y", "(.*)")'],
    ['up{a="${other}"}', 'up{a="${other}"}'],
    ['up{a="', 'up{a="'],
  ])('%s', (query, sent) => expect(fillTemplate(query, target)).toBe(sent))

  it('puts a flag and its variant where a rollout is judged, and nowhere else', () => {
    const flag = { key: 'new.checkout', variant: 'on' }
    expect(fillTemplate('sum(rate(orders{flag=~"${flag}", variant="${variant}"}[${window}]))', { ...target, flag })).toBe(String.raw`sum(rate(orders{flag=~"new\\.checkout", variant="on"}[60s]))`)
    expect(() => fillTemplate('up{v="${variant}"}', target)).toThrow(/what is judged is no flag/)
  })

  it('keeps what is hostile inside its quotes', () => {
    const version = `x"} or vector(1) #\\'\n\`$`
    expect(fillTemplate('up{v="${version}"}', { ...target, version })).toBe(String.raw`up{v="x\"} or vector(1) #\\'\n` + '`$"}')
    expect(fillTemplate("up{v='${version}'}", { ...target, version })).toBe(String.raw`up{v='x"} or vector(1) #\\\'\n` + "`$'}")
    expect(() => fillTemplate('up{v=`${version}`}', { ...target, version })).toThrow(/cannot stand in backticks/)
    expect(() => fillTemplate('${version}', { ...target, version })).toThrow(/cannot stand outside quotes/)
    expect(() => fillTemplate('up # ${version}', { ...target, version })).toThrow(/cannot stand outside quotes/)
  })

  it('never opens nor closes a literal, whatever the values', () => {
    /** What PromQL's lexer would see: literals unescaped, as JSON's escapes are Go's. */
    const readBack = (sent: string) => JSON.parse(sent.slice(sent.indexOf('"'), sent.lastIndexOf('"') + 1)) as unknown
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => text.isWellFormed()), (version) => {
      expect(readBack(fillTemplate('up{v="${version}"}', { ...target, version }))).toBe(version)
    }))
  })

  it('writes durations as every version reads them', () => expect([1000, 90_000, 1500, 0].map(promDuration)).toEqual(['1s', '90s', '1500ms', '1ms']))
})
