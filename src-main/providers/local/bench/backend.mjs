// The cheapest backend there can be: answers every request head with the same bytes, so that a bench measures the proxy.
import { createServer } from 'node:net'

const body = 'x'.repeat(Number(process.env.BODY_BYTES ?? 256))
const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
createServer({ noDelay: true }, (socket) => {
  let tail = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    const text = tail + chunk.toString('latin1')
    const parts = text.split('\r\n\r\n')
    tail = parts.pop() ?? ''
    for (let i = 0; i < parts.length; i++) socket.write(answer)
  })
}).listen(Number(process.env.PORT), '127.0.0.1')
