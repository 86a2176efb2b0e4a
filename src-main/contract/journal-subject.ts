import type { Target } from './journal.ts'

/** What an entry is about, in one word: its service, migration or flag; empty for the console itself. */
export function subjectOf({ target }: { readonly target: Target }): string {
  return target.service ?? target.migration ?? target.flag?.slice(target.flag.indexOf('/') + 1) ?? ''
}
