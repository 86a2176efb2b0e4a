import { app, dialog } from 'electron'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { consolePaths } from '../console-options.ts'
import { relaunch } from './relaunch.ts'
import { handOver } from './start-options.ts'

/** Opens another workspace in this app's place, after asking which. Whatever this one released goes on. */
export async function openWorkspace(current: ComposeOptions): Promise<void> {
  const { canceled, filePaths } = await dialog.showOpenDialog({ title: 'Open Workspace', filters: [{ name: 'signalbox.yaml', extensions: ['yaml', 'yml'] }], properties: ['openFile'] })
  const [file] = filePaths
  if (canceled || file === undefined) return
  const [, main = ''] = process.argv
  const options = { ...current, ...consolePaths({ workspace: file }), trustWorkspace: false }
  relaunch(app.isPackaged ? ['--workspace', file] : [main, handOver(options)])
  app.quit()
}
