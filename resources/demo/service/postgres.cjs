// A small PostgreSQL client (protocol 3.0, https://www.postgresql.org/docs/current/protocol.html) for the demo, which runs
// from wherever it was copied to and has no packages: SCRAM or trust, no TLS, text values, statements prepared once per
// connection. A service of your own uses a real driver.
const { createHash, createHmac, pbkdf2Sync, randomBytes } = require('node:crypto')
const { connect } = require('node:net')

const text = (value) => Buffer.from(`${value}\0`)
const int32 = (value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int16 = (value) => int32(value).subarray(2)
const message = (type, ...parts) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}
const hmac = (key, data) => createHmac('sha256', key).update(data).digest()

/** One connection. `settings` are parameters of its session. `lost(error)` is called once when it ends. */
function openConnection(address, settings, lost) {
  const url = new URL(address)
  const socket = connect({ host: url.hostname, port: Number(url.port || 5432), noDelay: true })
  const queue = []
  const prepared = new Map()
  let names = 0
  let held = Buffer.alloc(0)
  let scram = null
  let opened
  const ready = new Promise((resolve, reject) => (opened = { resolve, reject }))

  function end(error) {
    if (!opened) return
    opened.reject(error)
    opened = null
    socket.destroy()
    for (const { reject } of queue.splice(0)) reject(error)
    lost(error)
  }

  function authenticate(body) {
    const kind = body.readInt32BE(0)
    const password = decodeURIComponent(url.password)
    if (kind === 10) {
      scram = { nonce: randomBytes(18).toString('base64') }
      const first = Buffer.from(`n,,n=,r=${scram.nonce}`)
      return socket.write(message('p', text('SCRAM-SHA-256'), int32(first.length), first))
    }
    if (kind === 11) {
      const { r, s, i } = Object.fromEntries(body.subarray(4).toString().split(',').map((part) => [part[0], part.slice(2)]))
      const salted = pbkdf2Sync(password.normalize('NFKC'), Buffer.from(s, 'base64'), Number(i), 32, 'sha256')
      const key = hmac(salted, 'Client Key')
      const signed = `n=,r=${scram.nonce},${body.subarray(4)},c=biws,r=${r}`
      const signature = hmac(createHash('sha256').update(key).digest(), signed)
      const proof = Buffer.from(key.map((byte, index) => byte ^ signature[index])).toString('base64')
      return socket.write(message('p', Buffer.from(`c=biws,r=${r},p=${proof}`)))
    }
    if (kind !== 0 && kind !== 12) end(new Error(`the server asks for a way of proving the password that this client does not know (${kind})`))
  }

  function receive(type, body) {
    const current = queue[0]
    if (type === 'R') authenticate(body)
    else if (type === 'E') {
      const fields = Object.fromEntries(body.toString().split('\0').filter(Boolean).map((field) => [field[0], field.slice(1)]))
      const error = Object.assign(new Error(fields.M), { code: fields.C })
      if (current) current.error = error
      else end(error)
    } else if (type === 'T') {
      let at = 2
      current.columns = Array.from({ length: body.readInt16BE(0) }, () => {
        const stop = body.indexOf(0, at)
        const name = body.toString('utf8', at, stop)
        at = stop + 19
        return name
      })
    } else if (type === 'D') {
      let at = 2
      const values = Array.from({ length: body.readInt16BE(0) }, () => {
        const size = body.readInt32BE(at)
        const value = size === -1 ? null : body.toString('utf8', at + 4, at + 4 + size)
        at += 4 + Math.max(size, 0)
        return value
      })
      current.rows.push(Object.fromEntries((current.columns ?? prepared.get(current.sql)?.columns ?? []).map((name, index) => [name, values[index]])))
    } else if (type === 'C') current.count = Number(/\d+$/.exec(body.toString('utf8', 0, body.length - 1))?.[0] ?? 0)
    else if (type === 'Z') {
      if (!current) return opened.resolve()
      queue.shift()
      if (current.error) {
        prepared.delete(current.sql)
        return current.reject(current.error)
      }
      if (current.columns) prepared.get(current.sql).columns = current.columns
      current.resolve({ rows: current.rows, count: current.count ?? 0 })
    }
  }

  socket.on('connect', () => {
    const startup = { user: decodeURIComponent(url.username), database: decodeURIComponent(url.pathname.slice(1)), client_encoding: 'UTF8', ...settings }
    const body = Buffer.concat([int32(196608), ...Object.entries(startup).flatMap(([name, value]) => [text(name), text(value)]), Buffer.alloc(1)])
    socket.write(Buffer.concat([int32(body.length + 4), body]))
  })
  socket.on('data', (part) => {
    held = held.length === 0 ? part : Buffer.concat([held, part])
    while (held.length >= 5 && held.length > held.readInt32BE(1)) {
      const size = held.readInt32BE(1)
      receive(String.fromCharCode(held[0]), held.subarray(5, size + 1))
      held = held.subarray(size + 1)
    }
  })
  socket.on('error', end)
  socket.on('close', () => end(new Error('the database closed the connection')))

  return {
    ready,
    waiting: () => queue.length,
    /** Values are texts, numbers or null; answers are texts or null, by column. */
    query(sql, values = []) {
      return new Promise((resolve, reject) => {
        if (!opened) return reject(new Error('the connection is closed'))
        const parts = []
        if (!prepared.has(sql)) {
          prepared.set(sql, { name: `s${(names += 1)}`, columns: null })
          parts.push(message('P', text(prepared.get(sql).name), text(sql), int16(0)), message('D', Buffer.from('S'), text(prepared.get(sql).name)))
        }
        const bound = values.flatMap((value) => {
          if (value === null) return [int32(-1)]
          const bytes = Buffer.from(String(value))
          return [int32(bytes.length), bytes]
        })
        parts.push(message('B', text(''), text(prepared.get(sql).name), int16(0), int16(values.length), ...bound, int16(0)), message('E', text(''), int32(0)), message('S'))
        queue.push({ sql, resolve, reject, rows: [], columns: null, error: null })
        socket.write(Buffer.concat(parts))
      })
    },
    close() {
      socket.end(message('X'))
    },
  }
}

/** A few connections, opened again when they break; a query goes to the one with the shortest queue. */
function openPool(address, { size, settings }) {
  const connections = new Set()
  let closed = false
  let why = 'not connected yet'
  function open() {
    if (closed) return
    const connection = openConnection(address, settings, (error) => {
      connections.delete(connection)
      why = error.message
      setTimeout(open, 500)
    })
    connection.ready.then(() => connections.add(connection), () => undefined)
  }
  for (let index = 0; index < size; index += 1) open()
  return {
    /** Empty while there is a connection. */
    why: () => (connections.size > 0 ? '' : why),
    query(sql, values) {
      const [connection] = [...connections].toSorted((a, b) => a.waiting() - b.waiting())
      return connection ? connection.query(sql, values) : Promise.reject(new Error(why))
    },
    close() {
      closed = true
      for (const connection of connections) connection.close()
    },
  }
}

module.exports = { openPool }
