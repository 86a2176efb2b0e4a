import { useNavigate } from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import type { JournalFilter } from '../../../src-main/contract/journal.ts'
import { Icon } from '../../components/icons.tsx'
import { Lever } from '../../components/lever.tsx'
import { formatCount, formatPercent, plural } from '../../lib/format.ts'
import type { useExport } from './export.ts'
import type { useVerify } from './verify.ts'

export interface AuditLeversProps {
  readonly verify: ReturnType<typeof useVerify>
  readonly exporting: ReturnType<typeof useExport>
  readonly filter: JournalFilter
  readonly filtered: boolean
  readonly count: number
  readonly releaseId: string | null
  readonly off: string | null
}

/** Verify, export, and the report of the release in view. */
export function AuditLevers({ verify, exporting, filter, filtered, count, releaseId, off }: AuditLeversProps) {
  const navigate = useNavigate()
  const isVerifying = verify.state.kind === 'running'
  const isExporting = exporting.state.kind === 'running'
  const item = 'block w-full cursor-default rounded-1 px-3 py-1.5 outline-none data-[highlighted]:bg-bg-3'
  return (
    <div role="group" aria-label="Actions on the journal" className="flex items-center gap-2 narrow:flex-wrap">
      <Lever
        slot={1}
        label={isVerifying ? 'Stop verifying' : 'Verify from entry 1'}
        detail={verify.state.kind === 'running' ? `${percent(verify.state.done, verify.state.total)}, ${formatCount(Math.round(verify.state.rowsPerSecond))} entries/s` : plural(count, 'entry', 'entries')}
        blocked={off}
        onPress={() => (isVerifying ? verify.stop() : void verify.start())}
      />
      {isExporting ? (
        <Lever slot={2} label="Stop the export" detail={exporting.state.kind === 'running' ? percent(exporting.state.done, exporting.state.total) : ''} onPress={exporting.stop} />
      ) : (
        <DropdownMenu.Root modal={false}>
          <DropdownMenu.Trigger className="lever lever-2" aria-disabled={off !== null || undefined} disabled={off !== null}>
            <b>
              <span>Export</span>
              <Icon name="down" />
            </b>
            <small>
              <span>{off ?? (exporting.state.kind === 'done' ? `${plural(exporting.state.count, 'entry', 'entries')} saved` : 'verifies without this console')}</span>
            </small>
          </DropdownMenu.Trigger>
            <DropdownMenu.Content align="end" sideOffset={6} className="z-50 min-w-[300px] rounded-2 border border-line-3 bg-bg-2 p-1">
              {filtered && <ExportItem item={item} label="What is shown, with proofs" note="JSON lines; left-out entries keep their hashes" onSelect={() => void exporting.start('jsonl', filter)} />}
              <ExportItem item={item} label="The whole journal, with proofs" note="JSON lines, for npm run verify" onSelect={() => void exporting.start('jsonl', null)} />
              <ExportItem item={item} label={filtered ? 'What is shown, for a spreadsheet' : 'The whole journal, for a spreadsheet'} note="CSV; cannot be verified" onSelect={() => void exporting.start('csv', filtered ? filter : null)} />
            </DropdownMenu.Content>
        </DropdownMenu.Root>
      )}
      <Lever
        slot={3}
        label="Report"
        detail={releaseId ?? 'of one release'}
        blocked={releaseId === null ? 'select a release' : null}
        onPress={() => releaseId !== null && void navigate({ to: '/audit/release/$id', params: { id: releaseId } })}
      />
    </div>
  )
}

function percent(done: number, total: number): string {
  return total === 0 ? 'starting' : formatPercent((100 * done) / total, 0)
}

function ExportItem({ item, label, note, onSelect }: { readonly item: string; readonly label: string; readonly note: string; readonly onSelect: () => void }) {
  return (
    <DropdownMenu.Item className={item} onSelect={onSelect}>
      <span className="block font-medium">{label}</span>
      <span className="block text-12 text-ink-3">{note}</span>
    </DropdownMenu.Item>
  )
}
