import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream, type ServiceDefinition, type sendUnaryData, status } from '@grpc/grpc-js'
import type { ServedSet } from '../watch-flag-sets.ts'
import { decodeRequest, encodeConfiguration, encodeMetadata, type SyncRequest } from './wire.ts'

const PATH = '/flagd.sync.v1.FlagSyncService'
/** Who does not read for so long while something waits is let go; it connects again and gets the newest. */
const STUCK_MS = 30_000

export interface SyncService {
  readonly port: number
  readonly subscribers: number
  /** Versions a slow subscriber never saw because a newer one came: latest wins. */
  readonly skipped: number
  publish(set: ServedSet): void
  /** Ends every stream, then the server. */
  close(): Promise<void>
}

export interface SetSource {
  get(name: string): ServedSet | undefined
  readonly defaultSet: string
}

interface Subscriber {
  readonly set: string
  readonly call: ServerWritableStream<SyncRequest, Buffer>
  /** A version is on its way and not yet handed to the network, since then. */
  blockedSince: number | null
  /** A newer one came meanwhile. */
  waiting: boolean
}

const same = (bytes: Buffer): Buffer => bytes
const method = (name: string, responseStream: boolean): ServiceDefinition[string] => ({
  path: `${PATH}/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: same,
  requestDeserialize: decodeRequest,
  responseSerialize: same,
  responseDeserialize: same,
})
export const SYNC_SERVICE: ServiceDefinition = { SyncFlags: method('SyncFlags', true), FetchAllFlags: method('FetchAllFlags', false), GetMetadata: method('GetMetadata', false) }

/** `prod`, `source=prod` or `flagSetId=prod`; nothing: the default set. */
export function setOf(selector: string, defaultSet: string): string {
  const name = selector.replace(/^(source|flagSetId)=/, '')
  return name === '' ? defaultSet : name
}

/**
 * flagd's sync service: SDKs that evaluate in process keep a stream open and get the whole set at every change. Each has
 * at most one version on its way and one waiting, the newest.
 */
export async function startSyncService(source: SetSource, host: string, port: number): Promise<SyncService> {
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024, 'grpc.keepalive_time_ms': 30_000 })
  const subscribers = new Set<Subscriber>()
  const encoded = new WeakMap<ServedSet, Buffer>()
  let skipped = 0

  const bytesOf = (set: ServedSet): Buffer => {
    const known = encoded.get(set)
    if (known) return known
    const bytes = encodeConfiguration(set.text)
    encoded.set(set, bytes)
    return bytes
  }
  const wanted = (call: { readonly request: SyncRequest; readonly metadata: { get(name: string): readonly (string | Buffer)[] } }): string => {
    const header = call.metadata.get('flagd-selector')[0]
    return setOf(typeof header === 'string' ? header : call.request.selector, source.defaultSet)
  }
  const unknown = (name: string): { code: number; details: string } => ({ code: status.NOT_FOUND, details: `There is no flag set "${name}".` })
  const send = (subscriber: Subscriber, set: ServedSet): void => {
    if (subscriber.blockedSince !== null) {
      if (subscriber.waiting) skipped += 1
      subscriber.waiting = true
      return
    }
    subscriber.blockedSince = Date.now()
    // Not what `write` returns: gRPC's stream would take sixteen versions before it says that it is full.
    subscriber.call.write(bytesOf(set), () => {
      subscriber.blockedSince = null
      const newest = subscriber.waiting ? source.get(subscriber.set) : undefined
      subscriber.waiting = false
      if (newest) send(subscriber, newest)
    })
  }

  server.addService(SYNC_SERVICE, {
    SyncFlags(call: ServerWritableStream<SyncRequest, Buffer>) {
      const name = wanted(call)
      const set = source.get(name)
      if (!set) {
        call.emit('error', unknown(name))
        return
      }
      const subscriber: Subscriber = { set: name, call, blockedSince: null, waiting: false }
      subscribers.add(subscriber)
      const leave = (): void => void subscribers.delete(subscriber)
      call.on('cancelled', leave).on('close', leave).on('error', leave)
      send(subscriber, set)
    },
    FetchAllFlags(call: ServerUnaryCall<SyncRequest, Buffer>, answer: sendUnaryData<Buffer>) {
      const name = wanted(call)
      const set = source.get(name)
      if (set) answer(null, bytesOf(set))
      else answer(unknown(name))
    },
    GetMetadata(_call: ServerUnaryCall<SyncRequest, Buffer>, answer: sendUnaryData<Buffer>) {
      answer(null, encodeMetadata({ source: 'signalbox' }))
    },
  })
  const bound = await new Promise<number>((resolve, reject) => server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) => (error ? reject(error) : resolve(actual))))
  const timer = setInterval(() => {
    const now = Date.now()
    for (const { call, blockedSince, waiting } of subscribers) {
      if (waiting && blockedSince !== null && now - blockedSince > STUCK_MS) call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'The subscriber does not read.' })
    }
  }, 5000)
  timer.unref()

  return {
    port: bound,
    get subscribers() {
      return subscribers.size
    },
    get skipped() {
      return skipped
    },
    publish(set) {
      for (const subscriber of subscribers) if (subscriber.set === set.name) send(subscriber, set)
    },
    async close() {
      clearInterval(timer)
      // SDKs come back after an error alone: a stream that ends well is the end for flagd's provider.
      for (const { call } of subscribers) call.emit('error', { code: status.UNAVAILABLE, details: 'The flag server is ending.' })
      const graceful = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      const late = setTimeout(() => server.forceShutdown(), 1000)
      await graceful
      clearTimeout(late)
    },
  }
}
