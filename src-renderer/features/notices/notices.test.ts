import { describe, expect, it } from 'vitest'
import type { WaitingItem } from '../../../src-main/contract/service.ts'
import { CONSOLE, makeEntry, MIRA } from '../../lib/test-fixtures.ts'
import { toNotices, type Seen } from './notices.ts'

const item: WaitingItem = { id: 'approval:checkout', service: 'checkout', releaseId: 'checkout-2', kind: 'approval', title: 'Approval', detail: 'Needs 1 more.', expiresAt: null, since: 5 }
const seen: Seen = { folder: '/data', seq: 10, waiting: [] }
const back = (seq: number, changes = {}) => makeEntry(seq, seq, { action: 'release.rollBack', kind: 'intent', outcome: 'sent', operator: CONSOLE, summary: 'Roll back to blue (1.8.0)', ...changes })

describe('notices', () => {
  it('tells what waits, roll backs and failures, newest first, and nothing else', () => {
    const entries = [makeEntry(9, 9), back(11, { reason: 'error ratio 4 %' }), makeEntry(12, 12, { kind: 'outcome', outcome: 'failed', action: 'effect.deploy', summary: 'green did not start' }), back(13, { kind: 'refusal', outcome: 'refused' })]
    const notices = toNotices(entries, [item], seen, MIRA.id)
    expect(notices.map(({ kind, seq, unseen }) => ({ kind, seq, unseen }))).toEqual([
      { kind: 'waiting', seq: null, unseen: true },
      { kind: 'failed', seq: 12, unseen: true },
      { kind: 'rolledBack', seq: 11, unseen: true },
    ])
    expect(notices[2]).toMatchObject({ title: 'Rolled back by itself', detail: 'Roll back to blue (1.8.0): error ratio 4 %' })
  })

  it('does not call new what was seen, what somebody did themselves, or anything before the first look', () => {
    expect(toNotices([back(10)], [item], { ...seen, waiting: ['approval:checkout|checkout-2'] }, MIRA.id).some((notice) => notice.unseen)).toBe(false)
    expect(toNotices([back(11, { operator: MIRA })], [], seen, MIRA.id)[0]?.unseen).toBe(false)
    expect(toNotices([back(11)], [item], null, MIRA.id).some((notice) => notice.unseen)).toBe(false)
  })

  it('tells of a fail that was not acted on because someone held the guard off', () => {
    const entry = makeEntry(11, 11, { action: 'analysis.overruled', operator: CONSOLE, summary: 'Not rolled back, because Mira Okafor suspended it: Error ratio 2.1 %.' })
    expect(toNotices([entry], [], seen, MIRA.id)).toMatchObject([{ kind: 'failed', title: 'Not rolled back', unseen: true, seq: 11 }])
  })

  it('tells of flags that were taken back, killed, or could not be, and leads to them', () => {
    const target = { flag: 'shop/new-checkout' }
    const entries = [back(11, { target, action: 'rollout.rollBack', summary: 'Roll back to off', reason: '8 % fail' }), back(12, { target, action: 'flag.kill', operator: MIRA, summary: 'Kill new-checkout' }), makeEntry(13, 13, { target, action: 'rollout.failed', kind: 'outcome', outcome: 'failed', summary: 'refused' }), makeEntry(14, 14, { target, action: 'rollout.advance', kind: 'intent', outcome: 'sent' })]
    const notices = toNotices(entries, [], seen, MIRA.id)
    expect(notices.map(({ title, seq, unseen }) => [title, seq, unseen])).toEqual([['Failed', 13, true], ['Killed by Mira Okafor', 12, false], ['Rolled back by itself', 11, true]])
    expect(notices[2]).toMatchObject({ flag: { source: 'shop', key: 'new-checkout' }, service: 'new-checkout' })
  })

  it('tells an entry once that was both fetched and streamed', () => {
    expect(toNotices([back(11), back(11)], [], seen, MIRA.id)).toHaveLength(1)
  })
})
