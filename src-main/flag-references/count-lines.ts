const NEW_LINE = 0x0a

/**
 * How many line breaks the first `length` bytes hold. Four bytes at a time: a byte that equals the line break is zero
 * after the xor, and the sum below sets the highest bit of every byte but those. `bytes` begins at a multiple of four.
 */
export function countLines(bytes: Uint8Array, length: number): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, length >>> 2)
  let lines = 0
  for (let at = 0; at < words.length; at += 1) {
    const word = (words[at] ?? 0) ^ 0x0a0a0a0a
    const zeros = ~(((word & 0x7f7f7f7f) + 0x7f7f7f7f) | word | 0x7f7f7f7f)
    if (zeros !== 0) lines += ((zeros >>> 7) & 1) + ((zeros >>> 15) & 1) + ((zeros >>> 23) & 1) + (zeros >>> 31)
  }
  for (let at = length & ~3; at < length; at += 1) if (bytes[at] === NEW_LINE) lines += 1
  return lines
}
