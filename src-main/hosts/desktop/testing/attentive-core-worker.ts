import type { WatchItem } from '../../../contract/system.ts'
import { coreDouble, statusDouble } from '../../../rpc/testing/core-double.ts'
import { serveThread } from '../../../rpc/serve-thread.ts'

/** A core whose `system.watch` says what a test hands it in the notes of `release.create`; `die` and `hang up` end it. */
let items: WatchItem[] = [{ kind: 'status', status: statusDouble }, { kind: 'waiting', items: [] }, { kind: 'ready' }]
let wake = () => {}

await serveThread(() =>
  Promise.resolve({
    dispatch: coreDouble({
      system: {
        status: () => Promise.resolve(statusDouble),
        async *watch(_input, { signal }) {
          signal.addEventListener('abort', () => wake())
          while (!signal.aborted) {
            const batch = items
            items = []
            yield* batch
            await new Promise<void>((resolve) => (wake = resolve))
          }
        },
      },
      release: {
        create({ notes }) {
          if (notes === 'die') setImmediate(() => process.exit(7))
          else items.push(...(JSON.parse(notes) as WatchItem[]))
          wake()
          return Promise.resolve({} as never)
        },
      },
    }),
    close: () => Promise.resolve(),
  }),
)
