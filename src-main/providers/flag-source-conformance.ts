import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagCapabilities } from '../contract/flag.ts'
import { Fault } from '../contract/fault.ts'
import type { Audience, FlagDefinition, FlagRolloutPlan } from '../contract/flag-definition.ts'
import { exposureOf } from '../core/flags/exposure.ts'
import type { FlagChange, FlagSource, ObservedFlag } from '../core/flags/ports.ts'

/** What a flag system brings to be tested: a flag that everyone gets `off` of, and ways to act behind the source's back. */
export interface FlagSourceUnderTest {
  readonly source: FlagSource
  readonly set: string
  readonly flag: string
  readonly on: string
  readonly off: string
  /** An audience this system can narrow a stage to; null: it cannot, and its capabilities say why. */
  readonly audience: Audience | null
  /** Changes whom the flag is given to, without the source. */
  changeElsewhere(): Promise<void>
  /** Makes the system unusable until what it returns is called. */
  breakDown(): Promise<() => Promise<void>>
  /** Which of these users get `on`, as the system's own evaluation has it; null: it cannot be asked here. */
  readonly usersWith: ((users: readonly string[]) => Promise<ReadonlySet<string>>) | null
  dispose(): Promise<void>
}

const MISSING = 'no-such-flag-anywhere'
const OPTIONAL: readonly (keyof FlagCapabilities)[] = ['define', 'segments', 'percent', 'audiences', 'compareAndSet', 'evaluations', 'experiments', 'outcomes', 'archive']

/** The suite every flag source passes. A new one is one folder, one line of `flag-sources.ts`, one run of this. */
export function describeFlagSource(name: string, make: () => Promise<FlagSourceUnderTest>): void {
  describe(`${name} conforms to the port of flag sources`, () => {
    let subject: FlagSourceUnderTest
    let source: FlagSource
    let before: ObservedFlag

    beforeEach(async () => {
      subject = await make()
      source = subject.source
      before = await look()
    })
    afterEach(() => subject.dispose())

    const look = (): Promise<ObservedFlag> => source.observe(subject.set, subject.flag)
    const apply = (change: FlagChange, expect: string | null, key = subject.flag) => source.apply({ set: subject.set, key, change, expect, comment: 'conformance' })
    const plan = (percents: readonly number[], audience: Audience = { kind: 'everyone' }): FlagRolloutPlan => ({
      flag: subject.flag,
      variants: [{ variant: subject.on, share: 100 }],
      baseline: subject.off,
      stages: percents.map((percent) => ({ audience, percent, holdMs: 0, approval: false, criteria: null })),
    })
    const expose = (stage: number, steps = plan([5, 25, 50, 100])): FlagChange => ({ kind: 'expose', before: before.definition, plan: steps, stage })
    const restore = (): FlagChange => ({ kind: 'restore', native: before.native, definition: before.definition })
    const kill = (): FlagChange => ({ kind: 'kill', variant: subject.off })
    const percentOf = (definition: FlagDefinition): number => exposureOf(definition).percents?.get(subject.on) ?? 0
    const serving = ({ definition }: ObservedFlag) => ({ targeting: definition.targeting, defaultVariant: definition.defaultVariant, variants: definition.variants, state: definition.state })

    /** Applies it, reads it back, and answers what is there. */
    async function done(change: FlagChange, expect: string | null = null): Promise<ObservedFlag> {
      await apply(change, expect)
      const observed = await look()
      if (!source.matches(change, observed)) throw new Error(`${change.kind} was not read back: ${JSON.stringify(observed)}`)
      return observed
    }

    async function codeOf(promise: Promise<unknown>): Promise<string> {
      try {
        await promise
        return 'no fault'
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        expect(error.data.next, 'every fault ends with the next step').not.toBe('')
        return error.code
      }
    }

    it('reads the set, with a version of every flag, the same one that observing it gives', async () => {
      const reading = await source.read(subject.set)
      expect(reading.flagSet.flags.map(({ key }) => key)).toContain(subject.flag)
      for (const { key } of reading.flagSet.flags) expect(reading.versions.get(key), key).toMatch(/./)
      expect(reading.versions.get(subject.flag)).toBe(before.version)
      expect(reading.broken).toBeNull()
      expect(reading.digest).not.toBe('')
      expect((await source.read(subject.set)).digest).toBe(reading.digest)
      expect(exposureOf(before.definition).everyone).toBe(subject.off)
    })

    it('says notFound for a flag that is not there, whatever is asked of it', async () => {
      expect(await codeOf(source.observe(subject.set, MISSING))).toBe('notFound')
      expect(await codeOf(apply({ kind: 'kill', variant: subject.off }, null, MISSING))).toBe('notFound')
      expect(await codeOf(apply({ kind: 'finish', variant: subject.on }, null, MISSING))).toBe('notFound')
      expect(await codeOf(look())).toBe('no fault')
    })

    it('exposes at stages, each read back as it was asked for, and only ever to more', async () => {
      const users = Array.from({ length: 400 }, (_none, index) => `user-${index}`)
      let version: string = before.version
      let had: ReadonlySet<string> = new Set()
      for (const [stage, percent] of [5, 25, 50, 100].entries()) {
        const observed = await done(expose(stage), version)
        expect(percentOf(observed.definition)).toBe(percent)
        expect(observed.version).not.toBe(version)
        if (stage > 0) expect(source.matches(expose(stage - 1), observed), 'it is not the stage before').toBe(false)
        version = observed.version
        const have = await subject.usersWith?.(users)
        if (have === undefined) continue
        expect([...had].filter((user) => !have.has(user)), `who had it before ${percent} % has it still`).toEqual([])
        // 400 users: five standard deviations of what is asked for.
        expect(Math.abs(have.size - 4 * percent)).toBeLessThanOrEqual(5 * Math.sqrt(4 * percent * (1 - percent / 100)) + 0.5)
        had = have
      }
    })

    it('leaves alone what already is so', async () => {
      const first = await done(expose(1))
      const again = await done(expose(1))
      expect(again.version).toBe(first.version)
      expect(again.native).toEqual(first.native)
      const killed = await done(kill())
      expect((await done(kill())).version).toBe(killed.version)
    })

    it('compares and sets: what was decided on an older version is refused, and changes nothing', async () => {
      const first = await done(expose(0), before.version)
      expect(await codeOf(apply(expose(2), before.version))).toBe('staleGeneration')
      expect((await look()).version).toBe(first.version)
      expect(percentOf((await done(expose(2), first.version)).definition)).toBe(50)
    })

    it('lets one of two through who decided on the same version', async () => {
      const outcomes = await Promise.all([codeOf(apply(expose(1), before.version)), codeOf(apply(expose(2), before.version))])
      if (source.capabilities.compareAndSet === null) expect(outcomes.toSorted()).toEqual(['no fault', 'staleGeneration'])
      // Where the system cannot compare, at least one came through, and what is there is one of the two.
      else expect(outcomes).toContain('no fault')
      expect([25, 50]).toContain(percentOf((await look()).definition))
    })

    it('finishes: everyone gets the variant, without a rule', async () => {
      await done(expose(1))
      const finished = await done({ kind: 'finish', variant: subject.on })
      expect(exposureOf(finished.definition).everyone).toBe(subject.on)
      expect(source.matches({ kind: 'finish', variant: subject.off }, finished)).toBe(false)
      const users = ['user-1', 'user-2', 'user-3']
      if (subject.usersWith) expect((await subject.usersWith(users)).size).toBe(3)
    })

    it('kills from any state: everyone gets the safe variant, whatever the version', async () => {
      for (const from of [expose(2), { kind: 'finish', variant: subject.on } as const]) {
        expect(percentOf((await done(from)).definition)).toBeGreaterThan(0)
        const killed = await done(kill())
        expect(exposureOf(killed.definition).everyone).toBe(subject.off)
        // With that, callers would get the default in their own code.
        expect(killed.definition.state).toBe('ENABLED')
        if (subject.usersWith) expect((await subject.usersWith(['user-1', 'user-2', 'user-3'])).size).toBe(0)
        expect(source.matches(from, killed)).toBe(false)
      }
      // It can be given again after that.
      expect(percentOf((await done(expose(1))).definition)).toBe(25)
    })

    it('puts back exactly what was there, from wherever it is', async () => {
      for (const from of [expose(1), kill(), { kind: 'finish', variant: subject.on } as const]) {
        const away = await done(from)
        if (from.kind !== 'kill') expect(source.matches(restore(), away)).toBe(false)
        expect(serving(await done(restore()))).toEqual(serving(before))
      }
      const exposed = await done(expose(2))
      await done(kill())
      const back = await done({ kind: 'restore', native: exposed.native, definition: exposed.definition })
      expect(serving(back)).toEqual(serving(exposed))
    })

    it('notices what somebody changed elsewhere', async () => {
      const change = expose(1)
      const ours = await done(change)
      const digest = (await source.read(subject.set)).digest
      let told = 0
      const stop = source.subscribe(subject.set, () => (told += 1))
      await subject.changeElsewhere()
      const theirs = await look()
      expect(theirs.version).not.toBe(ours.version)
      expect(source.matches(change, theirs)).toBe(false)
      expect((await source.read(subject.set)).digest).not.toBe(digest)
      expect(await codeOf(apply(expose(2), ours.version))).toBe('staleGeneration')
      // The poller may have taken its first look after the change: another one is made until it is told.
      for (let tries = 0; told === 0 && tries < 600; tries += 1) {
        if (tries % 40 === 39) await done(tries % 80 === 39 ? expose(2) : expose(1))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(told).toBeGreaterThan(0)
      stop()
    })

    it('narrows a stage to an audience, or says why it cannot', async () => {
      if (subject.audience === null) {
        expect(source.capabilities.audiences).toMatch(/\w+ \w+/)
        expect(await codeOf(apply(expose(0, plan([100], { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }] })), null))).toBe('unsupported')
        return
      }
      expect(source.capabilities.audiences).toBeNull()
      const stages: FlagRolloutPlan = { ...plan([]), stages: [...plan([100], subject.audience).stages, ...plan([10, 50]).stages] }
      const narrow = await done(expose(0, stages))
      expect(percentOf(narrow.definition)).toBe(0)
      expect(exposureOf(narrow.definition).everyone).toBeNull()
      const wider = await done(expose(1, stages))
      expect(percentOf(wider.definition)).toBe(10)
      expect(wider.definition.targeting.kind === 'rules' ? wider.definition.targeting.rules.length : 0, 'the audience keeps what it had').toBe(2)
      expect(percentOf((await done(expose(2, stages))).definition)).toBe(50)
    })

    it('cannot do what its capabilities say it cannot, and says why', async () => {
      for (const name of OPTIONAL) {
        const why = source.capabilities[name]
        if (why !== null) expect(why, name).toMatch(/^[A-Z].{10,}\.$/)
      }
      const { digest, flagSet } = await source.read(subject.set)
      if (source.capabilities.segments !== null) expect(await codeOf(source.writeSegments(subject.set, flagSet.segments, digest))).toBe('unsupported')
      else expect(await codeOf(source.writeSegments(subject.set, flagSet.segments, 'another digest'))).toBe('staleGeneration')
      if (source.capabilities.define !== null) expect(await codeOf(apply({ kind: 'define', definition: before.definition }, before.version))).toBe('unsupported')
      if (source.capabilities.evaluations !== null) expect(await source.evaluations(subject.set)).toBeNull()
      if (source.capabilities.experiments !== null) expect(await source.experiments(subject.set)).toBeNull()
      if (source.capabilities.outcomes !== null) expect(await source.outcomes(subject.set, subject.flag, 0)).toBeNull()
      if (source.capabilities.archive !== null) expect(await codeOf(apply({ kind: 'archive' }, null))).toBe('unsupported')
    })

    it('makes a flag that is not there yet, and only then', async () => {
      if (source.capabilities.define !== null) return
      const key = 'made-by-conformance'
      const definition: FlagDefinition = { ...before.definition, key }
      await apply({ kind: 'define', definition }, null, key)
      const made = await source.observe(subject.set, key)
      expect(source.matches({ kind: 'define', definition }, made)).toBe(true)
      expect(exposureOf(made.definition).everyone).toBe(subject.off)
      const changed: FlagDefinition = { ...definition, targeting: { kind: 'rules', rules: [{ audience: { kind: 'everyone' }, serve: { kind: 'split', percent: 10, variants: [{ variant: subject.on, share: 100 }], otherwise: subject.off } }] } }
      expect(await codeOf(apply({ kind: 'define', definition: changed }, null, key))).toBe('staleGeneration')
      await apply({ kind: 'define', definition: changed }, made.version, key)
      expect(percentOf((await source.observe(subject.set, key)).definition)).toBe(10)
    })

    it('archives, after which it is read as archived', async () => {
      if (source.capabilities.archive !== null) return
      expect(before.definition.facts.archived).toBe(false)
      expect((await done({ kind: 'archive' }, before.version)).definition.facts.archived).toBe(true)
    })

    it('turns a system that fails into a fault with a next step, and works again afterwards', async () => {
      expect((await source.test()).filter(({ ok }) => !ok)).toEqual([])
      const mend = await subject.breakDown()
      const looked = source.read(subject.set).then((reading) => (reading.broken ? 'broken' : 'no fault'), (error: unknown) => (error instanceof Fault ? error.code : String(error)))
      expect(await looked).toMatch(/^(broken|providerUnavailable|timeout)$/)
      const checks = await source.test()
      expect(checks.some(({ ok }) => !ok)).toBe(true)
      for (const check of checks) if (!check.ok) expect(check.next).not.toBe('')
      await mend()
      expect((await look()).version).toBe(before.version)
    })
  })
}
