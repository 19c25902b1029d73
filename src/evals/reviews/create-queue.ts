/** Makes a review queue: which judge of which run, and a random sample of what it judged. */

import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { seededRandom } from '../../lib/random.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { rulesHash } from '../runs/calibration.ts'
import { parseRunContent, type RunScorer } from '../runs/run-content.ts'
import { findRun } from '../runs/run-rows.ts'
import { scorerKind } from '../scorers/registry.ts'
import { insertQueue, listJudgedUnits, type QueueContent, type QueueRow } from './queue-rows.ts'
import type { ReviewDeps } from './review.ts'
import { scaleOf } from './scale.ts'
import type { DecideBy } from './truth.ts'

export type QueueWish = {
  name: string
  run: string
  /** Of the run; null for its only judge. */
  scorer: string | null
  reviewers: number
  /** At most so many. */
  tasks: number
  decide: DecideBy
  seed: number
  /** Null for what the judge itself is asked. */
  question: string | null
}

/**
 * Tasks are drawn uniformly from the answers that the judge scored: the figures made of their ratings hold for a random sample
 * alone. Throws RequestError: no such run or judge, a run that is not over, nothing judged, a name that is taken.
 */
export async function createQueue(
  { sql, clock }: ReviewDeps,
  author: Actor,
  wish: QueueWish,
): Promise<QueueRow> {
  const run = await findRun(sql, author.projectId, wish.run)
  if (run === null) {
    const message = `There is no run ${JSON.stringify(wish.run.slice(0, 60))}. aval eval history lists them.`
    throw new RequestError('not_found', message, { param: 'run' })
  }
  if (run.state === 'queued' || run.state === 'running') {
    throw conflict(`The run ${run.id} is ${run.state}. Its answers can be sampled when it has ended.`)
  }
  const { scorers, dataset } = parseRunContent(run.content)
  const judge = judgeOf(scorers, wish.scorer)
  const scale = scaleOf(judge)
  const units = await listJudgedUnits(sql, run.id, judge.name)
  if (units.length === 0)
    throw conflict(`"${judge.name}" scored no answer of ${run.id}, so there is nothing to review.`)
  const drawn = drawUnits(units, wish.tasks, wish.seed)
  const { name, kind, version, settings } = judge
  const fixed: QueueContent = {
    run: run.id,
    dataset: { name: dataset.name, version: dataset.version, hash: dataset.hash },
    judge: { name, kind, version, settings },
    scale,
    question: wish.question ?? questionOf(judge),
    reviewers: wish.reviewers,
    decide: wish.decide,
    seed: wish.seed,
    drawnFrom: units.length,
  }
  const { text, hash } = contentOf(fixed)
  const nowMs = clock.nowMs()
  const row: QueueRow = {
    id: newId('rq', nowMs),
    projectId: author.projectId,
    name: wish.name,
    runId: run.id,
    content: text,
    hash,
    rulesHash: rulesHash(judge),
    reviewers: wish.reviewers,
    tasks: drawn.length,
    createdBy: author.id,
    createdByName: author.name,
    createdAt: new Date(nowMs).toISOString(),
  }
  if (await sql.begin((transaction) => insertQueue(transaction, row, drawn))) return row
  throw conflict(`There is a review queue "${wish.name}" already. Choose another name.`)
}

/** The first `count` of all units in an order that the seed alone decides (Fisher and Yates; Durstenfeld 1964, algorithm 235). */
export function drawUnits<Unit>(units: readonly Unit[], count: number, seed: number): Unit[] {
  const random = seededRandom(seed)
  const left = [...units]
  const drawn: Unit[] = []
  while (drawn.length < count && left.length > 0) {
    const at = Math.floor(random() * left.length)
    const [unit] = left.slice(at, at + 1)
    const last = left.pop()
    if (at < left.length && last !== undefined) left[at] = last
    if (unit !== undefined) drawn.push(unit)
  }
  return drawn
}

function judgeOf(scorers: readonly RunScorer[], name: string | null): RunScorer {
  const judges = scorers.filter(({ judge }) => judge === true)
  const found = name === null ? judges : scorers.filter((scorer) => scorer.name === name)
  const [only, another] = found
  if (only !== undefined && another === undefined) return only
  const names = judges.map((one) => one.name).join(', ')
  const known = judges.length === 0 ? 'The run has no judge.' : `Its judges: ${names}.`
  const message =
    name === null ? `Say which judge is reviewed. ${known}` : `The run has no scorer "${name}". ${known}`
  throw new RequestError('invalid_value', message, { param: 'scorer' })
}

function questionOf({ kind, settings }: RunScorer): string {
  const asked = settings.rubric ?? settings.criterion
  return typeof asked === 'string' ? asked : scorerKind(kind).summary
}

function conflict(message: string): RequestError {
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}
