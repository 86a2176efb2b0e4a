import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { FlagView } from '../../../src-main/contract/flag.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { referencesQuery } from '../../lib/flag-queries.ts'
import { formatCount, formatDuration, plural } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'
import { useActingOff } from '../acts/acting.ts'
import { cleanUpWords } from './flag-words.ts'

/** Where code reads the flag, and taking it out of use once nothing does. */
export function CodePane({ view }: { readonly view: FlagView }) {
  const { session, ui } = useConsole()
  const queries = useQueryClient()
  const off = useActingOff()
  const { source, key } = view.summary
  // Only what was searched before, here or in the list, until somebody asks.
  const { data, error, isFetching, refetch } = useQuery({ ...referencesQuery(session, source), enabled: false })
  const places = data?.byFlag[key] ?? (data ? [] : view.references)
  const files = new Set((places ?? []).map(({ file }) => file))
  const { archive } = view
  const search = async () => {
    await refetch()
    void queries.invalidateQueries({ queryKey: ['flag.get', source, key] })
  }
  return (
    <div className="py-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 pb-1 text-12">
        <span className="text-ink-2">{places === null ? 'The code has not been searched.' : places.length === 0 ? 'No read of it is left in the code.' : `${plural(places.length, 'read')} in ${plural(files.size, 'file')}`}</span>
        {data && (
          <span className="text-ink-3">
            searched {formatCount(data.files)} files, {formatCount(data.lines)} lines in {formatDuration(data.tookMs)}
          </span>
        )}
        <span className="ml-auto flex items-center gap-1">
          {places !== null && places.length > 0 && <CopyButton label="Copy places" text={() => places.map(({ file, line }) => `${file}:${line}`).join('\n')} />}
          <Button off={isFetching} onClick={() => void search()}>
            {isFetching ? 'Searching' : data ? 'Search again' : 'Search the code'}
          </Button>
        </span>
      </div>
      {error && <FaultNote fault={toFault(error)} onRetry={() => void search()} />}
      {data?.problems.map((problem) => (
        <p key={problem} className="px-4 text-12 text-watch-ink">
          {problem}
        </p>
      ))}
      {places !== null && places.length > 0 && (
        <ul aria-label="Reads in code" className="border-y border-line-1">
          {places.map((place) => (
            <li key={`${place.file}:${place.line}:${place.column}`} className="grid grid-cols-[minmax(120px,0.8fr)_minmax(0,1.4fr)] gap-x-3 px-4 text-12 leading-[22px]">
              <span className="mono flex min-w-0" title={`${place.file}:${place.line}:${place.column}`}>
                <bdi className="truncate">{place.file}</bdi>
                <span className="flex-none text-ink-3">
                  :{place.line}:{place.column}
                </span>
              </span>
              <code className="mono truncate text-ink-2" title={place.text}>
                {place.text.trim()}
              </code>
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 pt-2.5">
        <Button off={off !== null || archive.blocks.length > 0} onClick={() => ui.set((before) => ({ ...before, flagConfirm: { source, key, command: 'archive' } }))}>
          {archive.blocks.length > 0 && <Icon name="lock" />}
          {archive.label}
        </Button>
        <span className="min-w-0 flex-1 text-12 leading-4 text-ink-2">
          {off ?? (archive.blocks.length === 0 ? archive.effect : archive.blocks.map(({ reason, unblocks }) => `${reason} Unblocks: ${unblocks}`).join(' '))}
          {view.summary.lifecycle === 'stale' && <span className="block text-ink-3">{`${view.summary.why} To clean up: ${cleanUpWords({ references: places?.length ?? null, settledOn: view.summary.settledOn }, places === null ? null : files.size)}.`}</span>}
        </span>
      </div>
      <p className="px-4 pt-2 text-12 text-ink-3">Keys between quotes are found. Those put together from parts are not.</p>
    </div>
  )
}
