/** Runs that a scripted judge judged, and people who rate its answers. */

import type { DatabaseConnection } from '../../src/db/client.ts'
import { createQueue, type QueueWish } from '../../src/evals/reviews/create-queue.ts'
import type { QueueRow } from '../../src/evals/reviews/queue-rows.ts'
import { nextTask, type ReviewTask, rateTask } from '../../src/evals/reviews/review.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Actor } from '../../src/registry/actor.ts'
import { AUTHOR, aDataset, aSuite, begin, execute, numbered, scriptedAsk } from './eval-runs.ts'

export const JUDGED = `
dataset: answers
subject: recorded
scorers:
  - { name: polite, kind: closed-qa, criterion: Greets., model: local/judge, at_least: 0.5 }
`

/** Every other answer is good, as people see it; of the judge, `isWrong` says where it errs. The run has ended. */
export async function aJudgedRun(
  database: DatabaseConnection,
  count: number,
  { isWrong = () => false, yaml = JUDGED }: { isWrong?: (at: number) => boolean; yaml?: string } = {},
): Promise<string> {
  const items = numbered(count, (at) => ({ output: `${at % 2 === 0 ? 'good' : 'bad'} #${at}.` }))
  await aDataset(database, 'answers', items)
  const { candidate } = await begin(database, aSuite(yaml))
  const { ask } = scriptedAsk((_question, _before, { body }) => {
    const [, at = '0'] = /#(\d+)\./.exec(JSON.stringify(body.messages)) ?? []
    const isGood = (Number(at) % 2 === 0) !== isWrong(Number(at))
    return JSON.stringify({ reason: 'So it is.', meets: isGood ? 'Y' : 'N' })
  })
  await execute(database, candidate.id, ask)
  return candidate.id
}

export const person = (name: string): Actor => ({
  id: `vk_${name}`,
  name,
  projectId: AUTHOR.projectId,
  person: `vk_${name}`,
})

export async function aQueue(
  { sql }: DatabaseConnection,
  wish: Partial<QueueWish> & { run: string },
): Promise<QueueRow> {
  const usual: Omit<QueueWish, 'run'> = {
    name: 'polite',
    scorer: null,
    reviewers: 1,
    tasks: 100,
    decide: 'unanimous',
    seed: 1,
    question: null,
  }
  return await createQueue({ sql, clock: systemClock }, AUTHOR, { ...usual, ...wish })
}

/** What is true of an answer of `aJudgedRun`. */
const truthOf = ({ sample }: ReviewTask) => (sample.output.startsWith('good') ? 'yes' : 'no')

/** One person rates all that is left for them. */
export async function rateAll(
  { sql }: DatabaseConnection,
  queue: QueueRow,
  name: string,
  say: (task: ReviewTask) => 'yes' | 'no' | number = truthOf,
): Promise<void> {
  const deps = { sql, clock: systemClock }
  for (let count = 0; count < 5_000; count += 1) {
    const task = await nextTask(deps, queue, person(name))
    if (task === null) return
    await rateTask(deps, queue, person(name), { number: task.number, value: say(task), note: null })
  }
}
