import { expect, it } from 'vitest'
import { makeStory } from '../../lib/test-fixtures.ts'
import { storyOf } from './story.ts'

it('tells a release by the weights that were read back', () => {
  const story = storyOf(makeStory(1_790_000_000_000, 48_213))
  expect(story?.shares.map(({ blue, green }) => [blue, green])).toEqual([
    [100, 0],
    [95, 5],
    [75, 25],
  ])
  expect(story?.acts.map((act) => act.label)).toEqual(['deploy', 'gates', '5 %', '25 %'])
  expect(story?.words).toMatch(/^Share of live traffic: blue 100 %, green 0 %; from .* blue 75 %, green 25 %\.$/)
})
