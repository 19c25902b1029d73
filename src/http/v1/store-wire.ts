/** Vector stores, their files and batches as OpenAI's clients read them. */

import type { ChunkerSettings } from '../../retrieval/chunking/settings.ts'
import type { BatchRow, StoreFileRow } from '../../retrieval/stores/file-rows.ts'
import { type FileCounts, indexNameOf, type ShownStore } from '../../retrieval/stores/store.ts'

const SECONDS_PER_DAY = 86_400

export function toStore(row: ShownStore) {
  const counts = JSON.parse(row.counts) as FileCounts
  const { expiresDays: days } = row
  return {
    id: row.id,
    object: 'vector_store' as const,
    created_at: row.createdAt,
    name: row.name,
    description: row.description,
    status: row.expired ? 'expired' : counts.in_progress > 0 ? 'in_progress' : 'completed',
    usage_bytes: row.usageBytes,
    file_counts: counts,
    expires_after: days === null ? null : { anchor: 'last_active_at' as const, days },
    expires_at: days === null ? null : row.lastActiveAt + days * SECONDS_PER_DAY,
    last_active_at: row.lastActiveAt,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    /** Ours: what embeds it, and the version that a search goes to now. */
    embedding_model: row.embedding,
    index: row.version === null ? null : `${indexNameOf(row.id)}@${row.version}`,
  }
}

export function toStoreFile(row: StoreFileRow) {
  return {
    id: row.fileId,
    object: 'vector_store.file' as const,
    created_at: row.createdAt,
    vector_store_id: row.storeId,
    usage_bytes: row.usageBytes,
    status: row.state,
    last_error: row.errorCode === null ? null : { code: row.errorCode, message: row.error ?? '' },
    attributes: JSON.parse(row.attributes) as Record<string, string | number | boolean>,
    chunking_strategy: toStrategy(row.chunker),
  }
}

/** Sections of a text have no fixed size, which is OpenAI's `other`. */
function toStrategy(chunker: string | null) {
  if (chunker === null) return { type: 'other' as const }
  const { maxTokens, overlapTokens } = JSON.parse(chunker) as ChunkerSettings
  const fixed = { max_chunk_size_tokens: maxTokens, chunk_overlap_tokens: overlapTokens }
  return { type: 'static' as const, static: fixed }
}

export function toBatch({ id, storeId, createdAt, cancelled, counts: text }: BatchRow) {
  const counts = JSON.parse(text) as FileCounts
  return {
    id,
    object: 'vector_store.files_batch' as const,
    created_at: createdAt,
    vector_store_id: storeId,
    status: batchStatus(cancelled, counts),
    file_counts: counts,
  }
}

function batchStatus(cancelled: boolean, { in_progress, failed, total }: FileCounts) {
  if (cancelled) return 'cancelled' as const
  if (in_progress > 0) return 'in_progress' as const
  return total > 0 && failed === total ? ('failed' as const) : ('completed' as const)
}
