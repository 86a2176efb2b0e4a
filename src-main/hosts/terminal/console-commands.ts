import { Fault } from '../../contract/fault.ts'
import { askForUrl } from '../local-socket/client.ts'
import { openBrowser } from '../web/open-browser.ts'
import { numberOption } from './arguments.ts'
import type { Command } from './command.ts'
import { EXIT } from './usage.ts'

export const open: Command = async (context) => {
  const url = await askForUrl(context.paths.dataFolder)
  if (url === null) throw new Fault('disconnected', `No console with a browser address runs on ${context.paths.dataFolder}.`, 'Start one: npm start, or signalbox serve.')
  context.output.document({ url })
  context.output.say(context.output.json ? 'A new address, for one browser, once.' : url)
  if (context.invocation.options['no-open'] !== true && !context.output.json) openBrowser(url)
  return EXIT.ok
}

export const serve: Command = async (context) => {
  const { paths, invocation } = context
  // The screens are built by `npm start` and `npm run build`; here only whole builds are served.
  const { runWebHost } = await import('../web/main.ts')
  return runWebHost({
    compose: { ...paths, host: 'web', trustWorkspace: invocation.options.trust === true, scope: 'whole' },
    port: numberOption('port', invocation.options.port, 0, 0, 65_535),
    openBrowser: false,
  })
}
