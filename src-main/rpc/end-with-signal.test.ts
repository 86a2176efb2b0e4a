import { expect, test } from 'vitest'
import { endWithSignal } from './end-with-signal.ts'

/** A source that never answers, and counts how often it is closed. */
function deafSource() {
  const source = {
    closed: 0,
    next: () => new Promise<IteratorResult<number>>(() => undefined),
    return() {
      source.closed += 1
      return Promise.resolve({ done: true as const, value: undefined })
    },
  }
  return source
}

const same = (error: unknown) => error

test('the signal ends a stream whose source does not listen to it, and closes the source once', async () => {
  const source = deafSource()
  const controller = new AbortController()
  const pending = endWithSignal(source, controller.signal, same).next()
  controller.abort()
  expect(await pending).toEqual({ done: true, value: undefined })
  expect(source.closed).toBe(1)
})

test('a signal that was aborted before ends it before it begins', async () => {
  const source = deafSource()
  expect(await endWithSignal(source, AbortSignal.abort(), same).next()).toEqual({ done: true, value: undefined })
  expect(source.closed).toBe(1)
})

test('what the source throws is mapped, and the source is closed', async () => {
  const source = { ...deafSource(), next: () => Promise.reject(new Error('inner')) }
  await expect(endWithSignal(source, undefined, () => new Error('outer')).next()).rejects.toThrow('outer')
})

test('whoever leaves early closes the source', async () => {
  let closed = false
  async function* count() {
    try {
      for (let i = 0; ; i += 1) yield i
    } finally {
      closed = true
    }
  }
  for await (const value of endWithSignal(count(), new AbortController().signal, same)) if (value === 3) break
  expect(closed).toBe(true)
})
