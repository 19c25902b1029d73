/** What an export says of itself: what was asked for, its files with their digests, and the signed heads over its rows. Pure. */

import type { ExportFilter, StoredExport, WrittenFile } from './store.ts'

/** One writer's rows in the export. Leaves are those of its records 0 to `checkpoint_size`, 32 bytes each. */
export type ManifestWriter = {
  writer: string
  fromSeq: number
  toSeq: number
  rows: number
  /** Its newest signed head; null when none has arrived. Records from `size` on are not under it. */
  head: { size: number; note: string } | null
  /** Name of the file, null when there is no head or it stands over too many records. */
  leavesFile: string | null
}

const README =
  'Check the files: sha256sum must give the digests in "files". Check a row: its record texts and its trail give its ' +
  'leaves (docs/auditing.md, "Checking an export"); each leaf stands in the writer\'s leaves file at 32 times its ' +
  'number, the Merkle root over that file is in the signed "checkpoint", and "signing_keys" verify the signature. ' +
  'Compare these keys with those you know from elsewhere.'

/** JSON text, indented, with a final newline. */
export function manifestText(
  stored: StoredExport,
  content: {
    rows: number
    files: readonly WrittenFile[]
    writers: readonly ManifestWriter[]
    signingKeys: readonly string[]
    finishedAt: Date
  },
): string {
  const manifest = {
    readme: README,
    format: 'aval-export/1',
    export: stored.id,
    project_id: stored.projectId,
    created_at: stored.createdAt.toISOString(),
    created_by: stored.createdBy,
    created_by_name: stored.createdByName,
    purpose: stored.purpose,
    finished_at: content.finishedAt.toISOString(),
    filters: filtersToWire(stored.filters),
    with_bodies: stored.withBodies,
    rows: content.rows,
    files: content.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    writers: content.writers.map(({ writer, fromSeq, toSeq, rows, head, leavesFile }) => ({
      writer,
      from_seq: fromSeq,
      to_seq: toSeq,
      rows,
      checkpoint_size: head?.size ?? null,
      checkpoint: head?.note ?? null,
      leaves_file: leavesFile,
    })),
    signing_keys: content.signingKeys,
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** The filters in the words of /api/requests, times absolute; what was not filtered by is left out. */
export function filtersToWire(filter: ExportFilter): Record<string, string> {
  const { status } = filter
  const words = {
    since: new Date(filter.sinceMs).toISOString(),
    until: new Date(filter.untilMs).toISOString(),
    key: filter.keyId,
    key_owner: filter.keyName,
    subject: filter.subject,
    model: filter.model,
    route: filter.route,
    status: status === undefined ? undefined : statusText(status),
    outcome: filter.outcome,
    upstream: filter.upstream,
    failed: filter.failed === undefined ? undefined : String(filter.failed),
    replay_of: filter.replayOf,
    shadow_of: filter.shadowOf,
    shadow: filter.shadow === undefined ? undefined : String(filter.shadow),
    release: filter.releaseId,
    index: filter.index,
    stream: filter.stream === undefined ? undefined : String(filter.stream),
  }
  return Object.fromEntries(
    Object.entries(words).filter((word): word is [string, string] => word[1] !== undefined),
  )
}

function statusText({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${String(from).charAt(0)}xx`
}
