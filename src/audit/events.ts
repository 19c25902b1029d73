/** What the audit room tells the operator. Each is logged by whoever composes the room; none is ever dropped silently. */

export type AuditEvent =
  | { event: 'audit.refusing'; state: 'full' | 'broken'; code: string }
  | { event: 'audit.accepting' }
  | { event: 'audit.segment_abandoned'; code: string }
  | { event: 'audit.sync_failed'; path: string; code: string }
  | { event: 'audit.recovered'; writer: string; closed: number; cutBytes: number; gaps: number }
  | {
      event: 'audit.damaged'
      writer: string
      segment: string
      offset: number
      reason: string
      quarantine: string
    }
  | { event: 'audit.ship_failed'; message: string; attempt: number; retryMs: number }
  | { event: 'audit.ship_resumed' }
  | { event: 'audit.cursor_moved'; writer: string; expected: number; found: number }
  | { event: 'audit.row_reduced'; writer: string; seq: number; message: string }
  | { event: 'audit.open_missing'; writer: string; seq: number; id: string }
  | { event: 'audit.ship_thread_ended'; message: string }
  /** A key signs from now on that the key before it vouched for. */
  | { event: 'audit.signing_key'; verifierKey: string }
  | { event: 'audit.filling'; share: number }
  | { event: 'audit.missed'; count: number }
  | { event: 'audit.evidence_failed'; writer: string; message: string }
  | { event: 'audit.retention_dropped'; partitions: string[]; rows: number; deletedKeys: number }
  | {
      event: 'audit.retention_held'
      partition: string
      holds: { id: string; projectId: string; reason: string }[]
    }
  | { event: 'audit.retention_failed'; message: string }

/** The errno name of a failed file operation. */
export function codeOf(error: unknown): string {
  return (
    (error as NodeJS.ErrnoException | null)?.code ?? (error instanceof Error ? error.message : String(error))
  )
}

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS'])

/** True when the failure is about room: another file on this disk would not help, waiting may. */
export function isFull(error: unknown): boolean {
  return FULL_CODES.has(codeOf(error))
}
