// node scripts/icons.mjs: draws every icon of the desktop app into resources/icons, as src-renderer/public/icon.svg and
// the state marks of src-renderer/components/icons.tsx show them. No drawing program needed, and no difference between machines.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { deflateSync } from 'node:zlib'

const FOLDER = fileURLToPath(new URL('../resources/icons/', import.meta.url))
/** Points tested per pixel and direction: small icons need more. */
const samplesFor = (size) => (size >= 256 ? 2 : 4)

// ---- Shapes: functions that say whether a point lies inside --------------------------------------------------------

const circle = (cx, cy, r) => (x, y) => (x - cx) ** 2 + (y - cy) ** 2 <= r * r
const ring = (cx, cy, r, width) => minus(circle(cx, cy, r + width / 2), circle(cx, cy, r - width / 2))
const minus = (shape, hole) => (x, y) => shape(x, y) && !hole(x, y)
const either = (...shapes) => (x, y) => shapes.some((shape) => shape(x, y))
const rectangle = (x0, y0, width, height) => (x, y) => x >= x0 && x < x0 + width && y >= y0 && y < y0 + height

function rounded(x0, y0, width, height, r) {
  return (x, y) => {
    const dx = Math.max(x0 + r - x, x - (x0 + width - r), 0)
    const dy = Math.max(y0 + r - y, y - (y0 + height - r), 0)
    return dx * dx + dy * dy <= r * r && x >= x0 && x <= x0 + width && y >= y0 && y <= y0 + height
  }
}

function polygon(points) {
  return (x, y) => {
    let inside = false
    for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
      const [xi, yi] = points[i]
      const [xj, yj] = points[j]
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
    }
    return inside
  }
}

/** An open line with flat ends and mitred corners. */
function stroke(points, width) {
  const half = width / 2
  const side = (sign) =>
    points.map(([x, y], i) => {
      const normal = (a, b) => {
        const length = Math.hypot(b[0] - a[0], b[1] - a[1])
        return [(-(b[1] - a[1]) / length) * sign, ((b[0] - a[0]) / length) * sign]
      }
      const before = i > 0 ? normal(points[i - 1], points[i]) : null
      const after = i < points.length - 1 ? normal(points[i], points[i + 1]) : null
      const [nx, ny] = before && after ? [before[0] + after[0], before[1] + after[1]] : (before ?? after)
      const scale = before && after ? (2 * half) / (nx * nx + ny * ny) : half
      return [x + nx * scale, y + ny * scale]
    })
  return polygon([...side(1), ...side(-1).toReversed()])
}

/** Everything within `by` of the shape, roughly: the light or dark rim that keeps a mark visible on any panel. */
function grown(shape, by) {
  const around = Array.from({ length: 16 }, (_, i) => [Math.cos((i * Math.PI) / 8) * by, Math.sin((i * Math.PI) / 8) * by])
  return (x, y) => shape(x, y) || around.some(([dx, dy]) => shape(x + dx, y + dy))
}

// ---- The drawings ---------------------------------------------------------------------------------------------------

const INK = [0x12, 0x14, 0x15]
const PAPER = [0xf1, 0xf0, 0xed]

/** The mark: a track and a turnout, on a 32 grid. */
const mark = either(stroke([[4, 22], [28, 22]], 4.5), stroke([[8.5, 22], [17, 11], [28, 11]], 4.5))

/** State marks on a 12 grid. Outlines differ, so that they are told apart without colour. */
const exclamation = either(rectangle(5.35, 4.4, 1.3, 3.2), rectangle(5.35, 8.5, 1.3, 1.3))
const triangle = polygon([[6, 0.6], [11.8, 11.2], [0.2, 11.2]])
const octagon = polygon([[3.5, 0.2], [8.5, 0.2], [11.8, 3.5], [11.8, 8.5], [8.5, 11.8], [3.5, 11.8], [0.2, 8.5], [0.2, 3.5]])
/** `ground`: what shows dark through the holes of a mark on a panel. */
const STATES = {
  healthy: { shape: circle(6, 6, 3), colour: [0xb9, 0xc4, 0xbd] },
  watch: { shape: minus(triangle, exclamation), ground: triangle, colour: [0xe8, 0xa8, 0x2c] },
  failing: { shape: minus(octagon, rectangle(3, 5.1, 6, 1.8)), ground: octagon, colour: [0xe5, 0x4b, 0x3c] },
  unknown: { shape: ring(6, 6, 4.4, 1.6), colour: [0xb9, 0xbd, 0xc0] },
}
const BADGE = { ground: circle(6, 6, 5.8), shape: minus(circle(6, 6, 5.8), either(rectangle(5.2, 2.6, 1.6, 4.2), rectangle(5.2, 7.9, 1.6, 1.6))), colour: [0xe8, 0xa8, 0x2c] }

/** Layers from back to front, each a shape on a grid of `grid` and a colour; returns size * size RGBA. */
function draw(size, grid, layers) {
  const pixels = Buffer.alloc(size * size * 4)
  const samples = samplesFor(size)
  const step = grid / size / samples
  for (let py = 0; py < size; py++) {
    for (let px = 0; px < size; px++) {
      let [r, g, b, a] = [0, 0, 0, 0]
      for (const { shape, colour } of layers) {
        let hits = 0
        for (let s = 0; s < samples * samples; s++) {
          if (shape((px * samples + (s % samples) + 0.5) * step, (py * samples + Math.floor(s / samples) + 0.5) * step)) hits++
        }
        const cover = hits / (samples * samples)
        const alpha = cover + a * (1 - cover)
        const blend = (over, under) => (alpha === 0 ? 0 : (over * cover + under * a * (1 - cover)) / alpha)
        ;[r, g, b] = [blend(colour[0], r), blend(colour[1], g), blend(colour[2], b)]
        a = alpha
      }
      pixels.set([r, g, b, a * 255].map(Math.round), (py * size + px) * 4)
    }
  }
  return pixels
}

const appIcon = (size) => draw(size, 32, [{ shape: rounded(0, 0, 32, 32, 5), colour: INK }, { shape: mark, colour: PAPER }])

/** macOS leaves a margin around its icons. */
function macIcon(size) {
  const margin = 32 * (100 / 1024)
  const scale = 32 / (32 - 2 * margin)
  const inside = (shape) => (x, y) => shape((x - margin) * scale, (y - margin) * scale)
  return draw(size, 32, [{ shape: inside(rounded(0, 0, 32, 32, 7)), colour: INK }, { shape: inside(mark), colour: PAPER }])
}

/** On a panel that may be light or dark: coloured, with a dark rim. */
function panelIcon({ shape, ground = shape, colour }, size) {
  const small = (whole) => (x, y) => whole((x - 6) * 1.12 + 6, (y - 6) * 1.12 + 6)
  return draw(size, 12, [{ shape: grown(small(ground), 0.55), colour: INK }, { shape: small(shape), colour }])
}

/** For macOS, which colours it itself. */
const templateIcon = ({ shape }, size) => draw(size, 12, [{ shape: (x, y) => shape((x - 6) * 1.2 + 6, (y - 6) * 1.2 + 6), colour: [0, 0, 0] }])

// ---- Files ----------------------------------------------------------------------------------------------------------

const CRC = Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c >>> 0
})

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const crc = body.reduce((c, byte) => CRC[(c ^ byte) & 0xff] ^ (c >>> 8), 0xffffffff)
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, body.length + 4)
  return out
}

/** RGBA, 8 bits, no filter. */
function png(size, pixels) {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(size, 0)
  head.writeUInt32BE(size, 4)
  head.set([8, 6, 0, 0, 0], 8)
  const rows = Buffer.alloc(size * (size * 4 + 1))
  for (let y = 0; y < size; y++) pixels.copy(rows, y * (size * 4 + 1) + 1, y * size * 4, (y + 1) * size * 4)
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))])
}

/** Windows: a directory of PNGs. */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(images.length, 4)
  let offset = head.length
  images.forEach(({ size, data }, i) => {
    const at = 6 + 16 * i
    head.set([size % 256, size % 256, 0, 0, 1, 0, 32, 0], at)
    head.writeUInt32LE(data.length, at + 8)
    head.writeUInt32LE(offset, at + 12)
    offset += data.length
  })
  return Buffer.concat([head, ...images.map((image) => image.data)])
}

/** macOS: PNGs under four-letter names that stand for their sizes. */
function icns(images) {
  const parts = images.map(({ type, data }) => {
    const head = Buffer.alloc(8)
    head.write(type, 0, 'latin1')
    head.writeUInt32BE(data.length + 8, 4)
    return Buffer.concat([head, data])
  })
  const head = Buffer.alloc(8)
  head.write('icns', 0, 'latin1')
  head.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 4)
  return Buffer.concat([head, ...parts])
}

/** Every file and what is in it. */
export function allIcons() {
  const files = new Map()
  for (const size of [16, 24, 32, 48, 64, 128, 256, 512]) files.set(`linux/${size}x${size}.png`, png(size, appIcon(size)))
  files.set('icon.ico', ico([16, 24, 32, 48, 64, 128, 256].map((size) => ({ size, data: png(size, appIcon(size)) }))))
  const macPngs = new Map([32, 64, 128, 256, 512, 1024].map((size) => [size, png(size, macIcon(size))]))
  files.set('icon.icns', icns([['ic11', 32], ['ic12', 64], ['ic07', 128], ['ic13', 256], ['ic08', 256], ['ic14', 512], ['ic09', 512], ['ic10', 1024]].map(([type, size]) => ({ type, data: macPngs.get(size) }))))
  for (const [state, drawing] of Object.entries(STATES)) {
    for (const [suffix, size] of [['', 16], ['@2x', 32]]) {
      files.set(`tray-${state}${suffix}.png`, png(size, panelIcon(drawing, size)))
      files.set(`tray-${state}Template${suffix}.png`, png(size, templateIcon(drawing, size)))
    }
  }
  for (const [suffix, size] of [['', 16], ['@2x', 32]]) files.set(`badge${suffix}.png`, png(size, panelIcon(BADGE, size)))
  return files
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, data] of allIcons()) {
    mkdirSync(dirname(join(FOLDER, name)), { recursive: true })
    writeFileSync(join(FOLDER, name), data)
  }
}
