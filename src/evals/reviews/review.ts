/** What people do at a queue: take a task, rate or skip it, adjudicate it, bring ratings from elsewhere. */

import type { Sql, TransactionSql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../../registry/actor.ts'
import type { DatasetItem } from '../datasets/item.ts'
import { sampleOf } from '../runs/judge-unit.ts'
import type { Sample } from '../scorers/scorer.ts'
import { findQueue, type QueueContent, type QueueRow, readTask } from './queue-rows.ts'
import {
  holdAgain,
  insertRating,
  insertSkip,
  leavePlace,
  lockQueue,
  type Person,
  placeOf,
  type RatedTask,
  readTasks,
  takeAdjudication,
  takePlace,
} from './rating-rows.ts'
import { ratingValue, type Said, saidOf } from './scale.ts'
import { stateOf } from './truth.ts'

export type ReviewDeps = { sql: Sql; clock: Clock }

/** A task that was handed out and not rated within this time is handed to somebody else. */
const HOLD_MS = 30 * 60_000

/** What is rated: the answer and what it is to be judged by, and nothing of what the judge said. */
export type ReviewTask = {
  number: number
  repeat: number
  itemId: string
  sample: Sample
  /** Of a conversation, whose last question alone is the sample's input. */
  messages: DatasetItem['messages'] | null
}
export type Rated = { number: number; said: Said; note: string | null; revision: number }
export type ImportedRating = {
  item: string
  repeat: number
  reviewer: string
  value: Said
  note: string | null
}

export function parseQueueContent({ content }: Pick<QueueRow, 'content'>): QueueContent {
  return JSON.parse(content) as QueueContent
}

/** Throws RequestError not_found, for a queue of another project too. */
export async function getQueue(sql: Sql, projectId: string, name: string): Promise<QueueRow> {
  const found = await findQueue(sql, projectId, name)
  if (found !== null) return found
  const message = `There is no review queue ${JSON.stringify(name.slice(0, 63))}. aval review list shows them.`
  throw new RequestError('not_found', message, { param: 'name' })
}

/** Gives this person a place at a task, or again the one that they have not rated yet. Null when nothing is left for them. */
export async function nextTask(
  { sql, clock }: ReviewDeps,
  queue: QueueRow,
  reviewer: Actor,
): Promise<ReviewTask | null> {
  const person = personOf(reviewer)
  const nowMs = clock.nowMs()
  const [now, until] = [iso(nowMs), iso(nowMs + HOLD_MS)]
  const number = await sql.begin(async (transaction) => {
    await lockQueue(transaction, queue.id)
    const held = await holdAgain(transaction, { queueId: queue.id, person: person.id, until })
    if (held !== null) return held
    const { id: queueId, reviewers } = queue
    return await takePlace(transaction, {
      queueId,
      person,
      reviewers,
      first: 1,
      last: queue.tasks,
      now,
      until,
    })
  })
  return number === null ? null : await showTask({ sql }, queue, number)
}

export async function showTask(
  { sql }: Pick<ReviewDeps, 'sql'>,
  queue: QueueRow,
  number: number,
): Promise<ReviewTask> {
  const task = await readTask(sql, queue, number)
  if (task === null) throw noTask(queue, number)
  const { item, repeat, result } = task
  return { number, repeat, itemId: item.id, sample: sampleOf(item, result), messages: item.messages ?? null }
}

/**
 * Rates a task at which this person has a place; once more is a correction, and what was said before stays in the history.
 * Throws RequestError: a value that is not on the scale, a task that was not handed to them.
 */
export async function rateTask(
  { sql, clock }: ReviewDeps,
  queue: QueueRow,
  reviewer: Actor,
  { number, value: said, note }: { number: number; value: Said; note: string | null },
): Promise<Rated> {
  const person = personOf(reviewer)
  const value = ratingValue(parseQueueContent(queue).scale, said)
  return await sql.begin(async (transaction) => {
    await lockQueue(transaction, queue.id)
    const place = await placeOf(transaction, { queueId: queue.id, number, person: person.id })
    if (place === null) {
      throw conflict(
        `Task ${number} of "${queue.name}" is not yours. aval review next ${queue.name} hands you one.`,
      )
    }
    if (place === 0) throw conflict(`You adjudicated task ${number}: aval review adjudicate corrects that.`)
    const revision = await keepRating(transaction, queue, {
      number,
      person,
      value,
      note,
      by: reviewer.id,
      now: iso(clock.nowMs()),
    })
    return { number, said, note, revision }
  })
}

/** Gives up a place before anything was said. Throws RequestError for a task that is not theirs or that they have rated. */
export async function skipTask(
  { sql, clock }: ReviewDeps,
  queue: QueueRow,
  reviewer: Actor,
  { number, reason }: { number: number; reason: string },
): Promise<void> {
  await sql.begin(async (transaction) => {
    await lockQueue(transaction, queue.id)
    const place = { queueId: queue.id, number, person: reviewer.person }
    if (!(await leavePlace(transaction, place))) {
      throw conflict(
        `Task ${number} of "${queue.name}" is not waiting for you: only what was handed to you is skipped.`,
      )
    }
    await insertSkip(transaction, { ...place, reason, now: iso(clock.nowMs()) })
  })
}

/**
 * Says what is true of a disputed task, by somebody who is none of its reviewers; once more is a correction. Throws RequestError:
 * a task that is not disputed, a person who has rated it, somebody else's adjudication.
 */
export async function adjudicateTask(
  { sql, clock }: ReviewDeps,
  queue: QueueRow,
  reviewer: Actor,
  { number, value: said, note }: { number: number; value: Said; note: string | null },
): Promise<Rated> {
  const person = personOf(reviewer)
  const content = parseQueueContent(queue)
  const value = ratingValue(content.scale, said)
  return await sql.begin(async (transaction) => {
    await lockQueue(transaction, queue.id)
    const of = { ...queue, scorer: content.judge.name }
    const [task] = await readTasks(transaction, of, { after: number - 1, limit: 1 })
    if (task?.number !== number) throw noTask(queue, number)
    const state = stateOf(task.ratings, content)
    const own = task.ratings.find((rating) => rating.person === person.id)
    if (own !== undefined && own.place > 0) {
      throw conflict(`You rated task ${number} yourself. Somebody who did not has to adjudicate it.`)
    }
    if (state.state !== 'disputed' && own === undefined) {
      const why = state.state === 'open' ? 'still waits for reviewers' : 'is settled'
      throw conflict(
        `Task ${number} of "${queue.name}" ${why}. Only what reviewers disagree on is adjudicated.`,
      )
    }
    const now = iso(clock.nowMs())
    if (!(await takeAdjudication(transaction, { queueId: queue.id, number, person, now }))) {
      throw conflict(`Somebody else adjudicated task ${number}, and only they correct it.`)
    }
    const revision = await keepRating(transaction, queue, {
      number,
      person,
      value,
      note,
      by: reviewer.id,
      now,
    })
    return { number, said, note, revision }
  })
}

/**
 * Ratings that were made elsewhere, all or none, in the names of those who made them. One that says the same as before adds
 * nothing. Throws RequestError that names the row: no such task in the sample, a value off the scale, a task that has its k.
 */
export async function importRatings(
  { sql, clock }: ReviewDeps,
  queue: QueueRow,
  importer: Actor,
  ratings: readonly ImportedRating[],
): Promise<{ added: number; unchanged: number }> {
  const { scale } = parseQueueContent(queue)
  const now = iso(clock.nowMs())
  return await sql.begin(async (transaction) => {
    await lockQueue(transaction, queue.id)
    const counts = { added: 0, unchanged: 0 }
    const before = await allTasks(transaction, queue)
    const known = new Map(
      before.map((task) => [task.number, new Map(task.ratings.map((one) => [one.person, one]))]),
    )
    const numbers = new Map(before.map(({ number, repeat, itemId }) => [`${repeat} ${itemId}`, number]))
    for (const [at, { item, repeat, reviewer, value: said, note }] of ratings.entries()) {
      const number = numbers.get(`${repeat} ${item}`)
      if (number === undefined)
        throw badRow(at, `the sample has no item ${JSON.stringify(item)} in repeat ${repeat}.`)
      const person = { id: `ext_${reviewer}`, name: reviewer }
      const value = ratingValue(scale, said)
      const own = known.get(number)?.get(person.id)
      if (own !== undefined && own.value === value && own.note === note) {
        counts.unchanged += 1
        continue
      }
      const place = {
        queueId: queue.id,
        person,
        reviewers: queue.reviewers,
        first: number,
        last: number,
        now,
        until: now,
      }
      if (own === undefined && (await takePlace(transaction, place)) === null) {
        throw badRow(
          at,
          `task ${number} has its ${queue.reviewers} reviewers, or "${reviewer}" stands there twice.`,
        )
      }
      await keepRating(transaction, queue, { number, person, value, note, by: importer.id, now })
      counts.added += 1
    }
    return counts
  })
}

/** Who sits at a task is a person, by the name of the key that they came with: another key of theirs has the same place. */
function personOf({ person, name }: Actor): Person {
  return { id: person, name }
}

/** The caller holds the queue's lock, and the person a place at the task. `by` is the key that wrote it. Gives the revision. */
async function keepRating(
  transaction: TransactionSql,
  { id: queueId }: QueueRow,
  {
    person,
    ...rating
  }: { number: number; person: Person; value: number; note: string | null; by: string; now: string },
): Promise<number> {
  return await insertRating(transaction, { queueId, ...rating, person: person.id })
}

/** Every task with its ratings: at most 5,000 of at most 9. */
export async function allTasks(
  sql: Parameters<typeof readTasks>[0],
  queue: Pick<QueueRow, 'id' | 'projectId' | 'content'>,
): Promise<RatedTask[]> {
  const { judge } = parseQueueContent(queue)
  return await readTasks(sql, { ...queue, scorer: judge.name }, { after: 0, limit: 5_000 })
}

export type QueueProgress = {
  tasks: number
  /** The number of the last task that anybody saw: tasks are handed out in their order. */
  begun: number
  open: number
  disputed: number
  settled: number
  ratings: number
  skips: number
}

export function progressOf(tasks: readonly RatedTask[], content: QueueContent): QueueProgress {
  const states = tasks.map(({ ratings }) => stateOf(ratings, content).state)
  const count = (state: string) => states.filter((one) => one === state).length
  return {
    tasks: tasks.length,
    begun: tasks.findLast(({ begun }) => begun)?.number ?? 0,
    open: count('open'),
    disputed: count('disputed'),
    settled: count('settled'),
    ratings: tasks.reduce((sum, { ratings }) => sum + ratings.length, 0),
    skips: tasks.reduce((sum, { skips }) => sum + skips, 0),
  }
}

/** Tasks that wait for somebody who is none of their reviewers, the first `limit` that this person may adjudicate. */
export function disputesFor(
  tasks: readonly RatedTask[],
  content: QueueContent,
  { person, limit }: { person: string; limit: number },
): RatedTask[] {
  return tasks
    .filter(({ ratings }) => stateOf(ratings, content).state === 'disputed')
    .filter(({ ratings }) => ratings.every((rating) => rating.person !== person))
    .slice(0, limit)
}

/** What a person said, in the queue's words. */
export function saidIn(content: QueueContent, value: number): Said {
  return saidOf(content.scale, value)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function noTask(queue: QueueRow, number: number): RequestError {
  return new RequestError(
    'not_found',
    `"${queue.name}" has the tasks 1 to ${queue.tasks}, and no ${number}.`,
    {
      param: 'task',
    },
  )
}

function badRow(at: number, why: string): RequestError {
  return new RequestError('invalid_value', `ratings.${at}: ${why}`, { param: `ratings.${at}` })
}

function conflict(message: string): RequestError {
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}
