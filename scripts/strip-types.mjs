// Turns a folder of TypeScript that runs by type stripping into the same folder of JavaScript, file by file and line by
// line: Electron's Node does not strip types, and threads and processes are started from files of their own, which a
// bundle would have swallowed.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'

const LEFT_OUT = /\.(test|bench)\.ts$|\.d\.ts$|(^|\/)(testing|bench|sim|stress)\/|(^|\/)(test-bench|exploration|(flag-source-)?conformance)\.ts$/

/** './x.ts' in imports and `new URL` becomes './x.js'. */
function pointToJavaScript(code) {
  return code.replaceAll(/(['"`])(\.{1,2}\/[^'"`\n]*)\.(c?)ts\1/g, '$1$2.$3js$1')
}

/** Node marks the function as experimental in a warning; the very same stripping is what runs our sources. */
function quietly(run) {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => {}
  try {
    run()
  } finally {
    process.emitWarning = emitWarning
  }
}

export function stripFolder(from, to) {
  quietly(() => stripEach(from, to))
}

function stripEach(from, to) {
  rmSync(to, { recursive: true, force: true })
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const path = relative(from, file).split(sep).join('/')
    if (!entry.isFile() || !/\.c?ts$/.test(path) || LEFT_OUT.test(path)) continue
    const target = join(to, path.replace(/ts$/, 'js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, pointToJavaScript(stripTypeScriptTypes(readFileSync(file, 'utf8'))))
  }
}
