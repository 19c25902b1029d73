/** Opens a review queue when an alert asks for one: people judge a sample of the newest judged run of the route. */

import { GatewayError } from '../../errors.ts'
import { createQueue } from '../../evals/reviews/create-queue.ts'
import { findQueue } from '../../evals/reviews/queue-rows.ts'
import { parseRunContent } from '../../evals/runs/run-content.ts'
import { findNewestJudged, findRun, type RunRow } from '../../evals/runs/run-rows.ts'
import { durationText } from '../../lib/units.ts'
import { type ActionDeps, alertName, type Intent, placeText, policyActor, type Situation } from './action.ts'

/** Of a run that the same alert began: a queue draws from finished answers. */
const WAIT_MS = 86_400_000
const TASKS = 50

/** Rejects with what a second try may mend. */
export async function openReview(deps: ActionDeps, situation: Situation): Promise<Intent> {
  const { alert, label, wanted, before } = situation
  if (wanted.includes('run_suite') && !before.some(({ action }) => action === 'run_suite')) {
    return { waits: 'Its suites have not been begun.' }
  }
  const begun = await begunRuns(deps, situation)
  const isLate = deps.clock.nowMs() >= alert.openedAtMs + WAIT_MS
  const live = begun.find(({ state }) => state === 'queued' || state === 'running')
  if (live !== undefined && !isLate) return { waits: `${live.id} is ${live.state}.` }
  const run =
    begun.find((one) => one.state === 'done' && judgeIn(one, alert.metric) !== null) ??
    (await findNewestJudged(deps.sql, alert.projectId, label.route))
  if (run === null) {
    const late = live === undefined ? '' : ` ${live.id} had not finished after ${durationText(WAIT_MS)}.`
    return {
      refused: `${placeText(label)} has no finished run with a judge whose answers people could review.${late}`,
    }
  }
  const name = `${alertName(alert, label.route)}`
  return {
    detail: { run: run.id, queue: name },
    take: async (keep) => {
      const queue = await queueOf(deps, { name, run, situation })
      const note = `${queue.tasks} answers of ${queue.runId} wait for people: aval review next ${name}`
      await keep(deps.db, { note, targets: [name] })
    },
  }
}

/** Those that the alert began before, whose own answers are nearest to what went wrong. */
async function begunRuns({ sql }: ActionDeps, { alert, before }: Situation): Promise<RunRow[]> {
  const ids = before.filter(({ action }) => action === 'run_suite').flatMap(({ targets }) => targets)
  const rows = await Promise.all(ids.map((id) => findRun(sql, alert.projectId, id)))
  return rows.filter((row) => row !== null)
}

/** The judge that the alert is about, or the first there is; null for a run without judges. */
function judgeIn(run: RunRow, metric: string): string | null {
  const judges = parseRunContent(run.content).scorers.filter(({ judge }) => judge === true)
  const meant = judges.find(({ name }) => metric === `score:${name}`)
  return (meant ?? judges[0])?.name ?? null
}

/** The one that is there already is the alert's own: no other alert has the name. */
async function queueOf(
  { sql, clock }: ActionDeps,
  { name, run, situation: { alert } }: { name: string; run: RunRow; situation: Situation },
) {
  const wish = {
    name,
    run: run.id,
    scorer: judgeIn(run, alert.metric),
    reviewers: 1,
    tasks: TASKS,
    decide: 'unanimous',
    seed: 1,
    question: null,
  } as const
  try {
    return await createQueue({ sql, clock }, policyActor(alert.projectId), wish)
  } catch (error) {
    const known = error instanceof GatewayError ? await findQueue(sql, alert.projectId, name) : null
    if (known === null) throw error
    return known
  }
}
