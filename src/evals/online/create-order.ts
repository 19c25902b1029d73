/** Makes orders to score live traffic, and looks beforehand at everything that could be wrong with one. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { usdText } from '../../lib/money.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { findRelease } from '../../registry/releases/store.ts'
import { fixScorer } from '../runs/create-run.ts'
import type { RunScorer } from '../runs/run-content.ts'
import type { SuiteScorer } from '../suites/suite.ts'
import { liveProblem } from './live-scorers.ts'
import type { OrderContent } from './order-content.ts'
import { countLive, findOrder, insertOrder, type OrderRow } from './order-rows.ts'

export type OrderWish = {
  route: string
  /** Their numbers: 15 for `r15`. */
  releases: readonly number[]
  scorers: readonly SuiteScorer[]
  sample: number
  sinceMs: number
  untilMs: number
  limit: number
  /** Micro-USD. */
  budget: bigint | null
  purpose: string
  models?: readonly string[]
}

/** Live ones of a project, each of which is looked at every minute. */
const MAX_LIVE = 20
/** Far more than a canary holds; monitoring begins a new one. */
const MAX_SPAN_MS = 92 * 86_400_000

type OrderDeps = { sql: Sql; db: Db; clock: Clock }

/**
 * What would be fixed. Throws RequestError for a release that is not there, for a scorer that cannot judge live traffic, and for
 * what never ends.
 */
export async function planOrder(
  { sql, db, clock }: OrderDeps,
  projectId: string,
  wish: OrderWish,
): Promise<OrderContent> {
  const { route, scorers, budget, sinceMs, untilMs } = wish
  demandSpan(sinceMs, untilMs, clock.nowMs())
  const fixed = liveScorers(scorers, budget)
  const releases: OrderContent['releases'][number][] = []
  for (const number of new Set(wish.releases)) releases.push(await releaseOf(db, projectId, route, number))
  if ((await countLive(sql, projectId)) >= MAX_LIVE) {
    const message = `This project has ${MAX_LIVE} live orders, and no more are looked at. Stop one: aval online stop`
    throw new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
  }
  return {
    route,
    releases,
    scorers: fixed,
    sample: wish.sample,
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    limit: wish.limit,
    budget: budget === null ? null : String(budget),
    purpose: wish.purpose,
    ...(wish.models !== undefined && { models: wish.models }),
  }
}

/** An order for workers to find. Whoever makes one rings `score-traffic`, or a worker finds it within two minutes. */
export async function createOrder(
  { sql, clock }: Pick<OrderDeps, 'sql' | 'clock'>,
  author: Actor,
  content: OrderContent,
): Promise<OrderRow> {
  const nowMs = clock.nowMs()
  const id = newId('onl', nowMs)
  const { route, since: lookedTo } = content
  const now = new Date(nowMs).toISOString()
  const { text, hash } = contentOf(content)
  await insertOrder(sql, { id, content: text, hash, route, lookedTo, author, now })
  const row = await findOrder(sql, author.projectId, id)
  if (row === null) throw new Error(`The order ${id} is gone.`)
  return row
}

function demandSpan(sinceMs: number, untilMs: number, nowMs: number): void {
  if (untilMs <= sinceMs) {
    throw new RequestError('invalid_value', 'until is not later than since, so nothing lies between.', {
      param: 'until',
    })
  }
  if (Math.max(untilMs, nowMs) - sinceMs <= MAX_SPAN_MS) return
  const days = MAX_SPAN_MS / 86_400_000
  throw new RequestError('invalid_value', `An order spans at most ${days} days. Begin another one later.`, {
    param: 'until',
  })
}

async function releaseOf(db: Db, projectId: string, route: string, number: number) {
  const found = await findRelease(db, projectId, route, number)
  if (found !== null) return { id: found.id, number: found.number }
  const message = `There is no ${route}@r${number}. aval release list ${route} shows its releases.`
  throw new RequestError('not_found', message, { param: 'releases' })
}

function liveScorers(scorers: readonly SuiteScorer[], budget: bigint | null): RunScorer[] {
  const names = new Set<string>()
  return scorers.map((scorer, at) => {
    const fixed = fixScorer(scorer, at)
    const problem =
      liveProblem(scorer) ??
      (names.has(scorer.name) ? `"${scorer.name}" stands twice. Give one of them a name.` : null) ??
      (Object.values(scorer.gates).some((gate) => gate !== null)
        ? 'Live scores decide nothing by themselves. Leave at_least and the other bars to suites.'
        : null) ??
      (fixed.judge === true && budget === null
        ? `A model judges "${fixed.kind}", which costs money for as long as there is traffic. Say how much it may cost: a budget, such as ${usdText(1_000_000n)}.`
        : null)
    if (problem !== null) {
      throw new RequestError('invalid_value', `scorers.${at} (${scorer.name}): ${problem}`, {
        param: `scorers.${at}`,
      })
    }
    names.add(scorer.name)
    return fixed
  })
}
