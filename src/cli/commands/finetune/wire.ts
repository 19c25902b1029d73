/** Models in training as /api sends them. */

import type { CliContext } from '../../context.ts'
import { formatFields, formatTime } from '../../format.ts'

type Figures = {
  dataset: string
  dataset_hash: string
  items: number
  bytes: number
  characters: number
  tokens: number
  left: { reason: string; count: number; example: string }[]
}
export type FineTunePlan = {
  model: string
  as: string
  method: string
  epochs: number | null
  training: Figures
  validation: Figures | null
  problem: string | null
}
type SentFile = { file: string; digest: string; items: number }
export type FineTune = {
  id: string
  as: string
  model: string
  method: string
  dataset: string
  dataset_hash: string
  validation: string | null
  epochs: number | null
  purpose: string
  items: number
  tokens: number
  state: 'queued' | 'running' | 'done' | 'cancelled' | 'failed'
  phase: 'prepared' | 'submitting' | 'submitted'
  cancelling: boolean
  error: string | null
  training_file: SentFile | null
  validation_file: SentFile | null
  job: string | null
  upstream_status: string | null
  said: string | null
  trained_tokens: number | null
  estimated_finish: string | null
  next_look: string | null
  tuned_model: string | null
  model_version: string | null
  created_at: string
  created_by_name: string | null
  finished_at: string | null
}

export function fineTunePath(id: string): string {
  return `/api/fine-tunes/${encodeURIComponent(id)}`
}

export function isOver({ state }: FineTune): boolean {
  return state === 'done' || state === 'cancelled' || state === 'failed'
}

/** In a few words: what waits for whom. */
export function stateText(one: FineTune): string {
  if (isOver(one)) return one.state
  if (one.cancelling) return 'cancelling'
  if (one.phase !== 'submitted') return one.training_file === null ? 'to be sent' : 'being sent'
  return one.upstream_status ?? 'submitted'
}

export function fineTuneText({ terminal }: CliContext, one: FineTune): string {
  const time = (at: string | null) => (at === null ? null : formatTime(terminal, at))
  const fileText = (file: SentFile | null) =>
    file === null ? null : `${file.file}, ${file.items} examples, SHA-256 ${file.digest}`
  return formatFields([
    ['fine-tuning', one.id],
    ['state', stateText(one)],
    ['reason', one.error],
    ['becomes', one.model_version ?? `the next version of ${one.as}`],
    ['model', one.tuned_model],
    ['of', `${one.model}, ${one.method}${one.epochs === null ? '' : `, ${one.epochs} epochs`}`],
    ['dataset', `${one.dataset}  ${one.dataset_hash}`],
    ['validation', one.validation],
    ['sent', fileText(one.training_file)],
    ['and', fileText(one.validation_file)],
    ['job', one.job],
    ['it says', one.said],
    ['trained', one.trained_tokens === null ? null : `${one.trained_tokens} tokens`],
    ['about ready', time(one.estimated_finish)],
    ['next look', time(one.next_look)],
    ['purpose', one.purpose],
    ['asked', `${formatTime(terminal, one.created_at)} by ${one.created_by_name ?? '-'}`],
    ['ended', time(one.finished_at)],
  ])
}
