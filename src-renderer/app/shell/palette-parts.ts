/** How an item and a group of the palette look. */
export const ITEM = 'flex h-8 cursor-default items-center gap-2 rounded-1 px-3 data-[selected=true]:bg-bg-3 data-[disabled=true]:text-ink-3'
export const GROUP = '[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-11 [&_[cmdk-group-heading]]:text-ink-3'

/** What every part of the palette gets: what was typed, and how to leave. */
export interface PartProps {
  readonly fits: (label: string) => boolean
  readonly go: (run: () => unknown) => void
}
