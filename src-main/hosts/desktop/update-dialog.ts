import { app, dialog } from 'electron'
import { restrain, type UpdateFeed, type Updater } from './updates.ts'

/**
 * Looks for an update because somebody asked, and installs it if they agree. Nothing is asked of the network otherwise.
 * The supervisor does not depend on the app: services and traffic go on while it restarts.
 */
export async function checkForUpdates(feed: UpdateFeed, load: () => Promise<Updater> = loadUpdater): Promise<void> {
  try {
    const updater = await load()
    restrain(updater, feed, process.platform)
    const found = await updater.checkForUpdates()
    if (!found?.isUpdateAvailable) return await say(`Signalbox ${app.getVersion()} is the newest version.`, '')
    const { response } = await dialog.showMessageBox({
      type: 'question',
      title: 'Signalbox',
      message: `Signalbox ${found.updateInfo.version} is available`,
      detail: 'It is fetched, its signature is checked, and the app restarts. Services and their traffic go on meanwhile; a shift under way is held or taken back by its lease if that takes long.',
      buttons: ['Not Now', 'Update and Restart'],
      defaultId: 0,
      cancelId: 0,
      noLink: true,
    })
    if (response !== 1) return
    await updater.downloadUpdate()
    updater.quitAndInstall()
  } catch (error) {
    await say('Signalbox was not updated.', `${error instanceof Error ? error.message : String(error)}\n\nThis version goes on running. Traffic is not affected.`)
  }
}

async function say(message: string, detail: string): Promise<void> {
  await dialog.showMessageBox({ type: 'info', title: 'Signalbox', message, detail, buttons: ['OK'] })
}

async function loadUpdater(): Promise<Updater> {
  const { default: updater } = await import('electron-updater')
  return updater.autoUpdater as unknown as Updater
}
