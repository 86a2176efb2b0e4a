import { isAppUrl } from './app-protocol.ts'

/** The part of Electron's WebFrameMain that identifies a frame. */
export interface Frame {
  readonly url: string
  readonly parent: unknown
  /** Names the frame within the whole app. */
  readonly frameTreeNodeId: number
}

/** True for the main frame of our own window showing our own page: the only one that may talk to the core. */
export function isOurPage(sender: Frame | null, mainFrame: Frame | undefined): boolean {
  return sender !== null && sender.frameTreeNodeId === mainFrame?.frameTreeNodeId && sender.parent === null && isAppUrl(sender.url)
}
