import { createInterface } from 'node:readline/promises'
import { linkTo } from './link.ts'
import { runTerminal } from './run.ts'

async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await reader.question(question)
  } finally {
    reader.close()
  }
}

// A reader such as `head` may close early; that is no error of ours.
process.stdout.on('error', () => process.exit(0))

const code = await runTerminal(process.argv.slice(2), {
  streams: { out: process.stdout, error: process.stderr, columns: process.stdout.isTTY ? process.stdout.columns : null },
  linkTo,
  ask: process.stdin.isTTY ? ask : null,
})
// Whatever a core carried in this process still holds open is of no use any more; but stdout must be out first.
process.stdout.write('', () => process.exit(code))
