import { useEffect, useRef } from 'react'

/** Handlers by key: `j`, `Enter`, `?`, `g a` (one after the other), `mod+k`, `mod+shift+b`. */
export type KeyMap = Readonly<Record<string, (event: KeyboardEvent) => void>>

const SEQUENCE_MS = 1200

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable) return true
  const tag = target.tagName
  if (tag === 'TEXTAREA' || tag === 'SELECT') return true
  return tag === 'INPUT' && !['checkbox', 'radio', 'button'].includes((target as HTMLInputElement).type)
}

function nameOf(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey
  const key = event.key.length === 1 ? (mod ? event.key.toLowerCase() : event.key) : event.key
  return `${mod ? 'mod+' : ''}${mod && event.shiftKey ? 'shift+' : ''}${event.altKey ? 'alt+' : ''}${key}`
}

/** Listens on the window. Plain keys are never taken from someone who types, nor from an open dialog. */
export function useKeys(map: KeyMap): void {
  const current = useRef(map)
  useEffect(() => {
    current.current = map
  })
  useEffect(() => {
    let prefix: { key: string; at: number } | null = null
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat) return
      const name = nameOf(event)
      const isPlain = !name.startsWith('mod+')
      if (isPlain && (isTyping(event.target) || document.querySelector('[role=dialog],[role=alertdialog],[role=menu]'))) return
      const sequence: string = prefix && event.timeStamp - prefix.at < SEQUENCE_MS ? `${prefix.key} ${name}` : ''
      const handler = current.current[sequence] ?? current.current[name]
      const starts = Object.keys(current.current).some((key) => key.startsWith(`${name} `))
      prefix = starts && !sequence ? { key: name, at: event.timeStamp } : null
      if (!handler) return
      event.preventDefault()
      handler(event)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

function isMac(): boolean {
  return typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)
}

/** How a shortcut is written on this machine. */
export function shortcutLabel(keys: string): string {
  const mac = isMac()
  return keys
    .split(' ')
    .map((part) => part.replace('mod+', mac ? '⌘ ' : 'Ctrl ').replace('shift+', mac ? '⇧ ' : '⇧ ').replace(/([a-z])$/, (letter) => (part.includes('mod+') ? letter.toUpperCase() : letter)))
    .join(' ')
}
