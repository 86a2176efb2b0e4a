// @vitest-environment happy-dom
import { render } from '@testing-library/react'
import { expect, it } from 'vitest'
import { PlaceText } from './place.tsx'

const html = (text: string) => render(<PlaceText text={text} square={false} />).container

it('sets versions apart, and takes no percentage for one', () => {
  const versions = (text: string) => [...html(text).querySelectorAll('.mono')].map((element) => element.textContent)
  expect(versions('Send 25 % to green (1.9.0)')).toEqual(['1.9.0'])
  expect(versions('Roll back to blue 1.8.0.')).toEqual(['1.8.0'])
  expect(versions('blue 75.2 %, green 24.8 % read back')).toEqual([])
})

it('keeps every word', () => {
  expect(html('blue 75 %, green 25 % read back from the data plane').textContent).toBe('blue 75 %, green 25 % read back from the data plane')
})
