/** Sources and indexes as `/api` sends them, and how their versions are named on a command line. */

import { CliError, EXIT } from '../../exit-codes.ts'

export type SourceSync = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  files_total: number | null
  files_done: number
  added: number
  changed: number
  removed: number
  failed: number
  attempts: number
  error: string | null
  created_at: string
  updated_at: string
}

export type Source = {
  id: string
  name: string
  kind: 'folder' | 'urls' | 'pushed'
  settings: Record<string, unknown>
  documents: number
  problems: number
  sync: SourceSync | null
  snapshot: { hash: string; documents: number; characters: number; created_at: string } | null
  created_by: string
  created_by_name: string | null
  created_at: string
}

export type Problem = { key: string; reason: string; error: string }

type Manifest = {
  source: { name: string; snapshot: string; documents: number }
  chunker: { kind: string; max_tokens: number; overlap_tokens: number }
  embedding: {
    model: string
    digest: string | null
    dimensions: number
    pooling: string | null
    query_prefix: string
    document_prefix: string
  }
  metric: string
  storage: string
}

export type IndexPlan = {
  manifest: Manifest
  documents: number
  characters: number
  chunks: number
  tokens: number
  cost_usd: string | null
  seconds: number | null
}

export type IndexVersion = {
  id: string
  name: string
  version: number
  hash: string
  state: 'queued' | 'building' | 'ready' | 'failed' | 'dropped'
  step: 'chunk' | 'embed' | 'index' | 'validate' | null
  documents_total: number
  documents_done: number
  chunks_total: number | null
  chunks_done: number
  tokens: number
  validation: {
    chunks: number
    sampled: number
    self_recall: number
    recall_at_10: number
    search_width: number
  } | null
  error: string | null
  attempts: number
  manifest: Manifest
  created_by: string
  created_by_name: string | null
  created_at: string
  updated_at: string
}

export function sourcePath(name: string): string {
  return `/api/sources/${encodeURIComponent(name)}`
}

export function refOf({ name, version }: Pick<IndexVersion, 'name' | 'version'>): string {
  return `${name}@${version}`
}

/** The path of `handbook@5`, or of the newest version for `handbook`. Throws CliError. */
export function versionPath(text: string): string {
  const [, name = '', version = 'newest'] = /^([a-z0-9-]{1,63})(?:@([1-9]\d{0,8}))?$/.exec(text) ?? []
  if (name !== '') return `/api/indexes/${name}/${version}`
  throw new CliError(
    EXIT.usage,
    `"${text.slice(0, 80)}" names no index. Write handbook@5, or handbook for its newest version.`,
  )
}
