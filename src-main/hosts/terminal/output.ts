import { Fault, type FaultData } from '../../contract/fault.ts'
import type { Json } from '../../contract/journal.ts'

/** Where a command's words go. */
export interface TerminalStreams {
  readonly out: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
  /** Width in columns; null when stdout is no terminal. */
  readonly columns: number | null
}

export interface Output {
  readonly json: boolean
  /** The result, for people: to stdout, or to stderr when stdout carries JSON. */
  say(line: string): void
  /** Progress and remarks: always to stderr. */
  note(line: string): void
  /** The one JSON document. Does nothing without --json. */
  document(value: unknown): void
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void
  fault(fault: FaultData): void
}

export function createOutput(streams: TerminalStreams, json: boolean): Output {
  const say = (line: string) => (json ? streams.error : streams.out).write(`${line}\n`)
  return {
    json,
    say,
    note: (line) => streams.error.write(`${line}\n`),
    document(value) {
      if (json) streams.out.write(`${JSON.stringify(value as Json, null, 2)}\n`)
    },
    table(headings, rows) {
      for (const line of alignedTable(headings, rows, streams.columns)) say(line)
    },
    fault(fault) {
      if (json) streams.out.write(`${JSON.stringify({ fault }, null, 2)}\n`)
      streams.error.write(`${fault.message}\nNext step: ${fault.next}\n`)
      if (fault.place) streams.error.write(`At ${fault.place.file}:${fault.place.line}:${fault.place.column}\n`)
    },
  }
}

/** Columns as wide as their longest cell; the last is cut at the edge of the screen, and empty columns are left out. */
export function alignedTable(headings: readonly string[], rows: readonly (readonly string[])[], columns: number | null): readonly string[] {
  const used = headings.map((_heading, index) => index).filter((index) => rows.some((row) => (row[index] ?? '') !== ''))
  const widths = used.map((index) => Math.max(headings[index]?.length ?? 0, ...rows.map((row) => (row[index] ?? '').length)))
  const line = (cells: readonly string[]) => {
    const text = used
      .map((index, at) => (cells[index] ?? '').padEnd(at === used.length - 1 ? 0 : (widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
    return columns !== null && text.length > columns ? `${text.slice(0, columns - 1)}…` : text
  }
  return [line(headings), ...rows.map(line)]
}

/** Local time to the second, as ISO writes it: 2026-03-01 14:05:09. */
export function clockTime(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19).replace('T', ' ')
}

/** Any error as fault data; what is not a fault is a bug of ours. */
export function asFault(error: unknown): FaultData {
  if (error instanceof Fault) return error.data
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new Fault('internal', `Something inside the terminal went wrong: ${text}`, 'Look at `signalbox status` before trying again.').data
}
