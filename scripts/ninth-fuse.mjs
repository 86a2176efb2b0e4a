// electron-builder's afterPack hook. electron-builder sets eight of Electron's nine fuses (electronFuses in
// electron-builder.yml); this sets the ninth, and stops the build when a later Electron brings one nobody decided on.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Traps of WebAssembly's memory handled by the system instead of by checks in code: Electron's default, and the faster one. */
export const WASM_TRAP_HANDLERS = true

/** Marks the place of the fuses in Electron's binary (docs/tutorial/fuses.md of Electron). */
const SENTINEL = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1')
const NINTH = 8
const [OFF, ON] = [0x30, 0x31]

/** The file that holds the fuses: macOS keeps them in the framework. */
function fuseFile({ appOutDir, electronPlatformName, packager }) {
  const name = packager.executableName ?? packager.appInfo.productFilename
  if (electronPlatformName === 'darwin') return join(appOutDir, `${packager.appInfo.productFilename}.app`, 'Contents', 'Frameworks', 'Electron Framework.framework', 'Electron Framework')
  return join(appOutDir, electronPlatformName === 'win32' ? `${packager.appInfo.productFilename}.exe` : name)
}

export async function setNinthFuse(file) {
  const binary = await readFile(file)
  // A universal binary for macOS holds two.
  for (let at = binary.indexOf(SENTINEL); at !== -1; at = binary.indexOf(SENTINEL, at + SENTINEL.length)) {
    const wire = at + SENTINEL.length
    const length = binary[wire + 1] ?? 0
    if (length !== NINTH + 1) throw new Error(`This Electron has ${length} fuses, and nine were decided on. Decide on the others: electron-builder.yml, scripts/ninth-fuse.mjs and FUSES in src-main/hosts/desktop/testing/security-list.ts.`)
    binary[wire + 2 + NINTH] = WASM_TRAP_HANDLERS ? ON : OFF
  }
  if (!binary.includes(SENTINEL)) throw new Error(`${file} holds no fuses: is it Electron?`)
  await writeFile(file, binary)
}

export async function afterPack(context) {
  await setNinthFuse(fuseFile(context))
}
