/** Reviews as `/api` answers them, and what people type as an answer. */

import { CliError, EXIT } from '../../exit-codes.ts'

export type Said = 'yes' | 'no' | number
export type Scale = { kind: 'yes-no' } | { kind: 'grades'; levels: number }
export type ReviewQueue = {
  name: string
  run: string
  judge: { name: string; kind: string; version: number }
  dataset: string
  scale: Scale
  question: string
  reviewers: number
  decide: string
  tasks: number
  drawn_from: number
  seed: number
  created_at: string
  created_by_name: string | null
}
export type ReviewQueueProgress = ReviewQueue & {
  progress: {
    begun: number
    open: number
    disputed: number
    settled: number
    ratings: number
    skips: number
  }
}
export type ReviewTask = {
  task: number
  item: string
  repeat: number
  question: string
  scale: Scale
  input: string
  messages: { role?: string; content?: unknown }[] | null
  answer: string
  tool_calls: { name: string; arguments: string }[]
  contexts: string[]
  expected: unknown
}
export type HeldRating = {
  reviewer: string
  reviewer_name: string | null
  value: Said
  note: string | null
  revision: number
  at: string
}
export type Dispute = ReviewTask & { ratings: HeldRating[] }
export type Calibration = {
  id: string
  queue: string
  qualifies: boolean
  misses: string[]
  created_at: string
  created_by_name: string | null
  content: {
    about: { judge: { name: string; kind: string; version: number } }
    figures: Figures
  }
}
type Interval = { estimate: number; low: number; high: number }
type Figures = {
  truths: number
  unjudged: number
  counts: Record<string, number>
  sensitivity: Interval | null
  specificity: Interval | null
  kappa: Interval | null
  ac1: Interval | null
  people: Interval | null
}

/** The path of a queue. Throws CliError for what is no name of one. */
export function queuePath(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return `/api/review-queues/${name}`
  throw new CliError(EXIT.usage, `"${name.slice(0, 60)}" is no review queue. aval review list shows them.`)
}

export function taskPath(queue: string, task: string): string {
  if (/^[1-9]\d{0,3}$/.test(task)) return `${queuePath(queue)}/tasks/${task}`
  throw new CliError(
    EXIT.usage,
    `"${task.slice(0, 20)}" is no task. Write its number, as aval review next says it.`,
  )
}

/** `y`, `yes`, `n`, `no`, or a grade; null for anything else. */
export function readSaid(text: string): Said | null {
  const word = text.trim().toLowerCase()
  if (word === 'y' || word === 'yes') return 'yes'
  if (word === 'n' || word === 'no') return 'no'
  return /^\d{1,2}$/.test(word) ? Number(word) : null
}

/** Throws CliError for what nobody can mean. */
export function demandSaid(text: string): Said {
  const said = readSaid(text)
  if (said !== null) return said
  throw new CliError(EXIT.usage, `"${text.slice(0, 40)}" is no answer. Write yes, no, or a grade such as 4.`)
}

export function scaleText(scale: Scale): string {
  return scale.kind === 'yes-no' ? 'y or n' : `1 to ${scale.levels}`
}
