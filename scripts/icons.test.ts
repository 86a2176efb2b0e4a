import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const { allIcons } = (await import(pathToFileURL(join(root, 'scripts', 'icons.mjs')).href)) as { allIcons: () => ReadonlyMap<string, Buffer> }
const folder = join(root, 'resources', 'icons')

/** Size and pixels of a PNG as the script writes them; compression may differ between versions of zlib. */
function pixels(png: Buffer): string {
  const size = png.readUInt32BE(16)
  let at = 8
  const data: Buffer[] = []
  while (at < png.length) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  return `${size} ${inflateSync(Buffer.concat(data)).toString('base64')}`
}

test('every icon is there and is what the script draws', () => {
  const drawn = allIcons()
  const there = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  expect(there.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).toSorted()).toEqual([...drawn.keys()].toSorted())
  for (const [name, data] of drawn) if (name.endsWith('.png')) expect(pixels(readFileSync(join(folder, name))) === pixels(data), name).toBe(true)
})

test('the states’ shapes differ without colour', () => {
  const shapes = ['healthy', 'watch', 'failing', 'unknown'].map((state) => pixels(readFileSync(join(folder, `tray-${state}Template@2x.png`))))
  expect(new Set(shapes).size).toBe(4)
  const [first = ''] = shapes
  // Drawn in one colour only: black, with transparency.
  const raw = Buffer.from(first.split(' ')[1] ?? '', 'base64')
  const coloured = raw.some((value, i) => (i % (32 * 4 + 1)) % 4 !== 0 && i % (32 * 4 + 1) !== 0 && value !== 0)
  expect(coloured).toBe(false)
})

test('containers hold what their headers say', () => {
  const icns = readFileSync(join(folder, 'icon.icns'))
  expect([icns.toString('latin1', 0, 4), icns.readUInt32BE(4)]).toEqual(['icns', icns.length])
  const ico = readFileSync(join(folder, 'icon.ico'))
  const count = ico.readUInt16LE(4)
  expect(count).toBe(7)
  const last = 6 + 16 * (count - 1)
  expect(ico.readUInt32LE(last + 12) + ico.readUInt32LE(last + 8)).toBe(ico.length)
  expect(ico.toString('latin1', ico.readUInt32LE(last + 12) + 1, ico.readUInt32LE(last + 12) + 4)).toBe('PNG')
})
