import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from 'playwright/test'

type AxePage = ConstructorParameters<typeof AxeBuilder>[0]['page']

/** axe finds nothing on what is shown now; nor, where only colours differ, in the dark theme. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Its types are of another copy of Playwright than ours; the page is the same thing.
    const axe = new AxeBuilder({ page: page as unknown as AxePage }).options({ resultTypes: ['violations'] })
    const { violations } = await (colorScheme === 'dark' ? axe.withRules(['color-contrast']) : axe).analyze()
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary ?? ''})`).join('; ')}`)
    expect(found, `${what}, ${colorScheme}`).toEqual([])
  }
  await page.emulateMedia({ colorScheme: null })
}
