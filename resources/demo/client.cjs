// A small HTTP/1.1 client over kept-open sockets, for the traffic of the demo: half the work of the built-in one, because it
// needs of an answer only the status and where it ends.
const { connect } = require('node:net')

const IDLE_KEPT = 16

/**
 * `ask(method, path, done, headers)` sends one request at once, on a free connection or a new one; `done(status, why)` is called
 * exactly once, with status 0 when there was no whole answer. A kept connection that the server had closed meanwhile is
 * replaced once, as every browser does: nothing of an answer had arrived, so nothing is asked twice in vain.
 */
function createClient({ hostname, port, timeoutMs }) {
  const free = []

  function open() {
    const socket = connect({ host: hostname, port, noDelay: true })
    const connection = { socket, current: null, head: '', left: -1, used: false }
    socket.setEncoding('latin1')
    socket.on('data', (text) => receive(connection, text))
    socket.on('error', (error) => fail(connection, error.code ?? error.message))
    socket.on('close', () => fail(connection, 'closed'))
    return connection
  }

  function receive(connection, text) {
    if (!connection.current) return connection.socket.destroy()
    if (connection.left < 0) {
      connection.head += text
      const end = connection.head.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = connection.head.slice(0, end)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)
      connection.left = (length ? Number(length[1]) : Number.POSITIVE_INFINITY) - (connection.head.length - end - 4)
      connection.current.status = Number(head.slice(9, 12))
      connection.current.last = !length || /\r\nconnection: *close/i.test(head)
    } else connection.left -= text.length
    if (connection.left > 0 && connection.left !== Number.POSITIVE_INFINITY) return
    const { current } = connection
    Object.assign(connection, { current: null, head: '', left: -1, used: true })
    clearTimeout(current.timer)
    // An answer of unknown length is not waited for: its status is known, and the connection is given up.
    if (current.last || free.length >= IDLE_KEPT) connection.socket.destroy()
    else free.push(connection)
    current.done(current.status, '')
  }

  function fail(connection, why) {
    const at = free.indexOf(connection)
    if (at !== -1) free.splice(at, 1)
    const { current } = connection
    if (!current) return
    connection.current = null
    clearTimeout(current.timer)
    connection.socket.destroy()
    if (connection.used && connection.head === '' && why !== 'timeout' && current.method === 'GET') return begin(open(), current)
    current.done(0, why)
  }

  function begin(connection, current) {
    connection.current = current
    connection.left = -1
    connection.head = ''
    current.timer = setTimeout(() => fail(connection, 'timeout'), timeoutMs)
    connection.socket.write(`${current.method} ${current.path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: application/json\r\n${current.headers}${current.method === 'POST' ? 'content-length: 0\r\n' : ''}\r\n`)
  }

  return {
    /** `headers`: whole lines, each with its line break. */
    ask: (method, path, done, headers = '') => begin(free.pop() ?? open(), { method, path, done, headers, status: 0, last: false, timer: null }),
    close() {
      for (const { socket } of free.splice(0)) socket.destroy()
    },
  }
}

module.exports = { createClient }
