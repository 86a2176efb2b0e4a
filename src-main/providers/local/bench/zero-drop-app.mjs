// A service as the zero-drop bench releases it: takes 5 to 25 ms per answer, streams, echoes WebSockets, ends gracefully.
import { createServer } from 'node:http'

const environment = process.env.ENVIRONMENT
const server = createServer((request, response) => {
  if (request.url === '/ready') return response.end('ok')
  if (request.url === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let n = 0
    const timer = setInterval(() => {
      response.write(`data: ${environment} ${n++}\n\n`)
      if (n < 20) return
      clearInterval(timer)
      response.end('data: end\n\n')
    }, 100)
    response.on('close', () => clearInterval(timer))
    return
  }
  setTimeout(() => response.end(environment), 5 + Math.random() * 20)
})
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  socket.on('data', (chunk) => socket.write(`${environment}:${chunk}`))
  socket.on('end', () => socket.end())
  socket.on('error', () => {})
})
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  setTimeout(() => process.exit(0), 1000).unref()
})
