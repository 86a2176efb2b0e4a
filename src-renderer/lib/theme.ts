import { createValueStore } from './value-store.ts'

export const THEME_CHOICES = ['system', 'dark', 'light'] as const
export type ThemeChoice = (typeof THEME_CHOICES)[number]
export type Theme = 'dark' | 'light'

const KEY = 'signalbox.theme'
const prefersLight = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: light)') : null

function readChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(KEY)
    return THEME_CHOICES.find((choice) => choice === stored) ?? 'system'
  } catch {
    return 'system'
  }
}

function resolve(choice: ThemeChoice): Theme {
  if (choice !== 'system') return choice
  return prefersLight?.matches ? 'light' : 'dark'
}

/** What the operator chose, and what it comes to on this screen now. */
export const themeStore = createValueStore<{ readonly choice: ThemeChoice; readonly theme: Theme }>({
  choice: readChoice(),
  theme: resolve(readChoice()),
})

export function chooseTheme(choice: ThemeChoice): void {
  try {
    localStorage.setItem(KEY, choice)
  } catch {
    // Without storage the choice holds until the window closes.
  }
  themeStore.set({ choice, theme: resolve(choice) })
}

/** Keeps the document on the chosen theme; returns the stop. */
export function followTheme(): () => void {
  const paint = () => {
    document.documentElement.dataset['theme'] = themeStore.get().theme
  }
  const onSystem = () => themeStore.set((before) => ({ ...before, theme: resolve(before.choice) }))
  paint()
  prefersLight?.addEventListener('change', onSystem)
  const stop = themeStore.subscribe(paint)
  return () => {
    stop()
    prefersLight?.removeEventListener('change', onSystem)
  }
}
