import { clipboard, dialog, shell } from 'electron'

/** Longest address shown whole, characters. */
const SHOWN = 600

/**
 * Offers an address that a page wanted to open outside. Only https is ever handed to the system, and only after a person
 * saw the whole address; anything else can be copied. One question at a time: a page cannot pile them up.
 */
export function createLinkOffer(): (url: string) => Promise<void> {
  let asking = false
  return async (url) => {
    if (asking) return
    asking = true
    try {
      await ask(url)
    } finally {
      asking = false
    }
  }
}

async function ask(url: string): Promise<void> {
  const parsed = URL.canParse(url) ? new URL(url) : null
  // What is shown and opened is what the parser understood, so that nothing is hidden by how it was written.
  const address = parsed?.href ?? url
  const opens = parsed?.protocol === 'https:' && parsed.username === '' && parsed.password === '' && address.length <= SHOWN
  const { response } = await dialog.showMessageBox({
    type: 'question',
    title: 'Signalbox',
    message: opens ? 'Open this address in your browser?' : 'Signalbox does not open this address',
    detail: opens ? address : `${address.slice(0, SHOWN)}\n\nOnly https addresses are opened from here. You can copy it.`,
    buttons: opens ? ['Cancel', 'Copy', 'Open'] : ['Cancel', 'Copy'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  })
  if (response === 1) await clipboard.writeText(address)
  if (response === 2 && opens) await shell.openExternal(address)
}
