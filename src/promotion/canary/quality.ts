/** The quality of a canary's two releases: live answers, sampled and judged by scorers of the policy's suites. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { GatewayError, RequestError } from '../../errors.ts'
import { createOrder, planOrder } from '../../evals/online/create-order.ts'
import { type OrderContent, parseOrder } from '../../evals/online/order-content.ts'
import { findOrder, type OrderRow, stopOrder } from '../../evals/online/order-rows.ts'
import { countOnlineScores, readFirstScores } from '../../evals/online/score-rows.ts'
import { rulesHash } from '../../evals/runs/calibration.ts'
import type { SuiteScorer } from '../../evals/suites/suite.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ReleaseRow } from '../../registry/releases/store.ts'
import type { ReadSuite } from '../evidence/gather.ts'
import type { CanaryPolicy, Policy } from '../policy.ts'
import { keepOrder, type PromotionRow } from '../requests/store.ts'
import { type Arm, MOST_SCORES } from './metrics.ts'

export type QualityDeps = { db: Db; sql: Sql; clock: Clock; readSuite: ReadSuite }

/** An order spans at most this much; longer canaries are judged no further. */
const MAX_SPAN_MS = 91 * 86_400_000
/** Of both releases together. */
const MOST_SAMPLED = 2 * MOST_SCORES

type Watched = { promotion: PromotionRow; policy: Policy; to: ReleaseRow; from: ReleaseRow; beganMs: number }

/** Why the quality that a canary is to watch could not be judged on live traffic; null where it can, or none is watched. */
export async function qualityProblem(
  deps: QualityDeps,
  given: Omit<Watched, 'from' | 'beganMs'> & { from: ReleaseRow | null },
): Promise<string | null> {
  const { from } = given
  if (from === null) return null
  try {
    await planQuality(deps, { ...given, from, beganMs: deps.clock.nowMs() })
    return null
  } catch (error) {
    if (error instanceof GatewayError) return `the canary's quality cannot be watched. ${error.message}`
    throw error
  }
}

/** The order by which live answers are judged, begun with the first look; null where no quality is watched or can be. */
export async function qualityOrder(deps: QualityDeps, watched: Watched): Promise<OrderRow | null> {
  const { promotion } = watched
  const { projectId, requestedBy, requestedByName, requestedByPerson, id, onlineOrderId } = promotion
  if (onlineOrderId !== null) return await findOrder(deps.sql, projectId, onlineOrderId)
  const content = await planQuality(deps, watched).catch((error: unknown) => {
    // Files change under a canary. What has no values holds it, until its longest wait takes it back.
    if (error instanceof GatewayError) return null
    throw error
  })
  if (content === null) return null
  const author = {
    id: requestedBy,
    name: requestedByName ?? requestedBy,
    projectId,
    person: requestedByPerson,
  }
  const order = await createOrder(deps, author, content)
  if (await keepOrder(deps.db, id, order.id)) return order
  // Somebody else looked for the first time at the same moment.
  await stopOrder(deps.sql, order.id, new Date(deps.clock.nowMs()).toISOString())
  return null
}

async function planQuality(
  deps: QualityDeps,
  { promotion, policy, to, from, beganMs }: Watched,
): Promise<OrderContent | null> {
  const { canary } = policy
  const names = Object.keys(canary?.margins.quality ?? {})
  if (canary === null || names.length === 0) return null
  return await planOrder(deps, promotion.projectId, {
    route: promotion.route,
    releases: [from.number, to.number],
    scorers: await scorersOf(deps.readSuite, policy, names),
    sample: canary.sample,
    sinceMs: beganMs,
    untilMs: beganMs + spanOf(canary),
    limit: MOST_SAMPLED,
    budget: canary.budget === null ? null : BigInt(canary.budget),
    purpose: `The canary of ${promotion.id}.`,
    models: namesOf(promotion),
  })
}

/** As apps ask for the label: nobody's calls of a release by its number say anything of a canary. */
function namesOf({ route, label }: PromotionRow): string[] {
  return [`${route}@${label}`, ...(label === 'production' ? [route] : [])]
}

function spanOf({ stages, maxWaitMs }: CanaryPolicy): number {
  return Math.min(MAX_SPAN_MS, stages.length * maxWaitMs)
}

async function scorersOf(
  readSuite: ReadSuite,
  policy: Policy,
  names: readonly string[],
): Promise<SuiteScorer[]> {
  const known = new Map<string, SuiteScorer>()
  for (const name of policy.suites) {
    const suite = await readSuite(name)
    if ('problems' in suite) throw new RequestError('invalid_value', suite.problems.join(' '))
    for (const scorer of suite.scorers) if (!known.has(scorer.name)) known.set(scorer.name, scorer)
  }
  return names.map((name) => {
    const found = known.get(name)
    // One that is in no suite is a kind without settings.
    const { kind, settings } = found ?? { kind: name, settings: {} }
    return { name, kind, settings, gates: NO_GATES }
  })
}

const NO_GATES = { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null } as const

/**
 * Scores of one release since the stage began by the order's scorers, higher being better, in the order in which they arrived: the bounds are of what every
 * later look only adds to. Empty without an order that judges: what is judged no more may not go on as if it were well.
 */
export async function readQuality(
  sql: Sql,
  order: OrderRow | null,
  { releaseId, since }: { releaseId: string; since: string },
): Promise<Arm['quality']> {
  if (order === null || order.state === 'stopped' || order.state === 'failed') return {}
  const { scorers, until, models = null } = parseOrder(order)
  const window = { projectId: order.projectId, since, until, models }
  const quality: Record<string, Arm['quality'][string]> = {}
  for (const scorer of scorers) {
    const rules = rulesHash(scorer)
    const values = await readFirstScores(sql, { ...window, releaseId, rulesHash: rules }, MOST_SCORES)
    const [counts] = await countOnlineScores(sql, {
      ...window,
      releaseIds: [releaseId],
      rulesHashes: [rules],
    })
    const { abstained = 0, errors = 0, skipped = 0, skips = {} } = counts ?? {}
    quality[scorer.name] = {
      values: values.map((value) => (scorer.better === 'higher' ? value : 1 - value)),
      // Where there was no answer there was nothing to judge: that is an error of the release, and counted as one.
      unknown: abstained + errors + skipped - (skips.no_answer ?? 0),
    }
  }
  return quality
}
