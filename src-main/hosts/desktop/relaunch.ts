import { app } from 'electron'

/** Starts the app again once this one has ended; with other arguments, or with the same. */
export function relaunch(args?: readonly string[]): void {
  // What an AppImage runs from is unmounted when it ends; the image itself stays.
  const image = process.env['APPIMAGE']
  app.relaunch({ ...(args ? { args: [...args] } : {}), ...(image === undefined ? {} : { execPath: image }) })
}
