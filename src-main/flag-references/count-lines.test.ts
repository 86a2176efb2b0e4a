import fc from 'fast-check'
import { expect, it } from 'vitest'
import { countLines } from './count-lines.ts'

it('counts what a plain loop counts, whatever the bytes and the length', () => {
  const byte = fc.oneof(fc.constantFrom(0x0a, 0x8a, 0x0b, 0x09, 0x00, 0xff), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 200 }), fc.nat({ max: 200 }), (bytes, cut) => {
      const space = new Uint8Array(256)
      space.set(bytes)
      const length = Math.min(cut, bytes.length)
      expect(countLines(space, length)).toBe(bytes.slice(0, length).filter((each) => each === 0x0a).length)
    }),
    { numRuns: 2000 },
  )
})
