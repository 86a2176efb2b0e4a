import { expect, it } from 'vitest'
import { SHIFTING_ACTIONS } from '../../lib/test-fixtures.ts'
import { placeActions } from './slots.ts'

const commands = (actions: Parameters<typeof placeActions>[0]) => placeActions(actions).places.map((action) => action?.command ?? null)

it('sets each action into its place, and the rest into the menu', () => {
  expect(commands(SHIFTING_ACTIONS)).toEqual(['promote', 'promoteFully', 'pause'])
  expect(placeActions(SHIFTING_ACTIONS).rest.map(({ command }) => command)).toEqual(['suspendGuard'])
})

it('says once what two actions would both do, and leaves the place empty', () => {
  const last = SHIFTING_ACTIONS.map((action) => (action.command === 'promote' || action.command === 'promoteFully' ? { ...action, label: 'Send 100 % to green (1.9.0)', blocks: [] } : action))
  expect(commands(last)).toEqual(['promote', null, 'pause'])
  expect(placeActions(last).rest.map(({ command }) => command)).toEqual(['suspendGuard'])
})
