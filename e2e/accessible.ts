import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from 'playwright/test'

type AxePage = ConstructorParameters<typeof AxeBuilder>[0]['page']

/** No finding of axe's WCAG 2.2 A and AA rules on what is shown now, in the light and in the dark theme. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Its types are of another copy of Playwright than ours; the page is the same thing.
    const { violations } = await new AxeBuilder({ page: page as unknown as AxePage }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary ?? ''})`).join('; ')}`)
    expect(found, `${what}, ${colorScheme}`).toEqual([])
  }
  await page.emulateMedia({ colorScheme: null })
}
