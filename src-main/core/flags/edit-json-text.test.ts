import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../contract/flag-definition.ts'
import { editJsonText } from './edit-json-text.ts'

const parse = (text: string): JsonObject => JSON.parse(text) as JsonObject

describe('changing JSON in place', () => {
  it('writes anew only what differs', () => {
    const text = '{\n\t"a": [1,2,   3],\r\n\t"b": {"x" : 1, "y": {  }, "z":true},\n\t"c": null }\n'
    expect(editJsonText(text, parse(text), { a: [1, 2, 3], b: { x: 1, y: {}, z: false }, c: null })).toBe(text.replace('true', 'false'))
    expect(editJsonText(text, parse(text), { a: [1, 2, 3], b: { x: 1, z: true }, c: null })).toBe(text.replace('"y": {  }, ', ''))
    expect(editJsonText(text, parse(text), { a: [1, 2, 3], c: null })).toBe(text.replace('"b": {"x" : 1, "y": {  }, "z":true},\n\t', ''))
    expect(editJsonText(text, parse(text), parse(text))).toBe(text)
  })

  it('adds behind the last key, in the layout around it', () => {
    expect(editJsonText('{\n    "a": {\n        "b": 1\n    }\n}\n', { a: { b: 1 } }, { a: { b: 1, c: { d: 2 } } })).toBe('{\n    "a": {\n        "b": 1,\n        "c": {\n            "d": 2\n        }\n    }\n}\n')
    expect(editJsonText('{"a":{"b":1}}', { a: { b: 1 } }, { a: { b: 1, c: [2] } })).toBe('{"a":{"b":1,"c":[2]}}')
  })

  it('says so where keys come in another order', () => {
    expect(editJsonText('{"a":1,"b":2}', { a: 1, b: 2 }, { b: 2, a: 1 })).toBeNull()
    expect(editJsonText('{"a":1,"b":2}', { a: 1, b: 2 }, { c: 3, a: 1, b: 2 })).toBeNull()
  })

  it('says what was meant for any two documents, whatever the layout', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'quote"d', 'back\\slash', 'ü', '')
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({ tree: fc.oneof({ maxDepth: 3 }, fc.constantFrom(1, -2.5e3, true, null, 'te"xt', '}{,', []), fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(key, tie('tree'), { maxKeys: 4 })) }))
    const object = fc.dictionary(key, tree, { maxKeys: 5 }) as fc.Arbitrary<JsonObject>
    let inPlace = 0
    fc.assert(
      fc.property(object, object, fc.constantFrom(undefined, 2, '\t'), (before, after, space) => {
        const plain = parse(JSON.stringify(before))
        const edited = editJsonText(JSON.stringify(before, null, space), plain, after)
        if (edited === null) return
        inPlace += 1
        expect(parse(edited)).toEqual(after)
      }),
      { numRuns: 2000 },
    )
    expect(inPlace).toBeGreaterThan(200)
  })
})
