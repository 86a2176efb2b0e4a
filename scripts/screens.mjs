// Every screen and state that can be shown without a core: name, invented world (src-renderer/dev), address, and
// what is pressed before looking. Used by `npm run screenshots` and its checks.

const press = (name) => (page) => page.getByRole('button', { name }).first().click()

/** @type {readonly { name: string, world: string, path: string, act?: (page: import('playwright').Page) => Promise<unknown> }[]} */
export const SCREENS = [
  { name: 'overview', world: 'shifting', path: '/' },
  { name: 'overview-500', world: 'many', path: '/' },
  { name: 'overview-stale', world: 'stale', path: '/' },
  { name: 'overview-first-release', world: 'firstRelease', path: '/' },
  { name: 'overview-two', world: 'retired', path: '/' },
  { name: 'overview-empty', world: 'empty', path: '/' },
  { name: 'overview-loading', world: 'loading', path: '/' },
  { name: 'overview-disconnected', world: 'disconnected', path: '/', act: (page) => page.getByText('Not connected to the core.').waitFor() },
  { name: 'overview-read-only', world: 'readOnly', path: '/' },
  { name: 'overview-emergency', world: 'emergency', path: '/' },
  { name: 'overview-untrusted', world: 'untrusted', path: '/' },
  { name: 'overview-problems', world: 'problems', path: '/', act: press('Show where') },
  { name: 'overview-long-names', world: 'longNames', path: '/' },
  { name: 'service-shifting', world: 'shifting', path: '/services/checkout' },
  { name: 'service-resources', world: 'shifting', path: '/services/checkout', act: (page) => page.getByRole('tab', { name: 'Resources' }).click() },
  { name: 'service-output', world: 'shifting', path: '/services/checkout', act: (page) => page.getByRole('tab', { name: 'Output' }).click() },
  { name: 'service-releases', world: 'shifting', path: '/services/checkout', act: (page) => page.getByRole('tab', { name: 'Releases' }).click() },
  { name: 'service-more-actions', world: 'shifting', path: '/services/checkout', act: press('More actions') },
  { name: 'service-confirm', world: 'shifting', path: '/services/checkout', act: press(/^Roll back to/) },
  { name: 'service-conflict', world: 'conflict', path: '/services/checkout', act: async (page) => {
    await press(/^Send 50/)(page)
    await page.getByRole('alert').first().waitFor()
  } },
  { name: 'service-rolled-back', world: 'failing', path: '/services/checkout' },
  { name: 'service-stopped', world: 'stopped', path: '/services/checkout' },
  { name: 'service-rolling-back', world: 'rollingBack', path: '/services/checkout' },
  { name: 'service-stale', world: 'stale', path: '/services/checkout' },
  { name: 'service-first-release', world: 'firstRelease', path: '/services/checkout' },
  { name: 'service-loading', world: 'loading', path: '/services/checkout' },
  { name: 'service-emergency', world: 'emergency', path: '/services/checkout' },
  { name: 'service-read-only', world: 'readOnly', path: '/services/checkout' },
  { name: 'service-500', world: 'many', path: '/services/service-040' },
  { name: 'service-retired', world: 'retired', path: '/services/checkout' },
  { name: 'service-never-released', world: 'first', path: '/services/checkout' },
  { name: 'service-unknown', world: 'shifting', path: '/services/notify' },
  { name: 'service-baking', world: 'shifting', path: '/services/pricing' },
  { name: 'service-deploying', world: 'shifting', path: '/services/invoices' },
  { name: 'service-long-names', world: 'longNames', path: '/services/payments-gateway-for-the-northern-region-with-a-name-that-somebody-found-necessary' },
  { name: 'service-not-there', world: 'shifting', path: '/services/nobody' },
  { name: 'service-disconnected', world: 'disconnected', path: '/services/checkout', act: (page) => page.getByText('Not connected to the core.').waitFor() },
  { name: 'migrations', world: 'migrations', path: '/migrations' },
  { name: 'migrations-none', world: 'migrations-none', path: '/migrations' },
  { name: 'migration-planned', world: 'migration-planned', path: '/migrations/split_full_name' },
  { name: 'migration-unchecked', world: 'migration-unchecked', path: '/migrations/split_full_name' },
  { name: 'migration-blocked', world: 'migration-blocked', path: '/migrations/split_full_name' },
  { name: 'migration-shadow-reads', world: 'migration-shadowReads', path: '/migrations/split_full_name' },
  { name: 'migration-backfilling', world: 'migration-backfilling', path: '/migrations/split_full_name' },
  { name: 'migration-verifying', world: 'migration-verifying', path: '/migrations/split_full_name' },
  { name: 'migration-dual-writes', world: 'migration-dualWrites', path: '/migrations/split_full_name' },
  { name: 'migration-switching-reads', world: 'migration-switchingReads', path: '/migrations/split_full_name' },
  { name: 'migration-switched-writes', world: 'migration-switchedWrites', path: '/migrations/split_full_name' },
  { name: 'migration-tombstoned', world: 'migration-tombstoned', path: '/migrations/split_full_name' },
  { name: 'migration-completed', world: 'migration-completed', path: '/migrations/split_full_name' },
  { name: 'migration-rolling-back', world: 'migration-rollingBack', path: '/migrations/split_full_name' },
  { name: 'migration-rolled-back', world: 'migration-rolledBack', path: '/migrations/split_full_name' },
  { name: 'migration-failed', world: 'migration-failed', path: '/migrations/split_full_name' },
  { name: 'migration-guarded', world: 'migration-guarded', path: '/migrations/split_full_name' },
  { name: 'migration-unreachable', world: 'migration-unreachable', path: '/migrations/split_full_name' },
  { name: 'migration-viewer', world: 'migration-viewer', path: '/migrations/split_full_name' },
  { name: 'migration-read-only', world: 'migration-readOnly', path: '/migrations/split_full_name' },
  { name: 'migration-long', world: 'migration-long', path: '/migrations/split_full_name' },
  ...['SQL', 'Change', 'Preflight', 'Rehearsal', 'Record'].map((tab) => ({ name: `migration-tab-${tab.toLowerCase()}`, world: 'migration-backfilling', path: '/migrations/split_full_name', act: (page) => page.getByRole('tab', { name: tab }).click() })),
  { name: 'migration-rejected-row', world: 'migration-backfilling', path: '/migrations/split_full_name', act: async (page) => {
    await press('rejected')(page)
    await press('Next')(page)
  } },
  { name: 'migration-accepted-rows', world: 'migration-backfilling', path: '/migrations/split_full_name', act: press('accepted') },
  { name: 'migration-confirm', world: 'migration-backfilling', path: '/migrations/split_full_name', act: press(/^Roll back migration/) },
  { name: 'migration-repair', world: 'migration-backfilling', path: '/migrations/split_full_name', act: press(/^Repair 11/) },
  { name: 'migration-drop', world: 'migration-tombstoned', path: '/migrations/split_full_name', act: press(/^Drop the old/) },
  { name: 'migration-not-there', world: 'migrations', path: '/migrations/nobody' },
  { name: 'new-release', world: 'shifting', path: '/services/mailer/release' },
  { name: 'new-release-plan', world: 'shifting', path: '/services/mailer/release', act: async (page) => {
    await press('Change the plan')(page)
    await page.getByRole('textbox', { name: 'Share of step 2, percent' }).fill('10')
    await page.getByRole('button', { name: 'Remove step 3' }).click()
    await page.getByRole('textbox', { name: 'Share of step 3, percent' }).fill('8')
  } },
  { name: 'new-release-changed', world: 'shifting', path: '/services/mailer/release', act: async (page) => {
    await press('Change the plan')(page)
    await page.getByRole('button', { name: 'Remove step 3' }).click()
    await press('Show it')(page)
  } },
  { name: 'new-release-blocked', world: 'shifting', path: '/services/checkout/release' },
  { name: 'audit', world: 'shifting', path: '/audit' },
  { name: 'audit-release', world: 'shifting', path: '/audit?release=checkout-2' },
  { name: 'audit-nothing', world: 'shifting', path: '/audit?q=zebra' },
  { name: 'audit-verified', world: 'shifting', path: '/audit', act: press(/^Verify/) },
  { name: 'report', world: 'shifting', path: '/audit/release/checkout-2' },
  { name: 'settings', world: 'shifting', path: '/settings' },
  { name: 'settings-connection', world: 'shifting', path: '/settings', act: press(/^Test /) },
  { name: 'settings-problems', world: 'problems', path: '/settings' },
  { name: 'flags', world: 'flags', path: '/flags' },
  { name: 'flags-none', world: 'flags-none', path: '/flags' },
  { name: 'flags-empty', world: 'flags-empty', path: '/flags' },
  { name: 'flags-many', world: 'flags-many', path: '/flags/shop/new-checkout' },
  { name: 'flags-broken', world: 'flags-broken', path: '/flags' },
  { name: 'flags-failing', world: 'flags-failing', path: '/flags' },
  { name: 'flags-clean-up', world: 'flags', path: '/flags', act: press(/^Clean up/) },
  { name: 'flags-tiers', world: 'flags', path: '/flags', act: (page) => page.getByText(/^Compare tiers/).click() },
  { name: 'flags-search', world: 'flags', path: '/flags', act: (page) => page.getByRole('searchbox', { name: 'Search flags' }).fill('check') },
  { name: 'flags-new', world: 'flags', path: '/flags?view=new&source=shop' },
  { name: 'flags-segments', world: 'flags', path: '/flags?view=segments&source=shop' },
  { name: 'flags-loading', world: 'loading', path: '/flags' },
  ...['holding', 'paused', 'guarded', 'awaitingApproval', 'submitted', 'drift', 'failed', 'rolledBack', 'killed', 'planned', 'handwritten', 'stale', 'silent'].map((name) => ({ name: `flag-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, world: `flag-${name}`, path: '/flags/shop/new-checkout' })),
  { name: 'flag-long', world: 'flag-long', path: '/flags/shop/checkout.payments-gateway-for-the-northern-region.one-page-with-saved-cards-and-a-name-that-somebody-found-necessary' },
  { name: 'flag-broken-source', world: 'flags-broken', path: '/flags/shop/new-checkout' },
  { name: 'flag-no-outcomes', world: 'flags-failing', path: '/flags/shop/new-checkout' },
  { name: 'flag-no-data', world: 'flags-nodata', path: '/flags/shop/new-checkout' },
  { name: 'flag-sample-ratio', world: 'flags-mismatch', path: '/flags/shop/new-checkout' },
  { name: 'flag-read-only', world: 'flags-readOnly', path: '/flags/shop/new-checkout' },
  { name: 'flag-emergency', world: 'flags-emergency', path: '/flags/shop/new-checkout', act: (page) => page.keyboard.press('Control+Shift+X') },
  { name: 'flag-not-there', world: 'flags', path: '/flags/shop/nobody' },
  ...['Preview', 'Definition', 'Tiers', 'Code', 'History'].map((tab) => ({ name: `flag-tab-${tab.toLowerCase()}`, world: 'flag-holding', path: '/flags/shop/new-checkout', act: async (page) => {
    await page.getByRole('tab', { name: tab }).click()
    if (tab === 'Preview') await press('What do they get')(page)
  } })),
  { name: 'flag-confirm-kill', world: 'flag-holding', path: '/flags/shop/new-checkout', act: press(/^Kill: everyone/) },
  { name: 'flag-confirm-roll-back', world: 'flag-holding', path: '/flags/shop/new-checkout', act: press(/^Roll back/) },
  { name: 'flag-plan', world: 'flag-planned', path: '/flags/shop/new-checkout?view=rollout', act: async (page) => {
    await press('Add a stage')(page)
    await page.getByRole('textbox', { name: 'Share of stage 2, percent' }).fill('120')
  } },
  { name: 'flag-plan-good', world: 'flag-planned', path: '/flags/shop/new-checkout?view=rollout' },
  { name: 'flag-edit', world: 'flag-holding', path: '/flags/shop/new-checkout?view=edit' },
  { name: 'flag-edit-text', world: 'flag-handwritten', path: '/flags/shop/new-checkout?view=edit', act: press('Text') },
  { name: 'flag-edit-handwritten', world: 'flag-handwritten', path: '/flags/shop/new-checkout?view=edit' },
  { name: 'flag-edit-conflict', world: 'flags-conflict', path: '/flags/shop/new-checkout?view=edit', act: async (page) => {
    await page.getByRole('textbox', { name: 'Owner' }).fill('checkout, second shift')
    await press('Write it')(page)
    await page.getByRole('alert').first().waitFor()
  } },
  { name: 'palette-kill', world: 'flags', path: '/', act: async (page) => {
    await page.keyboard.press('Control+Shift+X')
    await page.keyboard.type('check')
  } },
  { name: 'overview-flag', world: 'flags', path: '/' },
  { name: 'palette', world: 'shifting', path: '/', act: (page) => page.keyboard.press('Control+k') },
  { name: 'palette-typed', world: 'shifting', path: '/', act: async (page) => {
    await page.keyboard.press('Control+k')
    await page.keyboard.type('roll')
  } },
  { name: 'keys', world: 'shifting', path: '/', act: (page) => page.keyboard.press('?') },
  { name: 'notifications', world: 'shifting', path: '/', act: press(/^Notifications/) },
  { name: 'no-such-screen', world: 'shifting', path: '/nowhere' },
]
