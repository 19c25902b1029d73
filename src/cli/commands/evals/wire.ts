/** Runs of suites as `/api` answers them. */

import { printableLine } from '../../../lib/printable.ts'
import { CliError, EXIT } from '../../exit-codes.ts'

export type EvalRun = {
  id: string
  suite: string
  subject: string
  dataset: string
  state: 'queued' | 'running' | 'done' | 'stopped' | 'cancelled' | 'failed'
  error: string | null
  items: number
  repeats: number
  scorers: string[]
  budget_usd: string | null
  hash: string
  tags: string[]
  note: string | null
  git_commit: string | null
  batch: boolean
  /** Up to what age answers of earlier runs are taken over; null where all is asked anew. */
  cache_max_age_s: number | null
  /** Until when it rests while a batch is under way. */
  waits_until: string | null
  created_at: string
  created_by_name: string | null
  finished_at: string | null
}
export type EvalRunProgress = EvalRun & {
  progress: {
    total: number
    answered: number
    failed: number
    judged: number
    abstained: number
    errors: number
    cost_usd: string
    unpriced: number
    /** From earlier runs; null when all is the run's own. */
    taken_over: TakenOver | null
    /** Why it goes slowly: an upstream has no room for more of its calls. */
    waits_for: string | null
  }
  last_batch: {
    part: number
    state: 'preparing' | 'prepared' | 'submitting' | 'submitted' | 'ended'
    upstream: string
    batch_id: string | null
    status: string | null
    requests: number
    completed: number | null
    failed: number | null
    deadline: string | null
    note: string | null
  } | null
}
type TakenOver = {
  answers: number
  judgements: number
  saved_usd: string
  saved_unpriced: number
  oldest_at: string
}
/** Answers of earlier runs that are there; `answers` null where the subject may be somebody else tomorrow. */
type There = { answers: number | null; of: number | null; max_age_s: number }
export type EvalPlan = {
  subject: string
  /** Of all that the run would be; equal for the very same run. */
  hash: string
  /** A finished run that was just this one. */
  run_id: string | null
  dataset: string
  items: number
  repeats: number
  /** Left to make. */
  calls: number
  /** Null where none are taken over. */
  taken_over: There | null
  cost_usd: string | null
  cost_rests: string
  sees: { scorer: string; difference: number | null }[]
  baseline: { subject: string; run_id: string | null; calls: number; taken_over: There | null } | null
}

/** The path of a run. Throws CliError for what is no id of one. */
export function runPath(id: string): string {
  if (/^run_[0-9a-z]{26}$/.test(id)) return `/api/eval-runs/${id}`
  throw new CliError(EXIT.usage, `"${id.slice(0, 60)}" is no run. aval eval history lists them.`)
}

export function isOver({ state }: Pick<EvalRun, 'state'>): boolean {
  return state !== 'queued' && state !== 'running'
}

/** As people read a state: a queued run may wait for a batch that is under way. */
export function stateText({ state, waits_until: until }: Pick<EvalRun, 'state' | 'waits_until'>): string {
  return state === 'queued' && until !== null ? 'waiting for batch' : state
}

/** How far the last batch of a run is; null where there was none. */
export function batchText({ last_batch: batch }: Pick<EvalRunProgress, 'last_batch'>): string | null {
  if (batch === null) return null
  const { part, state, status, requests, completed, failed, note } = batch
  const counted =
    state === 'submitted' || state === 'ended'
      ? `${completed ?? 0} of ${requests} answered`
      : `${requests} requests`
  const lost = (failed ?? 0) === 0 ? '' : `, ${failed} failed`
  const said = note === null ? '' : `. ${printableLine(note)}`
  return `part ${part}, ${status ?? state}, ${counted}${lost}${said}`
}
