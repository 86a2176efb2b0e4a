// The smallest thing that keeps a weight: answers every line on a unix socket, syncing one line to a file for each "set".
import { fdatasyncSync, openSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'

const [socket, file] = process.argv.slice(2)
const log = openSync(file ?? '', 'a')
let weight = '0'
createServer((client) => {
  client.setEncoding('utf8')
  client.on('data', (text: string) => {
    for (const line of text.split('\n').filter(Boolean)) {
      if (line.startsWith('set')) {
        weight = line.slice(4)
        writeSync(log, `${weight}\n`)
        fdatasyncSync(log)
      }
      client.write(`${weight}\n`)
    }
  })
  client.on('close', () => process.exit())
}).listen(socket, () => process.send?.('ready'))
