/**
 * The three messages of `flagd.sync.v1` (https://buf.build/open-feature/flagd), in protobuf's wire format. Requests have
 * two texts (1: provider, 2: selector); responses one (1: the flag set), GetMetadata's an optional Struct (2).
 */
export interface SyncRequest {
  readonly providerId: string
  readonly selector: string
}

const MAX_REQUEST_BYTES = 64 * 1024

export function encodeConfiguration(text: string): Buffer {
  const body = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x0a]), varint(body.length), body])
}

/** google.protobuf.Struct with texts alone, as field 2. */
export function encodeMetadata(metadata: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(metadata).map(([key, value]) => bytesField(1, Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, bytesField(3, Buffer.from(value)))])))
  return bytesField(2, Buffer.concat(entries))
}

/** Unknown fields are skipped. Throws a RangeError on what is no message. */
export function decodeRequest(bytes: Uint8Array): SyncRequest {
  if (bytes.length > MAX_REQUEST_BYTES) throw new RangeError('request too long')
  const request = { providerId: '', selector: '' }
  let at = 0
  const readVarint = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at]
      if (byte === undefined) throw new RangeError('cut short')
      at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('number too long')
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const kind = tag & 7
    if (kind === 0) readVarint()
    else if (kind === 1) at += 8
    else if (kind === 5) at += 4
    else if (kind === 2) {
      const length = readVarint()
      if (at + length > bytes.length) throw new RangeError('cut short')
      const text = Buffer.from(bytes.subarray(at, at + length)).toString('utf8')
      at += length
      if (tag >>> 3 === 1) request.providerId = text
      else if (tag >>> 3 === 2) request.selector = text
    } else throw new RangeError('no such kind of field')
  }
  return request
}

function bytesField(field: number, body: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
