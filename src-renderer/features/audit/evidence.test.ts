import { expect, it } from 'vitest'
import { readEvidence } from './evidence.ts'

it('reads verdicts, gates and seconds, and nothing that is not there', () => {
  const known = readEvidence({
    results: [{ metric: 'errorRatio', limit: 0.01, value: 0.04, verdict: 'fail', why: 'error ratio 4 %, limit 1 %.' }],
    samplesBefore: { blue: [{ at: 1000, requests: 5, errors: 0, p99Ms: null }], green: [{ at: 1000, requests: 5, errors: 1, p99Ms: 20 }] },
  })
  expect(known.results).toEqual([{ metric: 'errorRatio', verdict: 'fail', why: 'error ratio 4 %, limit 1 %.', limit: 0.01 }])
  expect(known.samples?.green).toEqual([{ at: 1000, requests: 5, errors: 1, p99Ms: 20 }])
  expect(readEvidence({ samples: [{ at: 1, requests: 2, errors: 0, p99Ms: 3 }, { at: 2, requests: 2, errors: 0, p99Ms: 3 }] }).samples?.candidate).toHaveLength(2)
  expect(known.gates).toEqual([])
  expect(readEvidence('anything')).toEqual({ samples: null, results: [], gates: [] })
  expect(readEvidence({ samples: { blue: [], green: [] } }).samples).toBeNull()
})
