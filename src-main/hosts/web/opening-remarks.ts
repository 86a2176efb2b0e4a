import type { SystemStatus } from '../../contract/system.ts'
import type { WorkspaceProblem, WorkspaceView } from '../../contract/workspace.ts'

/** One line a person or an editor can jump from: `file:line:column message Expected: ...`. */
export function problemLine({ place, message, expected }: WorkspaceProblem): string {
  return `${place.file}:${place.line}:${place.column} ${message} Expected: ${expected}`
}

/** What whoever starts a console must know of it at once, line by line: it only reads, its workspace is invalid. */
export function openingRemarks(status: Pick<SystemStatus, 'mode' | 'modeReason'> & { readonly workspace: Pick<WorkspaceView, 'problems' | 'file'> }): readonly string[] {
  const { problems, file } = status.workspace
  return [
    ...(status.mode === 'readOnly' ? [`This console only reads: ${status.modeReason}`] : []),
    ...(problems.length > 0 ? [`${file} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`} and is not in force until ${problems.length === 1 ? 'it is' : 'they are'} mended:`, ...problems.map(problemLine)] : []),
  ]
}
